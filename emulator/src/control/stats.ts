/** A request that the emulator has answered or cut off. */
export interface RequestRecord {
  /** ISO time. */
  time: string;
  method: string;
  /** Path with query. */
  path: string;
  /** The call without ids and values, for example `PATCH composite/sobjects/Case/Device_Event_Id__c`. */
  kind: string;
  /** HTTP status; 0 if the connection was reset. */
  status: number;
  /** ms from the end of the request to the end of the answer. */
  ms: number;
  /** The `Sforce-…` headers of the request. */
  headers: Record<string, string>;
}

/** Counts since the start or the last reset. */
export interface StatsCounts {
  /** Calls of the REST and SOAP APIs, including refused ones and those that a fault has hit. */
  apiCalls: number;
  /** The same by {@link RequestRecord.kind}. */
  byKind: Record<string, number>;
  /** Requests for a token and SOAP logins, including refused ones, but not those that a fault has hit. */
  tokenRequests: number;
  /** Tokens that were issued. */
  logins: number;
  loginsByClient: Record<string, number>;
  /** The last 200 requests, oldest first, including those for a token. */
  lastRequests: RequestRecord[];
}

/** How many requests are remembered. */
const MAX_REQUESTS = 200;

/** How many kinds of calls are counted separately, since there is no limit to the number of paths; and the kind as which all others are counted. */
const MAX_KINDS = 1000;
const OTHER = "other";

/** Counts the requests to the org. */
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

  /** Returns a copy of the counts. */
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
