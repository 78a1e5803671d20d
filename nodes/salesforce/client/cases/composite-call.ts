import { ConnectorError, isConnectorError } from "../../../common/errors";
import { callError } from "../errors";
import type { RestAnswer, RestCalls, RestClient, RestRequest } from "../rest";

/** A query that goes along with a call: its rows are told when they have come. */
export interface Rider {
  /** SOQL texts for a call, `[]` for none. At most four are sent; `@{main…}` refers to the answer of the call. */
  queries(request: RestRequest): string[];
  /** Takes the rows that the queries have found. */
  rows(records: Record<string, unknown>[]): void;
}

/** A `/composite` takes five queries and Collections in all. */
const MAX_QUERIES = 4;

interface SubAnswer {
  body: unknown;
  httpHeaders: Record<string, string>;
  httpStatusCode: number;
  referenceId: string;
}

/**
 * Sends a call together with queries that ride along, as one API call (`/composite`): the answer is that of the call, and its errors are
 * those the call alone would have had. What becomes of the queries changes nothing about it.
 */
export class CompositeCall implements RestCalls {
  constructor(
    private readonly rest: RestClient,
    private readonly rider: Rider,
  ) {}

  async request<T = unknown>(request: RestRequest): Promise<RestAnswer<T>> {
    if (request.body === undefined) return this.rest.request<T>(request);
    const text = typeof request.body === "string" ? request.body : JSON.stringify(request.body);
    // In a composite this is a reference, wherever it stands, and there is no way to write it otherwise.
    const queries = text.includes("@{") ? [] : this.rider.queries(request).slice(0, MAX_QUERIES);
    if (queries.length === 0) return this.rest.request<T>(request);
    const call = { method: "POST", path: "/composite", body: this.textOf(request, text, queries), timeout: request.timeout } as const;
    const { status, headers, body } = await this.rest.request<{ compositeResponse?: SubAnswer[] }>(call).catch(withoutPlace);
    const [main, ...others] = Array.isArray(body?.compositeResponse) ? body.compositeResponse : [];
    if (main?.referenceId !== "main") {
      throw new ConnectorError("ORG_UNAVAILABLE", "The org's address answered a composite call with something else than its results", {
        details: { outcomeUnknown: true, status },
      });
    }
    if (main.httpStatusCode >= 400) throw callError({ status: main.httpStatusCode, headers, body: withoutPlaces(main.body) });
    for (const other of others) if (other.httpStatusCode === 200) this.rider.rows((other.body as { records?: Record<string, unknown>[] }).records ?? []);
    return { status: main.httpStatusCode, headers, body: main.body as T };
  }

  /** The body is put together as text: it may be large, and it is JSON already. */
  private textOf({ method, path, headers }: RestRequest, text: string, queries: string[]): string {
    const base = `/services/data/v${this.rest.version}`;
    const main = { method, url: base + path, referenceId: "main", ...(headers ? { httpHeaders: headers } : {}) };
    const first = `${JSON.stringify(main).slice(0, -1)},"body":${text}}`;
    const rest = queries.map((soql, index) => JSON.stringify({ method: "GET", url: `${base}/query?q=${encodeSoql(soql)}`, referenceId: `query${index}` }));
    return `{"allOrNone":false,"compositeRequest":[${[first, ...rest].join(",")}]}`;
  }
}

/** SOQL for a URL; references stay as they are. */
function encodeSoql(soql: string): string {
  return encodeURIComponent(soql).replace(/%40%7B(\w+)%5B(\d+)%5D\.(\w+)%7D/g, "@{$1[$2].$3}");
}

const PLACE = / at \[line: ?\d+, column: ?\d+\]/g;

/** Places in the JSON of a sub-request may be counted from anywhere: nobody must be blamed by them. */
function withoutPlaces(body: unknown): string {
  return JSON.stringify(body).replace(PLACE, "");
}

/** Places in the JSON of the whole are not those of the call in it. */
function withoutPlace(error: unknown): never {
  if (!isConnectorError(error) || error.message.search(PLACE) < 0) throw error;
  const { code, message, scope, retryable, details } = error;
  throw new ConnectorError(code, message.replace(PLACE, ""), { scope, retryable, details, cause: error });
}
