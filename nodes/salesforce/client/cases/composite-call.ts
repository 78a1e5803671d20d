import { ConnectorError, isConnectorError, reworded } from "../../../common/errors";
import { callError } from "../errors";
import type { RestAnswer, RestCalls, RestClient, RestRequest } from "../rest";

/** Adds queries to a call, and takes their rows. */
export interface Rider {
  /** Returns the SOQL texts to send along with a call; `[]` for none. Only the first four are sent. `@{main…}` in them refers to the answer of the call. */
  queries(request: RestRequest): string[];
  /** Takes the rows that the queries have found. */
  rows(records: Record<string, unknown>[]): void;
}

/** The most queries beside one call: `/composite` accepts five queries and Collections calls in all. */
const MAX_QUERIES = 4;

interface SubAnswer {
  body: unknown;
  httpHeaders: Record<string, string>;
  httpStatusCode: number;
  referenceId: string;
}

/**
 * Sends a call and the queries of a {@link Rider} as one API call (`/composite`). The answer and the errors are those that the call would have had without the queries.
 * A query that fails changes nothing about them.
 */
export class CompositeCall implements RestCalls {
  constructor(
    private readonly rest: RestClient,
    private readonly rider: Rider,
  ) {}

  async request<T = unknown>(request: RestRequest): Promise<RestAnswer<T>> {
    if (request.body === undefined) return this.rest.request<T>(request);
    const text = typeof request.body === "string" ? request.body : JSON.stringify(request.body);
    // A composite takes `@{` for a reference, also within values, and has no way to escape it.
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

  /** Builds the body of the composite as text, since the call's own body may be large and is JSON already. */
  private textOf({ method, path, headers }: RestRequest, text: string, queries: string[]): string {
    const base = `/services/data/v${this.rest.version}`;
    const main = { method, url: base + path, referenceId: "main", ...(headers ? { httpHeaders: headers } : {}) };
    const first = `${JSON.stringify(main).slice(0, -1)},"body":${text}}`;
    const rest = queries.map((soql, index) => JSON.stringify({ method: "GET", url: `${base}/query?q=${encodeSoql(soql)}`, referenceId: `query${index}` }));
    return `{"allOrNone":false,"compositeRequest":[${[first, ...rest].join(",")}]}`;
  }
}

/** Encodes SOQL for a URL, but leaves references (`@{main[0].id}`) as they are. */
function encodeSoql(soql: string): string {
  return encodeURIComponent(soql).replace(/%40%7B(\w+)%5B(\d+)%5D\.(\w+)%7D/g, "@{$1[$2].$3}");
}

const PLACE = / at \[line: ?\d+, column: ?\d+\]/g;

/** Removes places (line and column) from the error of a sub-request. It is not known where they are counted from, so they must not be used to find the record at fault. */
function withoutPlaces(body: unknown): string {
  return JSON.stringify(body).replace(PLACE, "");
}

/** Removes places (line and column) from an error: they are places in the composite's JSON, not in that of the call within it. */
function withoutPlace(error: unknown): never {
  if (!isConnectorError(error) || error.message.search(PLACE) < 0) throw error;
  throw reworded(error, error.message.replace(PLACE, ""));
}
