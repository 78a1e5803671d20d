/** One request the emulator has answered, or cut off. */
export interface RequestRecord {
  /** ISO time. */
  time: string;
  method: string;
  /** Path with query. */
  path: string;
  /** What it was, with ids and values taken out: `PATCH composite/sobjects/Case/Device_Event_Id__c`. */
  kind: string;
  /** 0 when the connection was reset. */
  status: number;
  /** From the whole request read to the answer written. */
  ms: number;
  /** The `Sforce-…` headers of the request. */
  headers: Record<string, string>;
}

/** What was counted since the start or the last reset. */
export interface StatsCounts {
  /** Calls of the REST API, refused and faulted ones too. */
  apiCalls: number;
  /** The same by {@link RequestRecord.kind}. */
  byKind: Record<string, number>;
  /** Calls of the token endpoint that reached it, refused ones too. */
  tokenRequests: number;
  /** Tokens given out. */
  logins: number;
  loginsByClient: Record<string, number>;
  /** The last 200, oldest first, with calls of the token endpoint. */
  lastRequests: RequestRecord[];
}

/** Requests remembered. */
const MAX_REQUESTS = 200;

/** Kinds of calls counted by themselves, and what the rest is counted as: paths can be of any number. */
const MAX_KINDS = 1000;
const OTHER = "other";

/** Counts of what the org was asked. */
export class Stats {
  private apiCalls = 0;
  private tokenRequests = 0;
  private logins = 0;
  private byKind: Record<string, number> = {};
  private loginsByClient: Record<string, number> = {};
  private requests: RequestRecord[] = [];

  countTokenRequest(): void {
    this.tokenRequests++;
  }

  countLogin(clientId: string): void {
    this.logins++;
    this.loginsByClient[clientId] = (this.loginsByClient[clientId] ?? 0) + 1;
  }

  countCall(kind: string): void {
    this.apiCalls++;
    const known = kind in this.byKind || Object.keys(this.byKind).length < MAX_KINDS ? kind : OTHER;
    this.byKind[known] = (this.byKind[known] ?? 0) + 1;
  }

  note(request: RequestRecord): void {
    this.requests.push(request);
    if (this.requests.length > MAX_REQUESTS) this.requests.shift();
  }

  /** A copy of the counts. */
  read(): StatsCounts {
    return {
      apiCalls: this.apiCalls,
      byKind: { ...this.byKind },
      tokenRequests: this.tokenRequests,
      logins: this.logins,
      loginsByClient: { ...this.loginsByClient },
      lastRequests: [...this.requests],
    };
  }

  clear(): void {
    this.apiCalls = 0;
    this.tokenRequests = 0;
    this.logins = 0;
    this.byKind = {};
    this.loginsByClient = {};
    this.requests = [];
  }
}
