import assert from "node:assert/strict";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator } from "../../../emulator/src/index";
import { waitFor } from "../../services/wait";
import { EXTERNAL_ID } from "../support";

interface Job {
  id: string;
  state: string;
  numberRecordsProcessed?: number;
}

/** The org the operations run against, and a plain view of it that knows nothing of our nodes. */
export class World {
  private token: string | undefined;
  private count = 0;

  /** @param version of the API that the nodes speak: a bulk job answers no other */
  constructor(
    readonly org: Emulator,
    private readonly version: string,
  ) {}

  /** Forgets its session, which may be over. */
  signOut(): void {
    this.token = undefined;
  }

  /** A text that no other trial has. */
  unique(word: string): string {
    return `${word} ${(this.count += 1)}`;
  }

  /** Makes records as an administrator would; gives their ids. */
  insert(object: string, ...records: object[]): string[] {
    return (this.org.control.insert({ object, records } as never) as { ids: string[] }).ids;
  }

  /** One record, unless it is gone. */
  record(object: string, id: string): Record<string, unknown> | undefined {
    return this.org.records(object).find((record) => record.Id === id);
  }

  /** A case with an external id, if there is one. */
  caseOf(externalId: string): Record<string, unknown> | undefined {
    return this.org.records("Case").find((record) => record[EXTERNAL_ID] === externalId);
  }

  /** Asks the REST API. */
  async api<T>(method: string, path: string, body?: unknown, type = "application/json"): Promise<T> {
    this.token ??= await this.login();
    const answer = await fetch(`${this.org.url}${path.startsWith("/services") ? "" : `/services/data/v${this.version}`}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(body === undefined ? {} : { "content-type": type }) },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** Calls the SOAP API. */
  async soap(operation: string, content: string): Promise<void> {
    this.token ??= await this.login();
    const call = `<${operation} xmlns="urn:partner.soap.sforce.com">${content}</${operation}>`;
    const header = `<SessionHeader xmlns="urn:partner.soap.sforce.com"><sessionId>${this.token}</sessionId></SessionHeader>`;
    const body = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header>${header}</e:Header><e:Body>${call}</e:Body></e:Envelope>`;
    const answer = await fetch(`${this.org.url}/services/Soap/u/${this.version}`, { method: "POST", headers: { "content-type": "text/xml", soapaction: '""' }, body });
    assert.ok(answer.ok, await answer.text());
  }

  /** An open ingest job for cases. */
  async openJob(): Promise<string> {
    return (await this.api<Job>("POST", "/jobs/ingest", { object: "Case", operation: "insert" })).id;
  }

  /** An ingest job that has its rows, and is closed. */
  async closedJob(csv: string): Promise<string> {
    const id = await this.openJob();
    await this.api("PUT", `/jobs/ingest/${id}/batches`, csv, "text/csv");
    await this.api("PATCH", `/jobs/ingest/${id}`, { state: "UploadComplete" });
    return id;
  }

  /** A job when it has come to a state. */
  jobIn(kind: "ingest" | "query", id: string, state: string): Promise<Job> {
    return waitFor<Job | undefined>(`the job to be ${state}`, async () => {
      const job = await this.api<Job>("GET", `/jobs/${kind}/${id}`);
      return job.state === state ? job : undefined;
    }, { interval: 5 });
  }

  /** An ingest job that has ended: one row good, one refused; with a fault of the org, neither worked on. */
  async endedJob(how: "JobComplete" | "Failed" = "JobComplete"): Promise<string> {
    if (how === "Failed") this.org.control.bulkFault({ kind: "fail", after: 0 });
    const id = await this.closedJob(`Subject,Origin\n${this.unique("good row")},Web\n${this.unique("bad row")},Nowhere\n`);
    await this.jobIn("ingest", id, how);
    return id;
  }

  /** A query job for cases that has ended. */
  async queryJob(state: "UploadComplete" | "JobComplete" = "JobComplete"): Promise<string> {
    const { id } = await this.api<Job>("POST", "/jobs/query", { operation: "query", query: "SELECT Id, Subject FROM Case" });
    await this.jobIn("query", id, state);
    return id;
  }

  private async login(): Promise<string> {
    const form = new URLSearchParams({ grant_type: "client_credentials", client_id: DEFAULT_CLIENT_ID, client_secret: DEFAULT_CLIENT_SECRET });
    const answer = await fetch(`${this.org.url}/services/oauth2/token`, { method: "POST", body: form });
    return ((await answer.json()) as { access_token: string }).access_token;
  }
}
