import { ApiError, notFound } from "../api-error";
import type { Reply } from "../http";
import type { ManagedSubscription } from "../pubsub/managed-subscriptions";
import { allow, type Call } from "./call";

const ONE_SUBSCRIPTION = /^SELECT\s+Id\s*,\s*DeveloperName\s*,\s*Metadata\s+FROM\s+ManagedEventSubscription\s+WHERE\s+(Id|DeveloperName)\s*=\s*'(\w+)'(?:\s+LIMIT\s+1)?$/i;

/** Answers `/tooling/query`, but only the query that clients use: for one managed subscription, by its id or developer name. */
export function tooling(call: Call): Reply {
  const [, resource, ...more] = call.segments;
  if (resource !== "query" || more.length > 0) throw notFound();
  allow(call, "GET");
  const [, , value] = ONE_SUBSCRIPTION.exec(call.request.query.get("q")?.trim() ?? "") ?? [];
  if (value === undefined) throw new ApiError("MALFORMED_QUERY", "the emulator's Tooling API answers no such query");
  const found = call.org.pubsub?.managed.find(value);
  const records = found ? [record(call, found)] : [];
  return { status: 200, json: { size: records.length, totalSize: records.length, done: true, queryLocator: null, entityTypeName: "ManagedEventSubscription", records } };
}

function record({ base }: Call, { id, developerName, topicName, defaultReplay, errorRecoveryReplay, state }: ManagedSubscription): Record<string, unknown> {
  const attributes = { type: "ManagedEventSubscription", url: `${base}/tooling/sobjects/ManagedEventSubscription/${id}` };
  return { attributes, Id: id, DeveloperName: developerName, Metadata: { label: developerName, topicName, defaultReplay, errorRecoveryReplay, state, version: null, urls: null } };
}
