import { createHash } from "node:crypto";
import type { ObjectSchema } from "../schema/schema";
import { changeEventName } from "./channels";
import { changeEventFields, place } from "./compound-fields";
import { avroField } from "./event-schema";

/** A field of an Avro record. */
interface AvroField {
  name: string;
  type: unknown;
  doc: string;
  default?: null;
}

const strings = { type: "array", items: "string" };

/** The header with which every change event begins. Its last three fields name fields of the event by their places in the schema. */
const HEADER: AvroField = {
  name: "ChangeEventHeader",
  type: {
    type: "record",
    name: "ChangeEventHeader",
    fields: [
      { name: "entityName", type: "string" },
      { name: "recordIds", type: strings },
      {
        name: "changeType",
        type: {
          type: "enum",
          name: "ChangeType",
          symbols: ["CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT"],
        },
      },
      { name: "changeOrigin", type: "string" },
      { name: "transactionKey", type: "string" },
      { name: "sequenceNumber", type: "int" },
      { name: "commitTimestamp", type: "long" },
      { name: "commitNumber", type: "long" },
      { name: "commitUser", type: "string" },
      { name: "nulledFields", type: strings },
      { name: "diffFields", type: strings },
      { name: "changedFields", type: strings },
    ],
  },
  doc: "",
};

/** All parts that compound fields can have, so that all addresses of an object have the same type. */
const PARTS: Record<"Address" | "PersonName", readonly string[]> = {
  Address: ["Street", "City", "State", "PostalCode", "Country"],
  PersonName: ["Salutation", "FirstName", "LastName"],
};

/** Returns the type of a compound field. */
const typeOf = (compound: string): keyof typeof PARTS => (compound === "Name" ? "PersonName" : "Address");

/** The place of a field in the schema of its object's change events. */
export interface FieldPlace {
  /** Index among the schema's fields. */
  index: number;
  /** Name of that field: the field itself, or the compound field of which it is a part. */
  name: string;
  /** Name and index within the compound field. */
  part?: { name: string; index: number };
}

/** The layout of an object's change events. */
export interface ChangeSchema {
  /** The value of `data.schema` over CometD, and of `schema_id` over gRPC. It changes only with the fields. */
  id: string;
  /** The Avro schema. */
  layout: { type: "record"; name: string; namespace: string; fields: AvroField[] };
  /** The places of the object's fields, by field name. */
  places: ReadonlyMap<string, FieldPlace>;
}

const known = new WeakMap<ObjectSchema, ChangeSchema>();

/** Returns the schema of an object's change events. */
export function changeSchema(object: ObjectSchema): ChangeSchema {
  let schema = known.get(object);
  if (!schema) known.set(object, (schema = build(object)));
  return schema;
}

function build(object: ObjectSchema): ChangeSchema {
  const fields = [HEADER];
  const places = new Map<string, FieldPlace>();
  const defined = new Set<string>();
  for (const field of changeEventFields(object)) {
    const [name, part] = place(object, field.name);
    let index = fields.findIndex((one) => one.name === name);
    if (index < 0) index = fields.push(part === undefined ? avroField(field, "COMPACT", true) : compoundField(name, defined)) - 1;
    places.set(field.name, { index, name, ...(part === undefined ? {} : { part: { name: part, index: PARTS[typeOf(name)].indexOf(part) } }) });
  }
  const layout = { type: "record" as const, name: changeEventName(object), namespace: "com.sforce.eventbus", fields };
  return { id: createHash("md5").update(JSON.stringify(layout)).digest("base64url"), layout, places };
}

/** Returns the schema's field for a compound field. Its type is written out where it occurs first, and only named after that. */
function compoundField(name: string, defined: Set<string>): AvroField {
  const type = typeOf(name);
  const fields = PARTS[type].map((part) => ({ name: part, type: ["null", "string"], default: null }));
  const record = defined.has(type) ? type : { type: "record", name: type, fields };
  defined.add(type);
  return { name, type: ["null", record], doc: `Data:${type}`, default: null };
}
