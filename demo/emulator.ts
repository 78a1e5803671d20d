import path from "node:path";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET } from "@surewire/salesforce-emulator";
import { Service, type ServiceOptions } from "../test/services/service";
import { freePorts, isListening, waitFor } from "../test/services/wait";

const API = "/services/data/v66.0";
const PROGRAM = path.resolve(__dirname, "../emulator/bin/surewire-salesforce-emulator.js");

/** The org emulator in a process of its own, asked over HTTP like any org. */
export class EmulatorService extends Service {
  readonly clientId = DEFAULT_CLIENT_ID;
  readonly clientSecret = DEFAULT_CLIENT_SECRET;

  constructor(options: ServiceOptions = {}) {
    super("emulator", options);
  }

  /** Login URL, instance URL, and the page with the cases in one. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** All rows of a SOQL query, through the query API and its pages. */
  async query<R>(soql: string): Promise<R[]> {
    const headers = { authorization: `Bearer ${await this.#login()}` };
    const rows: R[] = [];
    let next: string | undefined = `${API}/query?q=${encodeURIComponent(soql)}`;
    while (next !== undefined) {
      const response = await fetch(this.url + next, { headers });
      if (!response.ok) throw new Error(`${soql}: ${response.status} ${await response.text()}`);
      const page = (await response.json()) as { records: R[]; nextRecordsUrl?: string };
      rows.push(...page.records);
      next = page.nextRecordsUrl;
    }
    return rows;
  }

  /** Cases the org holds at this moment, for the progress line: no API call is counted for it. */
  async caseCount(): Promise<number> {
    const response = await fetch(`${this.url}/__emu/stats`);
    const stats = (await response.json()) as { records: Record<string, number> };
    return stats.records.Case ?? 0;
  }

  /** Answers every call with 503 for a while. @param ms - how long */
  async unavailable(ms: number): Promise<void> {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${this.url}/__emu/unavailable`, { method: "POST", headers, body: JSON.stringify({ ms }) });
    if (!response.ok) throw new Error(`The emulator refused: ${await response.text()}`);
  }

  async #login(): Promise<string> {
    const body = new URLSearchParams({ grant_type: "client_credentials", client_id: this.clientId, client_secret: this.clientSecret });
    const response = await fetch(`${this.url}/services/oauth2/token`, { method: "POST", body });
    if (!response.ok) throw new Error(`Login failed: ${await response.text()}`);
    return ((await response.json()) as { access_token: string }).access_token;
  }

  protected choosePort(): Promise<number> {
    return freePorts();
  }

  protected prepare(): Promise<void> {
    return Promise.resolve();
  }

  protected async launch(): Promise<void> {
    const child = this.spawn(process.execPath, [PROGRAM, "--port", String(this.port)]);
    await waitFor("the emulator", () => {
      if (child.exitCode !== null) throw new Error(`The emulator ended with ${child.exitCode}`);
      return isListening(this.port);
    });
  }

  protected requestStop(): void {
    this.signalAll("SIGTERM");
  }

  protected crash(): void {
    this.signalAll("SIGKILL");
  }
}
