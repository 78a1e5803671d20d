import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Field, Scalar } from "../schema/types";
import type { Row } from "../store/table";
import { namingAdvice, soqlError } from "./soql-error";

/** A field of a record or of its parents, such as `Account.Owner.Name`. */
export interface Path {
  field: Field;
  /** The reference fields that lead to the parent. Empty for a field of the record itself. */
  parents: Field[];
  read(row: Row): Scalar;
}

/**
 * Returns the path that a text names, in upper or lower case.
 *
 * @param query the whole query, for the caret in errors
 * @param alias the alias of the object in FROM. The path may begin with it, or with the object's name
 */
export function resolvePath(org: Org, object: ObjectSchema, text: string, query: string, alias?: string): Path {
  const names = text.split(".");
  const first = names[0]!.toLowerCase();
  if (names.length > 1 && (first === alias?.toLowerCase() || (first === object.name.toLowerCase() && !object.relationship(first))))
    names.shift();
  let objects = [object];
  const parents: Field[] = [];
  for (const name of names.slice(0, -1)) {
    const field = objects[0]!.relationship(name);
    if (!field || !objects.every((candidate) => candidate.relationship(name))) {
      const reason = `Didn't understand relationship '${name}' in field path. ${namingAdvice("relationship", "__r")}`;
      throw soqlError("INVALID_FIELD", query, text, reason);
    }
    parents.push(field);
    objects = field.referenceTo.map((target) => org.schema.object(target)!);
  }
  const last = names[names.length - 1]!;
  const field = objects[0]!.field(last);
  if (!field || !objects.every((candidate) => candidate.field(last))) {
    const entity = objects.length > 1 ? "Name" : objects[0]!.name;
    throw soqlError("INVALID_FIELD", query, text, `No such column '${last}' on entity '${entity}'. ${namingAdvice("field", "__c")}`);
  }
  return { field, parents, read: reader(org, field, parents) };
}

function reader(org: Org, field: Field, parents: Field[]): (row: Row) => Scalar {
  const name = field.name;
  if (parents.length === 0) return (row) => row[name] ?? null;
  return (row) => parentRow(org, row, parents)?.[name] ?? null;
}

/** Returns the record to which reference fields lead from a row; `undefined` if one of them is empty. */
export function parentRow(org: Org, row: Row, parents: readonly Field[]): Row | undefined {
  let current: Row | undefined = row;
  for (const parent of parents) {
    const id: Scalar = current?.[parent.name] ?? null;
    current = id === null ? undefined : org.store.get(String(id));
  }
  return current;
}
