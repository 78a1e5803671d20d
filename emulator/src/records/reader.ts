import { ApiError } from "../api-error";
import type { ObjectSchema, Schema } from "../schema/schema";
import type { Field, Scalar } from "../schema/types";
import { deserialize } from "./values";

/** A parent that is named by its external id, as in `{"Account": {"Number__c": "123"}}`. */
export interface ParentReference {
  field: Field;
  parent: ObjectSchema;
  externalId: Field;
  value: Scalar;
}

/** A record of a request. Its values have types, but nothing else is checked yet. */
export interface RecordInput {
  values: Map<Field, Scalar>;
  parents: ParentReference[];
}

/** Reads a record from JSON. Unknown columns and values of a wrong type are errors of the whole request. */
export function readRecord(schema: Schema, object: ObjectSchema, json: unknown): RecordInput {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new ApiError("JSON_PARSER_ERROR", "Cannot deserialize instance of sObject: the record must be a JSON object");
  }
  const input: RecordInput = { values: new Map(), parents: [] };
  for (const [name, value] of Object.entries(json)) {
    if (name === "attributes") continue;
    const field = object.field(name);
    if (field) input.values.set(field, deserialize(field, value));
    else input.parents.push(readParent(schema, object, name, value));
  }
  return input;
}

function readParent(schema: Schema, object: ObjectSchema, name: string, value: unknown): ParentReference {
  const field = object.relationship(name);
  if (!field || typeof value !== "object" || value === null || Array.isArray(value)) throw noSuchColumn(name, object.name);
  const attributes = (value as { attributes?: { type?: unknown } }).attributes;
  const parentName = field.referenceTo.length === 1 ? field.referenceTo[0]! : String(attributes?.type ?? "");
  const parent = schema.object(parentName);
  const keys = Object.entries(value).filter(([key]) => key !== "attributes");
  const [key, keyValue] = keys[0] ?? [];
  if (!parent || key === undefined || keys.length !== 1) {
    throw new ApiError("INVALID_FIELD", `${name}: name the parent by exactly one external id field`, [name]);
  }
  const externalId = parent.field(key);
  if (!externalId) throw noSuchColumn(key, parent.name);
  if (!externalId.indexed) throw new ApiError("INVALID_FIELD", `${key} is not an External ID or indexed field for ${parent.name}`, [key]);
  return { field, parent, externalId, value: deserialize(externalId, keyValue) };
}

/** Returns the error for an unknown column in a write. */
export function noSuchColumn(column: string, objectName: string): ApiError {
  return new ApiError("INVALID_FIELD", `No such column '${column}' on sobject of type ${objectName}`);
}
