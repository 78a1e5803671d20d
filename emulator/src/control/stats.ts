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

/** Requests remembered. */
const MAX_REQUESTS = 200;

/** Counts of what the org was asked. */
export class Stats {
  private apiCalls = 0;
  private logins = 0;
  private byKind: Record<string, number> = {};
  private loginsByClient: Record<string, number> = {};
  private requests: RequestRecord[] = [];

  countLogin(clientId: string): void {
    this.logins++;
    this.loginsByClient[clientId] = (this.loginsByClient[clientId] ?? 0) + 1;
  }

  countCall(kind: string): void {
    this.apiCalls++;
    this.byKind[kind] = (this.byKind[kind] ?? 0) + 1;
  }

  note(request: RequestRecord): void {
    this.requests.push(request);
    if (this.requests.length > MAX_REQUESTS) this.requests.shift();
  }

  /** A copy of the counts. */
  read(): { apiCalls: number; byKind: Record<string, number>; logins: number; loginsByClient: Record<string, number>; lastRequests: RequestRecord[] } {
    return {
      apiCalls: this.apiCalls,
      byKind: { ...this.byKind },
      logins: this.logins,
      loginsByClient: { ...this.loginsByClient },
      lastRequests: [...this.requests],
    };
  }

  clear(): void {
    this.apiCalls = 0;
    this.logins = 0;
    this.byKind = {};
    this.loginsByClient = {};
    this.requests = [];
  }
}
