import path from "node:path";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET } from "@surewire/salesforce-emulator";
import { Service, type ServiceOptions } from "./service";
import { freePorts, isListening } from "./wait";

/** The part of the counts that is read here. */
interface StatsReading {
  apiCalls: number;
  /** Live records by object. */
  records: Record<string, number>;
}

const API = "/services/data/v66.0";
const PROGRAM = path.resolve(__dirname, "../../emulator/bin/surewire-salesforce-emulator.js");

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
    return (await this.stats()).records.Case ?? 0;
  }

  /** What the org has counted since its start or the last {@link reset}. */
  stats(): Promise<StatsReading> {
    return this.#control("stats", "GET") as Promise<StatsReading>;
  }

  /** Answers every call with 503 for a while. @param ms - how long */
  async unavailable(ms: number): Promise<void> {
    await this.#control("unavailable", "POST", { ms });
  }

  /** No records, no counts, no faults. */
  async reset(): Promise<void> {
    await this.#control("reset", "POST");
  }

  /** The newest records of an object, newest first. */
  async newest(object: string, count: number): Promise<Record<string, unknown>[]> {
    return ((await this.#control(`records/${object}?limit=${count}`, "GET")) as { records: Record<string, unknown>[] }).records;
  }

  async #control(verb: string, method: string, body?: object): Promise<unknown> {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${this.url}/__emu/${verb}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    if (!response.ok) throw new Error(`The emulator refused ${verb}: ${await response.text()}`);
    return response.json();
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
    this.spawn(process.execPath, [PROGRAM, "--port", String(this.port)]);
    await this.untilItAnswers(() => isListening(this.port));
  }

  protected requestStop(): void {
    this.signalAll("SIGTERM");
  }

  protected crash(): void {
    this.signalAll("SIGKILL");
  }
}
