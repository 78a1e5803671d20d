/**
 * Which requests a fault hits. By default every call of the REST API, and nothing else; an outage hits the streams, too. What looks only
 * whether the org is there, the list of versions, takes no fault that was meant for the next call, unless `path` names it.
 */
export interface FaultScope {
  /** `api`: REST and SOAP; `streaming`: CometD, and the calls and new streams of the Pub/Sub API. */
  kind?: "api" | "streaming";
  /** Only requests whose path and query contain this text, for example `composite/sobjects`. */
  path?: string;
  /** Only this HTTP method. */
  method?: string;
  /** The token endpoint too. Default false. */
  oauth?: boolean;
}

/** The next calls fail with this answer. */
export interface FailNext extends FaultScope {
  /** Default 1. */
  count?: number;
  /** HTTP status. Default 500. */
  status?: number;
  /** Default `UNKNOWN_EXCEPTION`; for the token endpoint, its `error`. */
  errorCode?: string;
  message?: string;
  /** ms before the answer. Default 0. */
  delay?: number;
  /** A body of HTML in place of the JSON error, as Salesforce's edge sends it. */
  html?: string;
}

/** All calls are answered 503. */
export interface Unavailable extends FaultScope {
  /** Default: until cleared. */
  ms?: number;
  /** HTML instead of the JSON error. Default false. */
  html?: boolean;
}

/** All answers come late. */
export interface Slow extends FaultScope {
  /** 0 ends it. */
  ms: number;
}

/**
 * The next connections are reset:
 * `before` the request is processed; `after` it – the record is written, the answer lost; `during` – half of the answer is sent.
 */
export interface ResetConnections extends FaultScope {
  /** Default 1. */
  count?: number;
  /** Default `before`. */
  when?: "before" | "during" | "after";
}

/** All calls are refused with `REQUEST_LIMIT_EXCEEDED`. */
export interface RequestLimit {
  /** `total`: the day's calls are used up; `concurrent`: too many long ones at once. Default `total`. */
  kind?: "total" | "concurrent";
  /** Default: until cleared. */
  ms?: number;
}

/** What is to become of one request. */
export interface Verdict {
  /** ms to wait before the answer. */
  delay: number;
  reset?: "before" | "during" | "after";
  fail?: Required<Pick<FailNext, "status" | "errorCode" | "message">> & { html?: string };
}

/** A request, as far as a fault looks at it. */
export interface Target {
  method: string;
  /** Path and query. */
  url: string;
  /** `api`: REST and SOAP; `oauth`: logins by whichever flow, and what else is below `/services/oauth2`; `streaming`: CometD. */
  kind: "api" | "oauth" | "streaming" | "other";
}

/** Needs no session, and is no call of the day's. */
const VERSIONS_PATH = /^\/services\/data\/?$/;

const MAINTENANCE = "We are performing maintenance. We apologize for the inconvenience.";
const MAINTENANCE_HTML = `<html><head><title>Service Unavailable</title></head><body><h1>${MAINTENANCE}</h1></body></html>`;

/** The faults switched on, and the decision for each request. */
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

  /** Decides one request, and counts it against the faults that have a count. */
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

/** What a call over a limit is told. */
export function limitText(kind: "total" | "concurrent"): string {
  return kind === "total" ? "TotalRequests Limit exceeded." : "ConcurrentRequests (Concurrent API Requests) Limit exceeded.";
}

/** What an error of the org itself says. */
export function unexpected(): string {
  const errorId = `${Date.now()}-${Math.floor(Math.random() * 1e6)} (0)`;
  return `An unexpected error occurred. Please include this ErrorId if you contact support: ${errorId}`;
}

/** @param everywhere without a kind, the streams are hit like the REST API */
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
