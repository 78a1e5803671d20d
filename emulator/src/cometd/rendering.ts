import type { BusEvent, ChangeEvent, PublishedEvent } from "../events/bus-event";
import { changeSchema } from "../events/change-schema";
import { headerName, nested } from "../events/compound-fields";
import { schemaId, type PayloadFormat } from "../events/event-schema";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";

/** Stands for a number of 64 bits until the message is text: JSON holds it, a JavaScript number does not. */
const LONG = "\u0000long";

/**
 * An event as the JSON of the message that delivers it, without a client id.
 *
 * @param channel as the client has subscribed to it
 * @param format what the client asked for in its handshake; COMPACT: times as numbers, as that layout of the schema has them
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

/** Which fields became empty or came as a difference is told over gRPC only. */
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

/** ISO 8601 in UTC; milliseconds only where there are some. */
function time(text: string, format: PayloadFormat): string | number {
  const date = new Date(text);
  return format === "COMPACT" ? date.getTime() : date.toISOString().replace(".000Z", "Z");
}
