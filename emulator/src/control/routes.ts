import { ApiError } from "../api-error";
import type { Reply, Request } from "../http";
import type { Org } from "../org";
import type { Control } from "./control";

/** The path of the control API. */
export const CONTROL_PREFIX = "/__emu";

/** The verbs, in the order in which `GET /__emu` lists them. */
const VERBS = [
  ...["expireTokens", "failNext", "unavailable", "slow", "resetConnections", "requestLimit", "clearFaults"],
  ...["lockRecord", "unlockRecord", "setApiUsage", "setLimit", "setUser", "addRule", "addAssignmentRule", "addDuplicateRule", "addApprovalProcess", "addQueue", "insert", "declare", "ageLocators", "shiftClock", "stats", "reset"],
  ...["dropStreams", "holdConnects", "streamFault", "deliverWithSubscribe", "listStreams"],
  ...["revokeRefreshTokens", "expireCodes", "exceedLoginRate", "bulkPace", "bulkFault", "releaseJobs"],
  ...["enableChangeEvents", "disableChangeEvents", "gapEvent", "setCommitNumber", "ageEvents", "restartReplayIds", "duplicateEvents", "skipReplayIds"],
  ...["pubsubFault", "killStreams", "silence", "pubsubStreams", "setManagedSubscription"],
];

/** How many records `GET /__emu/records/<object>` returns unless `limit` says otherwise. */
const DEFAULT_LIMIT = 1000;

/** Answers `/__emu/…`. The verbs are methods of {@link Control}. The body is the argument and the answer the result, both as JSON. */
export function controlRoutes(org: Org, control: Control, request: Request): Reply {
  const [verb, argument] = request.path.slice(CONTROL_PREFIX.length + 1).split("/");
  if (!verb) return { status: 200, json: { verbs: VERBS, read: ["stats", "records/<object>?limit=", "events/<name>", "channel?name="] } };
  if (request.method === "GET" && verb === "stats") return { status: 200, json: control.stats() };
  if (request.method === "GET" && verb === "records" && argument) return records(org, argument, request);
  if (request.method === "GET" && verb === "events") return { status: 200, json: { events: org.events.published(argument) } };
  if (request.method === "GET" && verb === "channel") return channel(org, request.query.get("name") ?? "");
  if (request.method !== "POST" || !VERBS.includes(verb))
    return { status: 404, json: { error: `no such verb: ${request.method} ${verb}` } };
  try {
    const options: unknown = request.body.length > 0 ? JSON.parse(request.body.toString("utf8")) : {};
    const method = control[verb as keyof Control] as (options: unknown) => unknown;
    return { status: 200, json: method.call(control, options) ?? {} };
  } catch (error) {
    const text = error instanceof ApiError ? error.items[0]!.message : error instanceof Error ? error.message : String(error);
    return { status: 400, json: { error: text } };
  }
}

/** Answers with the events that a channel still has. Commit numbers are text, because they have 64 bits. */
function channel(org: Org, name: string): Reply {
  if (!org.events.channel(name)) return { status: 404, json: { error: `the org has no channel ${name}` } };
  const events = org.events.retained(name).map((event) => (event.kind === "change" ? { ...event, header: { ...event.header, commitNumber: String(event.header.commitNumber) } } : event));
  return { status: 200, json: { events } };
}

/** Answers with the newest records of an object, newest first. */
function records(org: Org, name: string, request: Request): Reply {
  const object = org.schema.object(name);
  if (!object) return { status: 404, json: { error: `no such object: ${name}` } };
  const limit = Number(request.query.get("limit") ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1) return { status: 400, json: { error: "limit must be a whole number above 0" } };
  const table = org.store.table(object);
  return { status: 200, json: { total: table.size, records: table.newest(limit) } };
}
