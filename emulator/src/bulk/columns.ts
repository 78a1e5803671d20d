import type { Schema, ObjectSchema } from "../schema/schema";
import type { Field } from "../schema/types";
import { InvalidData } from "./input";

/** Makes the JSON of a record, as the REST API takes it, of the values of one row. */
export type RowReader = (row: readonly string[]) => Record<string, unknown>;

/** The value that empties a field. An empty value leaves the field as it is. */
const NULL = "#N/A";

/** Checks the columns of an upload against the object. @throws InvalidData when a column is missing, unknown or there twice */
export function rowReader(schema: Schema, object: ObjectSchema, names: readonly string[], operation: string, externalId: string | undefined): RowReader {
  const seen = new Set<string>();
  const setters = names.map((name) => {
    if (seen.has(name.toLowerCase())) throw new InvalidData(`InvalidBatch : Duplicate column name : ${name}`);
    seen.add(name.toLowerCase());
    return setter(schema, object, name);
  });
  const onlyIds = operation === "delete" || operation === "hardDelete";
  if (onlyIds && (names.length !== 1 || !seen.has("id"))) throw new InvalidData(`InvalidBatch : The '${operation}' batch must contain only ids`);
  if (operation === "update" && !seen.has("id")) throw new InvalidData("InvalidBatch : Field name not found : Id");
  if (externalId !== undefined && !seen.has(externalId.toLowerCase())) throw new InvalidData(`InvalidBatch : Field name not found : ${externalId}`);
  return (row) => {
    const record: Record<string, unknown> = {};
    row.forEach((text, index) => {
      if (text !== "") setters[index]!(record, text === NULL ? null : text);
    });
    return record;
  };
}

/**
 * Returns the indexes of the columns that are in the results: those that are spelled as the org spells them. The others are written, but "results only include columns
 * that are a match" (Bulk API 2.0, Prepare CSV Files).
 */
export function shownColumns(schema: Schema, object: ObjectSchema, names: readonly string[]): number[] {
  return names.flatMap((name, index) => (spelled(schema, object, name) === name ? index : []));
}

function spelled(schema: Schema, object: ObjectSchema, name: string): string | undefined {
  const field = object.field(name);
  if (field) return field.name;
  const found = way(schema, object, name);
  return found && `${found.type === undefined ? "" : `${found.parent.name}:`}${found.reference.relationshipName ?? ""}.${found.externalId.name}`;
}

type Setter = (record: Record<string, unknown>, value: string | null) => void;

function setter(schema: Schema, object: ObjectSchema, name: string): Setter {
  const field = object.field(name);
  if (field) return (record, value) => (record[field.name] = value);
  const found = way(schema, object, name);
  if (!found) throw new InvalidData(`InvalidBatch : Field name not found : ${name}`);
  const { reference, parent, externalId } = found;
  const attributes = reference.referenceTo.length > 1 ? { attributes: { type: parent.name } } : {};
  return (record, value) => {
    // To empty the relationship, the reference itself is emptied.
    if (value === null) record[reference.name] = null;
    else record[reference.relationshipName ?? ""] = { ...attributes, [externalId.name]: value };
  };
}

/** Returns what a column such as `Account.Number__c` names; `Case:Owner.Name__c`, with the type, for a reference that several types of objects can be in. */
function way(schema: Schema, object: ObjectSchema, name: string): { type: string | undefined; reference: Field; parent: ObjectSchema; externalId: Field } | undefined {
  const [relationship = "", key = "", ...more] = name.split(".");
  const [type, up = ""] = relationship.includes(":") ? relationship.split(":") : [undefined, relationship];
  const reference = object.relationship(up);
  const parent = schema.object(type ?? reference?.referenceTo[0] ?? "");
  const externalId = parent?.field(key);
  return reference && parent && reference.referenceTo.includes(parent.name) && externalId?.indexed && more.length === 0 ? { type, reference, parent, externalId } : undefined;
}
