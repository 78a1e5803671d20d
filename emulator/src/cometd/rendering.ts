import type { BusEvent, ChangeEvent, PublishedEvent } from "../events/bus-event";
import { changeSchema } from "../events/change-schema";
import { headerName, nested } from "../events/compound-fields";
import { schemaId, type PayloadFormat } from "../events/event-schema";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";

/** Stands for a 64-bit number until the message is text, since JSON can hold it exactly and a JavaScript number cannot. */
const LONG = "\u0000long";

/**
 * Returns the JSON of the message that delivers an event. It has no client id.
 *
 * @param channel the channel as the client has subscribed to it
 * @param format the format that the client asked for in its handshake. With COMPACT, times are numbers, as in that layout of the schema
 */
export function renderEvent(org: Org, event: BusEvent, channel: string, format: PayloadFormat): string {
  switch (event.kind) {
    case "platform":
      return JSON.stringify({ channel, data: platformData(org, event, format) });
    case "change":
      return JSON.stringify({ channel, data: changeData(org, event, format) }).replace(JSON.stringify(LONG), String(event.header.commitNumber));
    case "topic":
      return JSON.stringify({ channel, data: { event: { createdDate: event.createdDate, replayId: event.replayId, type: event.type }, sobject: event.sobject } });
    case "generic":
      return JSON.stringify({ channel, data: { event: { createdDate: event.createdDate, replayId: event.replayId }, payload: event.text } });
  }
}

function platformData(org: Org, event: PublishedEvent, format: PayloadFormat): object {
  const object = org.schema.object(event.name)!;
  const created = { CreatedDate: time(event.createdDate, format), CreatedById: event.createdById };
  return {
    schema: schemaId(object),
    payload: { ...created, ...fieldValues(object, event.payload, format) },
    event: { EventUuid: event.eventUuid, replayId: event.replayId },
  };
}

/** Returns the `data` of a change event. Only over gRPC does the header tell which fields were emptied or sent as a difference. */
function changeData(org: Org, { entity, header, values, replayId }: ChangeEvent, format: PayloadFormat): object {
  const object = org.schema.object(entity)!;
  const { nulledFields: _nulled, diffFields: _diff, ...told } = header;
  const changedFields = header.changedFields.map((field) => headerName(object, field));
  return {
    schema: changeSchema(object).id,
    payload: { ChangeEventHeader: { ...told, changedFields, commitNumber: LONG }, ...nested(object, fieldValues(object, values, format)) },
    event: { replayId },
  };
}

function fieldValues(object: ObjectSchema, values: Record<string, Scalar>, format: PayloadFormat): Record<string, Scalar> {
  const rendered: Record<string, Scalar> = {};
  for (const [name, value] of Object.entries(values)) {
    const type = typeof value === "string" ? object.field(name)?.type : undefined;
    rendered[name] = type === "datetime" || (type === "date" && format === "COMPACT") ? time(String(value), format) : value;
  }
  return rendered;
}

/** Returns a time: ms since the epoch for COMPACT, otherwise ISO 8601 in UTC, with milliseconds only if they are not zero. */
function time(text: string, format: PayloadFormat): string | number {
  const date = new Date(text);
  return format === "COMPACT" ? date.getTime() : date.toISOString().replace(".000Z", "Z");
}
