import { createHash } from "node:crypto";
import type { ObjectSchema } from "../schema/schema";
import type { Field } from "../schema/types";

/** Avro types by field type. All other fields are strings. */
const AVRO: Partial<Record<Field["type"], string>> = { boolean: "boolean", int: "double", double: "double", currency: "double", percent: "double", date: "long", datetime: "long" };

/** The names of the types in `doc`. All others are `Text`. */
const DOC: Partial<Record<Field["type"], string>> = {
  boolean: "Boolean", int: "Double", double: "Double", currency: "Double", percent: "Double", date: "DateOnly", datetime: "DateTime", reference: "EntityId",
  textarea: "EscapedRichTextArea",
};

/** The layout of an event's schema: that of the data over gRPC (`COMPACT`), or that of the JSON over CometD (`EXPANDED`). */
export type PayloadFormat = "COMPACT" | "EXPANDED";

/** Returns the Avro schema of an event, as both schema resources do. */
export function eventSchema(object: ObjectSchema, format: PayloadFormat): Record<string, unknown> {
  const fields = payloadFields(object, format);
  const compact = { name: object.name, namespace: "com.sforce.eventbus", type: "record", fields };
  const uuid = schemaId(object);
  if (format === "COMPACT") return { ...compact, uuid };
  const payload = { type: "record", name: "Payload", doc: "", fields };
  const event = { type: "record", name: "Event", fields: [{ name: "replayId", type: "long" }, { name: "EventUuid", type: "string" }] };
  const data = {
    type: "record", name: "Data", namespace: "",
    fields: [{ name: "schema", type: "string" }, { name: "payload", type: payload }, { name: "event", type: event }],
  };
  return { ...compact, type: "expanded-record", fields: [{ name: "data", type: data }, { name: "channel", type: "string" }], uuid };
}

const ids = new WeakMap<ObjectSchema, string>();

/** Returns the value of an event's `data.schema`. It changes only with the event's fields. */
export function schemaId(object: ObjectSchema): string {
  let id = ids.get(object);
  if (id === undefined) {
    const text = JSON.stringify([object.name, payloadFields(object, "COMPACT")]);
    ids.set(object, (id = createHash("md5").update(text).digest("base64url")));
  }
  return id;
}

/** Returns the fields of an event's payload. Only times differ between the layouts: CometD delivers them as text. */
function payloadFields(object: ObjectSchema, format: PayloadFormat): Record<string, unknown>[] {
  const own = object.fields.filter((field) => field.createable);
  const created = [
    { name: "CreatedDate", type: format === "COMPACT" ? "long" : "string", doc: "CreatedDate:DateTime" },
    { name: "CreatedById", type: "string", doc: "CreatedBy:EntityId" },
  ];
  return [
    ...created,
    ...own.map((field) => avroField(field, format, !field.required)),
  ];
}

/** Returns a field of a schema. @param nullable whether an event may leave it out */
export function avroField(field: Field, format: PayloadFormat, nullable: boolean): { name: string; type: unknown; doc: string; default?: null } {
  const isTime = field.type === "date" || field.type === "datetime";
  const type = isTime && format === "EXPANDED" ? "string" : (AVRO[field.type] ?? "string");
  return { name: field.name, type: nullable ? ["null", type] : type, doc: `Data:${DOC[field.type] ?? "Text"}`, ...(nullable ? { default: null } : {}) };
}
