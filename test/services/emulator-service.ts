import path from "node:path";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET } from "@surewire/salesforce-emulator";
import { Service, type ServiceOptions } from "./service";
import { freePorts, isListening } from "./wait";

/** The counts that are read here. */
interface StatsReading {
  apiCalls: number;
  /** Number of live records by object. */
  records: Record<string, number>;
}

const API = "/services/data/v66.0";
const PROGRAM = path.resolve(__dirname, "../../emulator/bin/surewire-salesforce-emulator.js");

/** The org emulator in its own process. It is called over HTTP like any org. */
export class EmulatorService extends Service {
  readonly clientId = DEFAULT_CLIENT_ID;
  readonly clientSecret = DEFAULT_CLIENT_SECRET;

  constructor(options: ServiceOptions = {}) {
    super("emulator", options);
  }

  /** The login URL, the instance URL, and the page with the cases. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Returns all rows of a SOQL query, from all pages of the query API. */
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

  /** Returns the present number of cases in the org, for the progress line. This does not count as an API call. */
  async caseCount(): Promise<number> {
    return (await this.stats()).records.Case ?? 0;
  }

  /** Returns the counts since the start of the org or the last {@link reset}. */
  stats(): Promise<StatsReading> {
    return this.#control("stats", "GET") as Promise<StatsReading>;
  }

  /** Makes the org answer all calls with 503. @param ms - for how long */
  async unavailable(ms: number): Promise<void> {
    await this.#control("unavailable", "POST", { ms });
  }

  /** Removes all records, counts and faults. */
  async reset(): Promise<void> {
    await this.#control("reset", "POST");
  }

  /** Returns the newest records of an object, newest first. */
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
