import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Channel } from "./bus-event";
import { isStreamable } from "./streamable";
import { topicOf } from "./push-topics";

/** ms of a day. */
export const DAY = 86_400_000;

/** PushTopic and generic events are kept for a day, platform and change events for three. */
const SHORT = DAY;
const LONG = 3 * DAY;

/** The channel of all change events. */
const ALL_CHANGES = "ChangeEvents";

/** Returns the channel with this name, as clients write it. `undefined` if the org has none. Names are case-sensitive. */
export function channelOf(org: Org, name: string): Channel | undefined {
  const [, area = "", rest = ""] = /^\/(\w+)\/(.+)$/s.exec(name) ?? [];
  switch (area) {
    case "event":
      return platformChannel(org, name, rest);
    case "data":
      return dataChannel(org, name, rest);
    case "topic":
      return topicChannel(org, name, rest);
    case "u":
      return genericChannel(org, name);
    default:
      return undefined;
  }
}

/** Returns the name of an object's changes, which follows `/data/`: `CaseChangeEvent`, `Device__ChangeEvent`. */
export function changeEventName(object: ObjectSchema): string {
  return object.custom ? `${object.name.slice(0, -"__c".length)}__ChangeEvent` : `${object.name}ChangeEvent`;
}

/** Returns the object for such a name. */
export function changedObject(org: Org, name: string): ObjectSchema | undefined {
  const object = org.schema.object(name.endsWith("__ChangeEvent") ? name.replace(/ChangeEvent$/, "c") : name.replace(/ChangeEvent$/, ""));
  return object && isStreamable(object) && changeEventName(object) === name ? object : undefined;
}

function platformChannel(org: Org, name: string, rest: string): Channel | undefined {
  const custom = org.declared.channels.get("event", rest);
  const object = org.schema.object(rest);
  if (!custom && !(object?.platformEvent && object.name === rest)) return undefined;
  const members = custom ? new Set(custom.members) : new Set([rest]);
  return { name, kind: "event", retention: LONG, has: (event) => event.kind === "platform" && members.has(event.name) };
}

function dataChannel(org: Org, name: string, rest: string): Channel | undefined {
  const channel = { name, kind: "data" as const, retention: LONG };
  if (rest === ALL_CHANGES) return { ...channel, has: (event) => event.kind === "change" && org.changes.capture.enabled.has(event.entity) };
  const custom = org.declared.channels.get("data", rest);
  if (custom) {
    const entities = new Set(custom.members.map((member) => changedObject(org, member)?.name));
    return { ...channel, has: (event) => event.kind === "change" && entities.has(event.entity) };
  }
  const object = changedObject(org, rest);
  return object && { ...channel, has: (event) => event.kind === "change" && event.entity === object.name };
}

function topicChannel(org: Org, name: string, rest: string): Channel | undefined {
  const topic = topicOf(org, rest);
  return topic && { name, kind: "topic", retention: SHORT, fields: topic.selected, has: (event) => event.kind === "topic" && event.topic === rest };
}

function genericChannel(org: Org, name: string): Channel | undefined {
  const object = org.schema.object("StreamingChannel")!;
  const row = org.store.table(object).find(object.field("Name")!, name)[0];
  if (row?.["Name"] !== name) return undefined;
  return { name, kind: "generic", retention: SHORT, has: (event) => event.kind === "generic" && event.channel === name };
}
