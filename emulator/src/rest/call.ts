import { ApiError, notFound } from "../api-error";
import type { Reply, Request } from "../http";
import type { Session } from "../oauth/sessions";
import type { Org } from "../org";
import type { Writer } from "../records/writer";
import type { ObjectSchema } from "../schema/schema";

/** One authorised call of the REST API. */
export interface Call {
  org: Org;
  request: Request;
  session: Session;
  /** For example 66 of `/services/data/v66.0`. */
  version: number;
  /** `/services/data/v66.0`. */
  base: string;
  /** Path segments behind the version, decoded. */
  segments: string[];
  /** Every writer of the call, so that what it has written inside a larger transaction can be taken back. */
  writers: Writer[];
  /** Answers a request inside this one: same session, not counted; a refusal is an answer. Its writers are added to `writers`. */
  perform(request: Request, writers: Writer[]): Reply;
}

/** The object named in a path. */
export function objectOf(call: Call, name: string): ObjectSchema {
  const object = call.org.schema.object(name);
  if (!object) throw notFound();
  return object;
}

/** A writer for the caller, as the request's headers ask. @param together records that it is to write */
export function writerOf(call: Call, together = 1): Writer {
  const { headers } = call.request;
  const writer = call.org.writer({
    userId: call.session.userId,
    allowDuplicates: /\ballowSave\s*=\s*true\b/i.test(String(headers["sforce-duplicate-rule-header"] ?? "")),
    autoAssign: String(headers["sforce-auto-assign"] ?? "TRUE"),
    together,
    origin: originOf("rest", call.version, headers["sforce-call-options"]),
  });
  call.writers.push(writer);
  return writer;
}

/** What change events say a change came from: the API, its version, and who the client says it is (`Sforce-Call-Options: client=X`). */
export function originOf(api: string, version: number, callOptions?: string | string[]): string {
  const client = /\bclient\s*=\s*([^,;\s]+)/.exec(String(callOptions ?? ""))?.[1];
  return `com/salesforce/api/${api}/${version}.0${client === undefined ? "" : `;client=${client}`}`;
}

/** Refuses methods a resource does not have. HEAD is always allowed with GET. */
export function allow(call: Call, ...methods: string[]): void {
  const all = methods.includes("GET") ? ["HEAD", ...methods] : methods;
  if (all.includes(call.request.method)) return;
  throw new ApiError("METHOD_NOT_ALLOWED", `HTTP Method '${call.request.method}' not allowed. Allowed are ${all.join(",")}`);
}
