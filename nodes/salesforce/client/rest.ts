import type { Connection } from "@jsforce/jsforce-node";
import { ConnectorError, errorText, isConnectorError } from "../../common/errors";
import { asJsforceTransport, useSession } from "./connection";
import { callError, foreignAnswer, isRedirect, isSessionExpired, mayHaveMoved, networkError } from "./errors";
import type { Session } from "./sign-in/login";
import { refusedAnew, refusedThere } from "./sign-in/refused-session";
import { Slots } from "./http/slots";
import type { TokenKeeper } from "./sign-in/token";
import { type HttpAnswer, type HttpRequest, type HttpTransport, isOfType } from "./http/transport";
import { type ApiUsage, UsageGuard } from "./http/usage-guard";

/** One REST call. */
export interface RestRequest {
  method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Path below the version (`/sobjects/Case`), below the host (`/services/…`), or an absolute URL. Values in it must be encoded. */
  path: string;
  /** Sent as JSON. A string counts as JSON text already. */
  body?: unknown;
  headers?: Record<string, string>;
  /** ms until the whole answer must be there. Default: the transport's 60000. */
  timeout?: number;
}

/** The answer to a {@link RestRequest} that succeeded. */
export interface RestAnswer<T> {
  status: number;
  headers: Record<string, string>;
  body: T;
}

/** The part of a {@link RestClient} that makes calls; a separate type so that calls can be wrapped. */
export type RestCalls = Pick<RestClient, "request">;

/** One call whose body or answer is not JSON, or whose answer is wanted as it came. */
export interface RawRequest {
  method: "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** As in {@link RestRequest}. An absolute URL must be on the org's own host, or on {@link host}. */
  path: string;
  /** Origin of another host that takes this org's token (Account Engagement). It gets the token: never take it from a message. */
  host?: string;
  /** A function gets the access token, for bodies that contain it (SOAP). */
  body?: string | Buffer | ((accessToken: string) => string);
  headers?: Record<string, string>;
  /** Makes the error for an answer with a status of 400 or more. Default: {@link callError}. */
  errorOf?: (answer: HttpAnswer) => ConnectorError;
  /** Media type of a good answer of the API. An answer of another type is a page of something else, and an error. Default: any. */
  type?: string;
  /** Whether an answer's status was not set by the org itself, so that a 401 does not mean that the session has expired. Default: never. */
  isForeign?: (answer: HttpAnswer) => boolean;
  /** ms until the whole answer must be there. Default: the transport's 60000. */
  timeout?: number;
  /** As {@link HttpRequest.onBytes}. */
  onBytes?: HttpRequest["onBytes"];
}

/** What a {@link RestClient} needs. */
export interface RestClientParts {
  connection: Connection;
  tokens: TokenKeeper;
  transport: HttpTransport;
  /** How many calls may run at once. Default 10. */
  concurrency?: number;
  /** Spaces calls when the day's API calls are nearly used up. Default: from 80 % on. */
  guard?: UsageGuard;
  /** Called after each call: with its error, or without one when it succeeded. */
  onResult?(error: ConnectorError | undefined): void;
}

const JSON_TYPE = "application/json";

/**
 * Makes REST calls to one org with its token, a bounded number at once. Each is sent once, and once more after a 401: with a new token, unless the org takes the
 * old one elsewhere. A user may log in 3,600 times in an hour, and a path that refuses everybody must not use that up.
 * Rejects only with a ConnectorError, which has the HTTP status in `details.status`.
 */
export class RestClient {
  private readonly slots: Slots;
  private readonly guard: UsageGuard;
  /** The look whether the org takes a session elsewhere. */
  private look: { at: Session; takes: Promise<boolean> } | undefined;

  constructor(private readonly parts: RestClientParts) {
    this.slots = new Slots(parts.concurrency ?? 10);
    this.guard = parts.guard ?? new UsageGuard();
  }

  /** API version of its paths: `66.0`. */
  get version(): string {
    return this.parts.connection.version;
  }

  /** The org's API usage, once it has answered. */
  get usage(): ApiUsage | undefined {
    return this.guard.usage;
  }

  /**
   * Makes a call and parses the JSON of its answer, of which `T` is the type. Rejects when the answer is no JSON, so that a proxy's page does not count as an
   * empty result.
   */
  request<T = unknown>(request: RestRequest): Promise<RestAnswer<T>> {
    return this.run((session) => this.attempt<T>(request, session));
  }

  /**
   * Makes a call without jsforce, which would parse XML and CSV, and gives the answer as it came. Rejects for a status of 400 or more, as {@link request}
   * does, and for a redirect of the REST or SOAP API, which never redirect; any other redirect is an answer.
   */
  raw(request: RawRequest): Promise<HttpAnswer> {
    return this.run((session) => this.attemptRaw(request, session), request.host === undefined);
  }

  /** Runs a call in its turn. @param isOfOrg whether it goes to the session's own host */
  private run<A>(attempt: (session: Session) => Promise<A | "session expired">, isOfOrg = true): Promise<A> {
    return this.slots.run(async () => {
      try {
        const turn = this.guard.turn();
        if (turn) await turn;
        const answer = await this.authorised(isOfOrg ? (session) => this.tried(attempt, session) : attempt);
        this.parts.onResult?.(undefined);
        return answer;
      } catch (error) {
        this.parts.onResult?.(error as ConnectorError);
        throw error;
      }
    });
  }

  private async authorised<A>(attempt: (session: Session) => Promise<A | "session expired">): Promise<A> {
    const first = await this.parts.tokens.get();
    const answer = await attempt(first);
    if (answer !== "session expired") return answer;
    const isTaken = await this.takes(first);
    // one that is taken elsewhere may have been refused by one of the org's machines only, or just once
    const second = isTaken ? first : await this.parts.tokens.renew(first);
    const again = await attempt(second);
    if (again !== "session expired") return again;
    throw isTaken ? refusedThere(second) : refusedAnew(second, { details: { status: 401 } });
  }

  /** Whether the org takes a session that was refused at some path. Looks once for all who ask meanwhile. */
  private takes(session: Session): Promise<boolean> {
    if (this.look?.at === session) return this.look.takes;
    // the list of resources, which every user of the API may read
    const takes = this.attempt({ method: "GET", path: "/" }, session).then(
      (answer) => answer !== "session expired",
      () => false,
    );
    const look = (this.look = { at: session, takes });
    void takes.then(() => this.look === look && (this.look = undefined));
    return takes;
  }

  private async tried<A>(attempt: (session: Session) => Promise<A>, session: Session): Promise<A> {
    try {
      return await attempt(session);
    } catch (error) {
      if (isConnectorError(error) && mayHaveMoved(error)) this.parts.tokens.doubt(session);
      throw error;
    }
  }

  private async attempt<T>(request: RestRequest, session: Session): Promise<RestAnswer<T> | "session expired"> {
    const { connection } = this.parts;
    const wanted = toJsforce(request);
    let answer: HttpAnswer | undefined;
    // keeps the answer, as jsforce's errors do not have the HTTP status
    const keeping = asJsforceTransport(async (sent) => (answer = await this.send({ ...sent, timeout: request.timeout })));
    useSession(connection, session);
    try {
      const body = await connection.request<T>(wanted, { transport: keeping });
      if (!answer) throw new Error("jsforce gave a result without an answer");
      // jsforce gives an answer that it cannot parse as text
      if (typeof body === "string" || !isOwn(answer, JSON_TYPE)) throw foreignAnswer(answer);
      return { status: answer.status, headers: answer.headers, body };
    } catch (error) {
      if (isConnectorError(error)) throw error;
      if (!answer) throw networkError(error);
      if (isSessionExpired(answer)) return "session expired";
      throw callError(answer);
    }
  }

  private async attemptRaw(request: RawRequest, session: Session): Promise<HttpAnswer | "session expired"> {
    const { method, timeout, onBytes, type, isForeign, errorOf = callError } = request;
    const body = typeof request.body === "function" ? request.body(session.accessToken) : request.body;
    const headers = { ...request.headers, authorization: `Bearer ${session.accessToken}` };
    const url = this.addressOf(request, session);
    const answer = await this.send({ method, url, headers, body, timeout, onBytes, type }).catch((error: unknown) => {
      throw isConnectorError(error) ? error : networkError(error);
    });
    if (isSessionExpired(answer) && !isForeign?.(answer)) return "session expired";
    if (answer.status >= 400) throw errorOf(answer);
    if ((type !== undefined && !isOwn(answer, type)) || (isRedirect(answer.status) && isOfApi(request))) throw foreignAnswer(answer);
    return answer;
  }

  private async send(request: HttpRequest): Promise<HttpAnswer> {
    const answer = await this.parts.transport.send(request);
    this.guard.note(answer.headers);
    return answer;
  }

  private addressOf({ path, host }: RawRequest, { instanceUrl }: Session): string {
    const origin = host ?? instanceUrl;
    if (/^https?:/i.test(path)) {
      if (!URL.canParse(path)) throw new ConnectorError("INPUT_INVALID", "The path is no URL that can be called");
      const url = new URL(path);
      if (url.origin === new URL(origin).origin) return path;
      throw new ConnectorError("INPUT_INVALID", `${url.host} is not the org's host; its token is not sent there`);
    }
    const root = host !== undefined || path.startsWith("/services/") ? "" : `/services/data/v${this.parts.connection.version}`;
    return `${origin}${root}${path.startsWith("/") ? path : `/${path}`}`;
  }
}

/** Whether a path is one of the REST or the SOAP API, which never redirect. */
function isOfApi({ path, host }: RawRequest): boolean {
  return host === undefined && (/^\/services\/(data|Soap)\//i.test(path) || !/^(\/services\/|https?:)/i.test(path));
}

/** Whether a good answer has the media type that the API gives, or no content (204), as for a list of results without rows. */
function isOwn({ status, headers }: HttpAnswer, type: string): boolean {
  return status === 204 || (status < 300 && isOfType(headers["content-type"], type));
}

function toJsforce(request: RestRequest): Parameters<Connection["request"]>[0] & object {
  const headers: Record<string, string> = { accept: JSON_TYPE, ...request.headers };
  if (request.body === undefined) return { method: request.method, url: request.path, headers };
  headers["content-type"] = JSON_TYPE;
  return { method: request.method, url: request.path, headers, body: typeof request.body === "string" ? request.body : jsonOf(request.body) };
}

/** Writes JSON. A value that JSON cannot express is the message's own fault, so the error holds up no others. */
function jsonOf(body: unknown): string {
  try {
    return JSON.stringify(body);
  } catch (cause) {
    throw new ConnectorError("INPUT_INVALID", `The call cannot be written as JSON: ${errorText(cause)}`, { cause });
  }
}
