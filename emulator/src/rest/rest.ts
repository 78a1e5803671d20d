import { ApiError, notFound } from "../api-error";
import { jobs } from "../bulk/routes";
import { limitText, unexpected } from "../control/faults";
import type { Reply, Request } from "../http";
import { bearerToken } from "../oauth/oauth";
import type { Session } from "../oauth/sessions";
import type { Org } from "../org";
import type { Writer } from "../records/writer";
import { processUploads } from "../wave/upload";
import { wave } from "../wave/wave";
import { actions } from "./actions";
import { APEX_PREFIX, apexRest } from "./apex-rest";
import type { Call } from "./call";
import { approvals } from "./approvals";
import { composite } from "./composite";
import { event } from "./events";
import { query } from "./query";
import { recent } from "./recent";
import { limits, NEWEST_VERSION, OLDEST_VERSION, resources, versions } from "./resources";
import { parameterizedSearch, search } from "./search";
import { analytics } from "./reports";
import { sobjects } from "./sobjects";
import { tooling } from "./tooling";

const ROUTES = new Map<string, (call: Call) => Reply>([
  ["actions", actions],
  ["analytics", analytics],
  ["composite", composite],
  ["event", event],
  ["jobs", jobs],
  ["limits", limits],
  ["parameterizedSearch", parameterizedSearch],
  ["process", approvals],
  ["query", query],
  ["queryAll", query],
  ["search", search],
  ["recent", recent],
  ["sobjects", sobjects],
  ["tooling", tooling],
  ["wave", wave],
]);

/** Resources without any paths below them. */
const LEAVES = new Set(["limits", "parameterizedSearch", "recent", "search"]);

/** Answers `/services/data/…` and `/services/apexrest/…`. */
export class Rest {
  constructor(private readonly org: Org) {}

  handle(request: Request): Reply {
    if (/^\/services\/data\/?$/.test(request.path)) return versions();
    let reply: Reply;
    try {
      reply = this.call(request);
    } catch (error) {
      reply = errorReply(error);
    }
    return { ...reply, headers: { ...reply.headers, ...this.limitHeader() } };
  }

  /** Returns the header `Sforce-Limit-Info`. All answers except the list of versions have it. */
  limitHeader(): Record<string, string> {
    const { used, max } = this.org.limits.usage("DailyApiRequests");
    return { "Sforce-Limit-Info": `api-usage=${used}/${max}` };
  }

  private call(request: Request): Reply {
    const session = this.authorise(request);
    const isApex = request.path.startsWith(`${APEX_PREFIX}/`);
    const version = isApex ? NEWEST_VERSION : checkVersion(request.path);
    if (!this.org.limits.use("DailyApiRequests")) throw new ApiError("REQUEST_LIMIT_EXCEEDED", limitText("total"));
    processUploads(this.org);
    return isApex ? apexRest(this.org, request) : this.perform(request, session, version, []);
  }

  /** Answers an authorised request, either of a client or inside a composite request. */
  private perform(request: Request, session: Session, version: number, writers: Writer[]): Reply {
    const base = `/services/data/v${version}.0`;
    const segments = decodeSegments(request.path.slice(base.length));
    const perform: Call["perform"] = (inner, innerWriters) => {
      try {
        return this.perform(inner, session, checkVersion(inner.path), innerWriters);
      } catch (error) {
        return errorReply(error);
      }
    };
    const call: Call = { org: this.org, request, session, version, base, segments, writers, perform };
    if (segments.length === 0) return resources(call);
    const route = ROUTES.get(segments[0]!);
    if (!route || (segments.length > 1 && LEAVES.has(segments[0]!))) throw notFound();
    return route(call);
  }

  private authorise(request: Request): Session {
    const { authorization } = request.headers;
    const token = bearerToken(request.headers);
    if (authorization !== undefined && token === undefined) throw new ApiError("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE");
    const session = token === undefined ? undefined : this.org.sessions.find(token);
    if (!session) throw new ApiError("INVALID_SESSION_ID", "Session expired or invalid");
    if (this.org.userState(session.username) === "password-expired") {
      throw new ApiError("INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "The users password has expired, you must call SetPassword before attempting any other API operations", undefined, 401);
    }
    return session;
  }
}

/** Returns the version in a path. @throws ApiError when it is not supported */
function checkVersion(path: string): number {
  const version = Number(/^\/services\/data\/v(\d{1,3})\.0(?:\/|$)/.exec(path)?.[1]);
  if (version < OLDEST_VERSION) throw new ApiError("UNSUPPORTED_API_VERSION", `API version ${version}.0 has been retired`);
  if (!(version <= NEWEST_VERSION)) throw notFound();
  return version;
}

function decodeSegments(path: string): string[] {
  try {
    return path
      .replace(/\/$/, "")
      .split("/")
      .slice(1)
      .map((segment) => decodeURIComponent(segment));
  } catch {
    throw notFound();
  }
}

/** Returns the answer for an error. Anything but an {@link ApiError} is a bug of the emulator and is answered as the org answers its internal errors. */
export function errorReply(error: unknown): Reply {
  if (error instanceof ApiError) return { status: error.status, json: error.items };
  process.stderr.write(`salesforce-emulator: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return { status: 500, json: [{ errorCode: "UNKNOWN_EXCEPTION", message: unexpected() }] };
}

/** Returns the kind as which a call is counted: its method and path without ids and values. */
export function callKind(method: string, path: string): string {
  const segments = path
    .replace(/^\/services\/data\/v\d+\.0\/?/, "")
    .split("/")
    .map((segment) => (/^(?=\w*\d)\w{15}(\w{3})?$|^\d+$/.test(segment) ? "*" : segment));
  let keep = segments.length;
  if (segments[0] === "query" || segments[0] === "queryAll") keep = 1;
  else if (segments[0] === "sobjects") keep = segments.length >= 4 || segments[2] === "describe" ? 3 : 2;
  else if (segments[0] === "jobs") return `${method} ${segments.map((segment, index) => (index === 2 ? "*" : segment)).join("/")}`;
  const rest = segments.length > keep ? ["*"] : [];
  return `${method} ${[...segments.slice(0, keep), ...rest].join("/")}`;
}
