import type { Type } from "avsc";
import type { ChangeEvent, PublishedEvent } from "../events/bus-event";
import { eventSchema, schemaId } from "../events/event-schema";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Field, Scalar } from "../schema/types";
import { avroType } from "./avro";

/** An Avro schema with what reads and writes by it. */
export interface EventSchema {
  /** The same as long as the fields are. */
  id: string;
  json: string;
  type: Type;
}

/** Events that go over this API. */
export type AvroEvent = PublishedEvent | ChangeEvent;

/** The schemas of an org's events, and events in Avro. */
export class EventCodec {
  private readonly platform = new WeakMap<ObjectSchema, EventSchema>();

  constructor(private readonly org: Org) {}

  /** The one schema of a channel's events; undefined when they are of several. @param channelName for example `/event/Device_Alert__e` */
  ofChannel(channelName: string): EventSchema | undefined {
    const object = this.org.schema.object(channelName.slice(channelName.lastIndexOf("/") + 1));
    return object?.platformEvent ? this.ofPlatformEvent(object) : undefined;
  }

  /** The schema with this id. */
  byId(id: string): EventSchema | undefined {
    for (const object of this.org.schema.objects) if (object.platformEvent && schemaId(object) === id) return this.ofPlatformEvent(object);
    return undefined;
  }

  /** The schema of a platform event. */
  ofPlatformEvent(object: ObjectSchema): EventSchema {
    let schema = this.platform.get(object);
    if (!schema) {
      const { uuid, ...layout } = eventSchema(object, "COMPACT");
      schema = { id: String(uuid), json: JSON.stringify(layout), type: avroType(layout) };
      this.platform.set(object, schema);
    }
    return schema;
  }

  /** An event as it is delivered. */
  encode(event: AvroEvent): { schemaId: string; payload: Buffer } {
    if (event.kind === "change") throw new Error("change events are not there yet");
    const object = this.org.schema.object(event.name)!;
    const schema = this.ofPlatformEvent(object);
    const values: Record<string, unknown> = { CreatedDate: Date.parse(event.createdDate), CreatedById: event.createdById };
    for (const field of object.fields) if (field.createable) values[field.name] = toAvro(field, event.payload[field.name] ?? null);
    return { schemaId: schema.id, payload: schema.type.toBuffer(values) };
  }

  /** The fields of a published event as the REST API would be given them. @throws Error when the bytes do not fit the schema */
  decode(object: ObjectSchema, payload: Buffer): Record<string, unknown> {
    const values = this.ofPlatformEvent(object).type.fromBuffer(payload) as Record<string, unknown>;
    const own = object.fields.filter((field) => field.createable).map((field): [string, unknown] => [field.name, fromAvro(field, values[field.name])]);
    return Object.fromEntries(own.filter(([, value]) => value !== null));
  }
}

/** Times are ms since the epoch; the rest is as it is stored. */
export function toAvro(field: Field, value: Scalar): Scalar {
  const isTime = field.type === "date" || field.type === "datetime";
  return isTime && value !== null ? Date.parse(String(value)) : value;
}

function fromAvro(field: Field, value: unknown): unknown {
  if (typeof value !== "number") return value;
  if (field.type === "datetime") return new Date(value).toISOString();
  return field.type === "date" ? new Date(value).toISOString().slice(0, 10) : value;
}
