import { ConnectorError } from "../../common/errors";
import { isPlain } from "../../common/is-plain";
import { type TypedValue, whenAllReady } from "../../common/typed-input";
import type { Fields } from "../client/records/collections";
import type { EventItem } from "../client/events/event-writer";
import { toFieldValue } from "../client/mapping";

/** API name of a platform event, with or without a namespace. */
const EVENT_NAME = /^[A-Za-z]\w*__e$/i;

/** Whether a text can be the name of a platform event. */
export function isEventName(value: unknown): value is string {
  return typeof value === "string" && EVENT_NAME.test(value);
}

/** Returns a function that makes the events of a message. That function throws or rejects with `INPUT_INVALID`. */
export function eventsOf(event: TypedValue, fields: TypedValue): (msg: object) => EventItem | Promise<EventItem> {
  return (msg) => whenAllReady([event(msg), fields(msg)], ([name, data]) => toItem(name, data));
}

function toItem(name: unknown, data: unknown): EventItem {
  const event = typeof name === "string" ? name.trim() : name;
  if (!isEventName(event)) throw invalid(`${typeof event === "string" ? `"${event}"` : `A ${typeof event}`} is no platform event: its API name ends with __e`);
  const events = Array.isArray(data) ? data.map(toFields) : [toFields(data)];
  return { event, events, isList: Array.isArray(data) };
}

function toFields(value: unknown): Fields {
  if (!isPlain(value)) throw invalid("The data of an event is no object of field values");
  const fields: Fields = {};
  for (const [field, content] of Object.entries(value)) {
    const ready = field === "attributes" ? undefined : toFieldValue(field, content);
    if (ready !== undefined) fields[field] = ready;
  }
  return fields;
}

function invalid(text: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", text);
}
