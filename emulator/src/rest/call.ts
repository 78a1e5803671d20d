import { ApiError, notFound } from "../api-error";
import type { Reply, Request } from "../http";
import type { Session } from "../oauth/sessions";
import type { Org } from "../org";
import type { Writer } from "../records/writer";
import type { ObjectSchema } from "../schema/schema";

/** An authorised call of the REST API. */
export interface Call {
  org: Org;
  request: Request;
  session: Session;
  /** For example 66 for `/services/data/v66.0`. */
  version: number;
  /** For example `/services/data/v66.0`. */
  base: string;
  /** Decoded segments of the path after the version. */
  segments: string[];
  /** All writers of the call, so that its writes can be undone if it is part of a larger transaction. */
  writers: Writer[];
  /** Answers a request inside this one, in the same session. It does not count as a call, and a refusal is returned as an answer. Its writers are added to `writers`. */
  perform(request: Request, writers: Writer[]): Reply;
}

/** Returns the object that a path names. @throws ApiError when there is none */
export function objectOf(call: Call, name: string): ObjectSchema {
  const object = call.org.schema.object(name);
  if (!object) throw notFound();
  return object;
}

/** Returns a writer for the caller, as the headers of the request ask. @param together how many records it will write */
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

/** Returns the origin of a change in change events: the API, its version, and the name that the client gives itself (`Sforce-Call-Options: client=X`). */
export function originOf(api: string, version: number, callOptions?: string | string[]): string {
  const client = /\bclient\s*=\s*([^,;\s]+)/.exec(String(callOptions ?? ""))?.[1];
  return `com/salesforce/api/${api}/${version}.0${client === undefined ? "" : `;client=${client}`}`;
}

/** Refuses methods that a resource does not have. Where GET is allowed, HEAD is, too. */
export function allow(call: Call, ...methods: string[]): void {
  const all = methods.includes("GET") ? ["HEAD", ...methods] : methods;
  if (all.includes(call.request.method)) return;
  throw new ApiError("METHOD_NOT_ALLOWED", `HTTP Method '${call.request.method}' not allowed. Allowed are ${all.join(",")}`);
}
