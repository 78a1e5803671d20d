import { ConnectorError, isConnectorError } from "../../../common/errors";
import { readsGetThrough, Suspicion } from "../records/suspicion";
import { callError } from "../errors";
import { childListsOf } from "./child-lists";
import type { QueryLanguage } from "./query-binding";
import { QueryPages, type QueryPage } from "./query-pages";
import type { RestCalls } from "../rest";

/** What is asked of an org. */
export interface QueryRequest {
  language: QueryLanguage;
  /** With its values in it. */
  text: string;
  /** Also what was deleted or archived (`queryAll`); SOQL only. */
  deleted?: boolean;
  /** Records of one page, 200 to 2000, which the org takes as a hint. Default 2000. */
  pageSize?: number;
}

/** What of an address is left for the query, of the 16,384 bytes that it and the headers may have together. */
const MAX_PATH = 12_000;
/** What a server or a proxy says of an address, or of headers, that it takes for too long. */
const TOO_LONG = new Set<unknown>([414, 431]);
/** Characters a SOQL query may have. */
const MAX_QUERY = 100_000;

/** Asks one org. */
export class QueryClient {
  private readonly suspicion = new Suspicion();
  /** Less than {@link MAX_PATH} where a proxy on the way takes less (414). */
  private longest = MAX_PATH;

  constructor(
    private readonly rest: RestCalls,
    /** `66.0`. */
    private readonly version: string,
  ) {}

  /**
   * Begins to read.
   *
   * @param request the same object when it is tried again
   * @throws ConnectorError of scope `system` when the org is away; of scope `message` when it refuses the query
   */
  async open(request: QueryRequest): Promise<QueryPages> {
    if (request.text.length > MAX_QUERY) throw new ConnectorError("PAYLOAD_TOO_LARGE", `The query is longer than the ${MAX_QUERY} characters that the org takes`);
    const ask = request.language === "soql" ? () => this.query(request) : () => this.search(request.text);
    const page = withCount(request, await this.guarded(request, ask));
    const next = (url: string): Promise<QueryPage> => this.guarded(request, async () => (await this.rest.request<QueryPage>({ method: "GET", path: url })).body);
    return new QueryPages(page, next, request.language === "sosl", request.language === "soql" ? childListsOf(request.text) : undefined);
  }

  /** How the org would go about a SOQL query: its plans, the cheapest first, as it words them. */
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

  /** A query has no POST of its own, but a composite request carries it in its body. */
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

  /** A query is asked for in a message: what is wrong with it is that message's trouble, whatever the others ask. */
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

/** `SELECT COUNT()` gives a number and no records: it becomes the one that `SELECT COUNT(Id)` would give. */
function withCount({ language, text }: QueryRequest, page: QueryPage): QueryPage {
  const counts = language === "soql" && /^\s*SELECT\s+COUNT\s*\(\s*\)\s+FROM\b/i.test(text);
  return counts ? { totalSize: 1, done: true, records: [{ expr0: page.totalSize ?? 0 }] } : page;
}
