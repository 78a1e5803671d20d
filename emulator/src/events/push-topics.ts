import { randomUUID } from "node:crypto";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Row, Undo } from "../store/table";
import type { TopicEvent } from "./bus-event";
import { isoValue } from "./iso-values";
import { compileTopicQuery, type TopicQuery } from "./push-topic-query";

/** The field of the PushTopic that switches a type of event on, by type. */
const SWITCHES = {
  created: "NotifyForOperationCreate",
  updated: "NotifyForOperationUpdate",
  deleted: "NotifyForOperationDelete",
  undeleted: "NotifyForOperationUndelete",
} as const;

/** A compiled query, with its text and the day for which it was compiled, since date literals depend on the day. */
interface Compiled {
  text: string;
  day: number;
  query: TopicQuery;
}

const compiled = new WeakMap<Row, Compiled>();

/** Refuses a PushTopic that cannot be evaluated. */
export function checkPushTopic(org: Org, row: Row): void {
  compileTopicQuery(org, String(row["Query"]));
  const version = Number(row["ApiVersion"]);
  if (!Number.isInteger(version) || version < 20) throw new ApiError("INVALID_FIELD", `invalid API version: ${String(row["ApiVersion"])}`, ["ApiVersion"]);
}

/** Returns the query of the PushTopic with this name, which is case-sensitive. `undefined` if there is none. */
export function topicOf(org: Org, name: string): TopicQuery | undefined {
  const object = org.schema.object("PushTopic")!;
  const row = org.store.table(object).find(object.field("Name")!, name)[0];
  return row?.["Name"] === name ? queryOf(org, row) : undefined;
}

/**
 * Checks a record that was written against all PushTopics, and publishes the events that they ask for.
 *
 * @param row the record after the write; for a deletion, the record before it
 * @param changed names of the fields that an update has changed
 */
export function notifyTopics(org: Org, object: ObjectSchema, type: TopicEvent["type"], row: Row, changed: ReadonlySet<string>): Undo[] {
  const topics = org.store.table(org.schema.object("PushTopic")!);
  if (topics.size === 0) return [];
  const undo: Undo[] = [];
  for (const topic of topics.all()) {
    if (topic.IsDeleted || topic["IsActive"] !== true || topic[SWITCHES[type]] !== true) continue;
    const query = queryOf(org, topic);
    if (query.object !== object || !query.matches(row)) continue;
    if (type === "updated" && !concerns(String(topic["NotifyForFields"]), query, changed)) continue;
    const sobject = type === "deleted" ? { Id: row.Id } : Object.fromEntries(query.selected.map((name) => [name, isoValue(object, row, name)]));
    const base = { eventUuid: randomUUID(), createdDate: new Date(org.now()).toISOString() };
    undo.push(org.events.publish({ kind: "topic", ...base, topic: String(topic["Name"]), type, sobject }));
  }
  return undo;
}

/** Whether an update has changed one of the fields that matter to the PushTopic. */
function concerns(notifyForFields: string, { selected, filtered }: TopicQuery, changed: ReadonlySet<string>): boolean {
  const isSelected = selected.some((name) => changed.has(name));
  const isFiltered = (): boolean => [...filtered].some((name) => changed.has(name));
  switch (notifyForFields) {
    case "All":
      return changed.size > 0;
    case "Select":
      return isSelected;
    case "Where":
      return isFiltered();
    default:
      return isSelected || isFiltered();
  }
}

function queryOf(org: Org, topic: Row): TopicQuery {
  const text = String(topic["Query"]);
  const day = Math.floor(org.now() / 86_400_000);
  const known = compiled.get(topic);
  if (known?.text === text && known.day === day) return known.query;
  const query = compileTopicQuery(org, text);
  compiled.set(topic, { text, day, query });
  return query;
}
