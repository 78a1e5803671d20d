import { ConnectorError, isConnectorError } from "../../../common/errors";
import { readsGetThrough, Suspicion } from "../suspicion";
import { callError } from "../errors";
import { childListsOf } from "./child-lists";
import type { QueryLanguage } from "./query-binding";
import { QueryPages, type QueryPage } from "./query-pages";
import type { RestCalls } from "../rest";

/** A query for an org. */
export interface QueryRequest {
  language: QueryLanguage;
  /** The query with its values in it. */
  text: string;
  /** Whether to read deleted and archived records, too (`queryAll`). SOQL only. */
  deleted?: boolean;
  /** Records of one page, 200 to 2000. The org treats it as a hint. Default 2000. */
  pageSize?: number;
}

/** The most characters of a path with its query. URL and headers together may have 16,384 bytes. */
const MAX_PATH = 12_000;
/** The HTTP statuses with which a server or a proxy refuses a URL or headers that are too long. */
const TOO_LONG = new Set<unknown>([414, 431]);
/** The most characters of a SOQL query. */
const MAX_QUERY = 100_000;

/** Sends queries to one org. */
export class QueryClient {
  private readonly suspicion = new Suspicion();
  /** The current limit: {@link MAX_PATH}, or less if a longer path was refused (414, 431). */
  private longest = MAX_PATH;

  constructor(
    private readonly rest: RestCalls,
    /** Version of the API, such as `66.0`. */
    private readonly version: string,
  ) {}

  /**
   * Begins to read: returns the pages of the answer, of which the first has been read.
   *
   * @param request the query; the same object at every try
   * @throws ConnectorError of scope `system` when the org cannot be reached; of scope `message` when it refuses the query; `PAYLOAD_TOO_LARGE` for one that is too long
   */
  async open(request: QueryRequest): Promise<QueryPages> {
    if (request.text.length > MAX_QUERY) throw new ConnectorError("PAYLOAD_TOO_LARGE", `The query is longer than the ${MAX_QUERY} characters that the org takes`);
    const ask = request.language === "soql" ? () => this.query(request) : () => this.search(request.text);
    const page = withCount(request, await this.guarded(request, ask));
    const next = (url: string): Promise<QueryPage> => this.guarded(request, async () => (await this.rest.request<QueryPage>({ method: "GET", path: url })).body);
    return new QueryPages(page, next, request.language === "sosl", request.language === "soql" ? childListsOf(request.text) : undefined);
  }

  /** Returns the org's plans for a SOQL query, the cheapest first, in the org's own form. */
  async explain(text: string): Promise<unknown> {
    const path = `/query?explain=${encoded(text)}`;
    if (path.length > MAX_PATH) throw new ConnectorError("PAYLOAD_TOO_LARGE", "The query is too long to be explained: the org takes it only in an address, of 16,384 bytes");
    return (await this.guarded({}, () => this.rest.request({ method: "GET", path }))).body;
  }

  private async query({ text, deleted, pageSize = 2000 }: QueryRequest): Promise<QueryPage> {
    const path = `/${deleted ? "queryAll" : "query"}?q=${encoded(text)}`;
    const headers = pageSize === 2000 ? undefined : { "Sforce-Query-Options": `batchSize=${pageSize}` };
    if (path.length > this.longest) return this.queryInBody(path, headers);
    try {
      return (await this.rest.request<QueryPage>({ method: "GET", path, ...(headers ? { headers } : {}) })).body;
    } catch (error) {
      if (!isConnectorError(error) || !TOO_LONG.has(error.details.status)) throw error;
      this.longest = Math.min(this.longest, path.length - 1);
      return this.queryInBody(path, headers);
    }
  }

  /** Sends a query in the body of a composite request, since there is no POST for queries. */
  private async queryInBody(path: string, headers: Record<string, string> | undefined): Promise<QueryPage> {
    const request = { method: "GET", url: `/services/data/v${this.version}${path}`, referenceId: "query", ...(headers ? { httpHeaders: headers } : {}) };
    const { body } = await this.rest.request<{ compositeResponse?: { httpStatusCode?: number; httpHeaders?: Record<string, string>; body?: unknown }[] }>({
      method: "POST",
      path: "/composite",
      body: { compositeRequest: [request] },
    });
    const [answer] = body.compositeResponse ?? [];
    const status = answer?.httpStatusCode ?? 500;
    if (status >= 400) throw callError({ status, headers: answer?.httpHeaders ?? {}, body: JSON.stringify(answer?.body ?? null) });
    return (answer?.body ?? {}) as QueryPage;
  }

  private async search(text: string): Promise<QueryPage> {
    const path = `/search?q=${encoded(text)}`;
    if (path.length > MAX_PATH) throw new ConnectorError("PAYLOAD_TOO_LARGE", "The search is too long: the org takes it only in an address, of 16,384 bytes");
    const { body } = await this.rest.request<{ searchRecords?: unknown[] } | unknown[]>({ method: "GET", path });
    const records = Array.isArray(body) ? body : (body.searchRecords ?? []);
    return { totalSize: records.length, done: true, records };
  }

  /** Sends a call for a message. The message has asked for this query, so an error in the query concerns only this message. */
  private guarded<T>(request: object, ask: () => Promise<T>): Promise<T> {
    return this.suspicion.guarded(request, () => ask().catch(asRefusal), () => readsGetThrough(this.rest));
  }
}

function encoded(text: string): string {
  if (!text.isWellFormed()) throw new ConnectorError("INPUT_INVALID", "The query, or a value in it, holds half of a character");
  return encodeURIComponent(text);
}

function asRefusal(error: unknown): never {
  if (!isConnectorError(error) || error.code !== "ORG_OBJECT_UNKNOWN") throw error;
  throw new ConnectorError("ORG_REFUSED", error.message, { details: error.details, cause: error });
}

/** Adds the record to the answer of `SELECT COUNT()`, which has only a number: the one that `SELECT COUNT(Id)` would return. */
function withCount({ language, text }: QueryRequest, page: QueryPage): QueryPage {
  const counts = language === "soql" && /^\s*SELECT\s+COUNT\s*\(\s*\)\s+FROM\b/i.test(text);
  return counts ? { totalSize: 1, done: true, records: [{ expr0: page.totalSize ?? 0 }] } : page;
}
