import { createHash } from "node:crypto";
import type { ObjectSchema } from "../schema/schema";
import type { Field } from "../schema/types";

/** Avro types by field type; what is not here is a string. */
const AVRO: Partial<Record<Field["type"], string>> = { boolean: "boolean", int: "double", double: "double", currency: "double", percent: "double", date: "long", datetime: "long" };

/** How `doc` names the types. */
const DOC: Partial<Record<Field["type"], string>> = {
  boolean: "Boolean", int: "Double", double: "Double", currency: "Double", percent: "Double", date: "DateOnly", datetime: "DateTime", reference: "EntityId",
  textarea: "EscapedRichTextArea",
};

/** The layouts of an event's schema: what goes over gRPC, or the JSON that CometD delivers. */
export type PayloadFormat = "COMPACT" | "EXPANDED";

/** The Avro schema of an event, as both schema resources give it. */
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

/** What stands in `data.schema` of an event: the same as long as its fields are. */
export function schemaId(object: ObjectSchema): string {
  let id = ids.get(object);
  if (id === undefined) {
    const text = JSON.stringify([object.name, payloadFields(object, "COMPACT")]);
    ids.set(object, (id = createHash("md5").update(text).digest("base64url")));
  }
  return id;
}

/** CometD delivers times as text, and no other type differs. */
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

/** A field as a schema has it. @param nullable whether an event may leave it out */
export function avroField(field: Field, format: PayloadFormat, nullable: boolean): { name: string; type: unknown; doc: string; default?: null } {
  const isTime = field.type === "date" || field.type === "datetime";
  const type = isTime && format === "EXPANDED" ? "string" : (AVRO[field.type] ?? "string");
  return { name: field.name, type: nullable ? ["null", type] : type, doc: `Data:${DOC[field.type] ?? "Text"}`, ...(nullable ? { default: null } : {}) };
}
