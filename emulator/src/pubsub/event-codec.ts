import type { Type } from "avsc";
import type { ChangeEvent, PublishedEvent } from "../events/bus-event";
import { changeSchema } from "../events/change-schema";
import { changedObject } from "../events/channels";
import { eventSchema } from "../events/event-schema";
import { isStreamable } from "../events/streamable";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Field, Scalar } from "../schema/types";
import { avroType } from "./avro";
import { bitmaps } from "./bitmaps";

/** An Avro schema, and the type that reads and writes its values. */
export interface EventSchema {
  /** Changes only with the fields. */
  id: string;
  json: string;
  type: Type;
}

/** The events that the Pub/Sub API delivers. */
export type AvroEvent = PublishedEvent | ChangeEvent;

/** Knows the schemas of an org's events, and turns events into Avro and back. */
export class EventCodec {
  private readonly schemas = new WeakMap<ObjectSchema, EventSchema>();

  constructor(private readonly org: Org) {}

  /** Returns the schema of a channel's events; `undefined` if they have several. @param channelName for example `/event/Device_Alert__e` */
  ofChannel(channelName: string): EventSchema | undefined {
    const [, area = "", name = ""] = channelName.split("/");
    const object = area === "data" ? changedObject(this.org, name) : this.org.schema.object(name);
    return object && (area === "data" || object.platformEvent) ? this.of(object) : undefined;
  }

  /** Returns the schema with this id. */
  byId(id: string): EventSchema | undefined {
    for (const object of this.org.schema.objects) {
      if (!object.platformEvent && !isStreamable(object)) continue;
      const schema = this.of(object);
      if (schema.id === id) return schema;
    }
    return undefined;
  }

  /** Returns the schema of a platform event, or of an object's change events. */
  of(object: ObjectSchema): EventSchema {
    let schema = this.schemas.get(object);
    if (!schema) {
      const { id, layout } = object.platformEvent ? platformLayout(object) : changeSchema(object);
      schema = { id, json: JSON.stringify(layout), type: avroType(layout) };
      this.schemas.set(object, schema);
    }
    return schema;
  }

  /** Returns an event as it is delivered. */
  encode(event: AvroEvent): { schemaId: string; payload: Buffer } {
    const object = this.org.schema.object(event.kind === "change" ? event.entity : event.name)!;
    const { id, type } = this.of(object);
    return { schemaId: id, payload: type.toBuffer(event.kind === "change" ? changeValues(object, event) : platformValues(object, event)) };
  }

  /** Returns the fields of a published event as a client of the REST API would send them. @throws Error when the bytes do not fit the schema */
  decode(object: ObjectSchema, payload: Buffer): Record<string, unknown> {
    const values = this.of(object).type.fromBuffer(payload) as Record<string, unknown>;
    const own = object.fields.filter((field) => field.createable).map((field): [string, unknown] => [field.name, fromAvro(field, values[field.name])]);
    return Object.fromEntries(own.filter(([, value]) => value !== null));
  }
}

function platformLayout(object: ObjectSchema): { id: string; layout: object } {
  const { uuid, ...layout } = eventSchema(object, "COMPACT");
  return { id: String(uuid), layout };
}

function platformValues(object: ObjectSchema, { createdDate, createdById, payload }: PublishedEvent): Record<string, unknown> {
  const values: Record<string, unknown> = { CreatedDate: Date.parse(createdDate), CreatedById: createdById };
  for (const field of object.fields) if (field.createable) values[field.name] = toAvro(field, payload[field.name] ?? null);
  return values;
}

function changeValues(object: ObjectSchema, { header, values }: ChangeEvent): Record<string, unknown> {
  const { places } = changeSchema(object);
  const { nulledFields, diffFields, changedFields } = header;
  const result: Record<string, unknown> = {
    ChangeEventHeader: {
      ...header,
      nulledFields: bitmaps(places, nulledFields),
      diffFields: bitmaps(places, diffFields),
      changedFields: bitmaps(places, changedFields),
    },
  };
  for (const [name, value] of Object.entries(values)) {
    const place = places.get(name);
    if (!place) continue;
    const avro = toAvro(object.field(name)!, value);
    if (place.part) Object.assign((result[place.name] ??= {}) as object, { [place.part.name]: avro });
    else result[place.name] = avro;
  }
  return result;
}

/** Returns a value as it is in Avro: times are ms since the epoch, all others are as stored. */
function toAvro(field: Field, value: Scalar): Scalar {
  const isTime = field.type === "date" || field.type === "datetime";
  return isTime && value !== null ? Date.parse(String(value)) : value;
}

function fromAvro(field: Field, value: unknown): unknown {
  if (typeof value !== "number") return value;
  if (field.type === "datetime") return new Date(value).toISOString();
  return field.type === "date" ? new Date(value).toISOString().slice(0, 10) : value;
}
