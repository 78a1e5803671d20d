/**
 * Which requests a fault hits. By default all calls of the REST and SOAP APIs; an outage also hits the streams. The list of versions, with which clients only check that
 * the org is there, does not use up a fault for the next calls unless `path` names it.
 */
export interface FaultScope {
  /** `api`: REST and SOAP. `streaming`: CometD, and the calls and new streams of the Pub/Sub API. */
  kind?: "api" | "streaming";
  /** Only requests with this text in the path or the query, for example `composite/sobjects`. */
  path?: string;
  /** Only requests with this HTTP method. */
  method?: string;
  /** Whether logins are hit as well. Default false. */
  oauth?: boolean;
}

/** Makes the next calls fail with this answer. */
export interface FailNext extends FaultScope {
  /** How many calls. Default 1. */
  count?: number;
  /** HTTP status. Default 500. */
  status?: number;
  /** Default `UNKNOWN_EXCEPTION`. For the token endpoint, this is the `error` of the answer. */
  errorCode?: string;
  message?: string;
  /** ms before the answer. Default 0. */
  delay?: number;
  /** A body in HTML instead of the JSON error, as Salesforce's edge servers send it. */
  html?: string;
}

/** Answers all calls with 503. */
export interface Unavailable extends FaultScope {
  /** For how many ms. Default: until cleared. */
  ms?: number;
  /** Whether the body is HTML instead of the JSON error. Default false. */
  html?: boolean;
}

/** Delays all answers. */
export interface Slow extends FaultScope {
  /** By how many ms. 0 ends the fault. */
  ms: number;
}

/**
 * Resets the connections of the next requests: `before` the request is processed, `after` it (the record is written but the answer is lost), or `during` the answer (only
 * half of it is sent).
 */
export interface ResetConnections extends FaultScope {
  /** How many connections. Default 1. */
  count?: number;
  /** Default `before`. */
  when?: "before" | "during" | "after";
}

/** Refuses all calls with `REQUEST_LIMIT_EXCEEDED`. */
export interface RequestLimit {
  /** `total`: the day's calls are used up. `concurrent`: too many long calls run at once. Default `total`. */
  kind?: "total" | "concurrent";
  /** For how many ms. Default: until cleared. */
  ms?: number;
}

/** What happens to a request. */
export interface Verdict {
  /** ms to wait before the answer. */
  delay: number;
  reset?: "before" | "during" | "after";
  fail?: Required<Pick<FailNext, "status" | "errorCode" | "message">> & { html?: string };
}

/** The properties of a request by which a fault hits it. */
export interface Target {
  method: string;
  /** Path and query. */
  url: string;
  /** `api`: REST and SOAP. `oauth`: logins by any flow, and all other paths below `/services/oauth2`. `streaming`: CometD and the Pub/Sub API. */
  kind: "api" | "oauth" | "streaming" | "other";
}

/** The list of versions. It needs no session and does not count as a call. */
const VERSIONS_PATH = /^\/services\/data\/?$/;

const MAINTENANCE = "We are performing maintenance. We apologize for the inconvenience.";
const MAINTENANCE_HTML = `<html><head><title>Service Unavailable</title></head><body><h1>${MAINTENANCE}</h1></body></html>`;

/** The faults that are switched on. Decides what happens to each request. */
export class Faults {
  private failing: (FailNext & { left: number })[] = [];
  private resetting: (ResetConnections & { left: number })[] = [];
  private slowness: Slow | undefined;
  private outage: (Unavailable & { until: number }) | undefined;
  private limit: (RequestLimit & { until: number }) | undefined;

  constructor(private readonly now: () => number) {}

  failNext(fault: FailNext = {}): void {
    const { status = 500 } = fault;
    if (!Number.isInteger(status) || status < 200 || status > 599) throw new Error("status must be an HTTP status from 200 to 599");
    this.failing.push({ ...fault, left: fault.count ?? 1 });
  }

  unavailable(fault: Unavailable = {}): void {
    this.outage = { ...fault, until: this.now() + (fault.ms ?? Infinity) };
  }

  slow(fault: Slow): void {
    this.slowness = fault.ms > 0 ? fault : undefined;
  }

  resetConnections(fault: ResetConnections = {}): void {
    this.resetting.push({ ...fault, left: fault.count ?? 1 });
  }

  requestLimit(fault: RequestLimit = {}): void {
    this.limit = { ...fault, until: this.now() + (fault.ms ?? Infinity) };
  }

  clear(): void {
    this.failing = [];
    this.resetting = [];
    this.slowness = undefined;
    this.outage = undefined;
    this.limit = undefined;
  }

  /** Decides what happens to a request, and counts it against a fault that hits a number of requests. */
  judge(target: Target): Verdict {
    const delay = this.slowness && hits(this.slowness, target) ? this.slowness.ms : 0;
    const reset = takeOne(this.resetting, target);
    if (reset) return { delay, reset: reset.when ?? "before" };
    const failing = takeOne(this.failing, target);
    if (failing) {
      const { status = 500, errorCode = "UNKNOWN_EXCEPTION", message = unexpected(), html } = failing;
      return { delay: delay + (failing.delay ?? 0), fail: { status, errorCode, message, ...(html === undefined ? {} : { html }) } };
    }
    if (this.outage && this.now() < this.outage.until && hits(this.outage, target, true)) {
      const html = this.outage.html ? { html: MAINTENANCE_HTML } : {};
      return { delay, fail: { status: 503, errorCode: "SERVER_UNAVAILABLE", message: MAINTENANCE, ...html } };
    }
    if (this.limit && this.now() < this.limit.until && target.kind === "api") {
      return { delay, fail: { status: 403, errorCode: "REQUEST_LIMIT_EXCEEDED", message: limitText(this.limit.kind ?? "total") } };
    }
    return { delay };
  }
}

/** Returns the error text for a call that exceeds a limit. */
export function limitText(kind: "total" | "concurrent"): string {
  return kind === "total" ? "TotalRequests Limit exceeded." : "ConcurrentRequests (Concurrent API Requests) Limit exceeded.";
}

/** Returns the text of an internal error of the org. */
export function unexpected(): string {
  const errorId = `${Date.now()}-${Math.floor(Math.random() * 1e6)} (0)`;
  return `An unexpected error occurred. Please include this ErrorId if you contact support: ${errorId}`;
}

/** Whether a fault hits a request. @param everywhere whether a fault without a kind also hits the streams */
function hits(scope: FaultScope, target: Target, everywhere = false): boolean {
  if (target.kind === "oauth" ? !scope.oauth : !kindsOf(scope, everywhere).includes(target.kind)) return false;
  if (scope.method !== undefined && scope.method.toUpperCase() !== target.method) return false;
  return scope.path === undefined || target.url.includes(scope.path);
}

function kindsOf({ kind }: FaultScope, everywhere: boolean): Target["kind"][] {
  if (kind !== undefined) return [kind];
  return everywhere ? ["api", "streaming"] : ["api"];
}

function takeOne<T extends FaultScope & { left: number }>(faults: T[], target: Target): T | undefined {
  const isLook = VERSIONS_PATH.test(target.url);
  const index = faults.findIndex((fault) => hits(fault, target) && !(isLook && fault.path === undefined));
  const fault = faults[index];
  if (fault && --fault.left <= 0) faults.splice(index, 1);
  return fault;
}
