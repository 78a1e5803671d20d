import { plainValue } from "./encode";
import type { NamedStatement, PlainValue } from "./protocol";

/** The values of a statement's names. */
export type NamedValues = Record<string, NamedStatement["values"][string]>;

/** What may be a `:name`. It may also stand in a string or comment, where it does no harm: the child knows better, and asks for the others. */
const MAYBE_NAME = /(?<![:\w]):([A-Za-z_]\w*)/g;

/** What may be a name in a statement, each once. */
export function namesIn(sql: string): string[] {
  return [...new Set([...sql.matchAll(MAYBE_NAME)].map(([, name]) => name as string))];
}

/** Those of an object's own properties that are named; what is missing is told when the statement is bound. @throws ConnectorError `INPUT_INVALID` */
export function valuesFrom(source: unknown, names: readonly string[]): NamedValues {
  const values: NamedValues = {};
  if (typeof source !== "object" || source === null) return values;
  for (const name of names) {
    const value = Object.hasOwn(source, name) ? (source as Record<string, unknown>)[name] : undefined;
    if (value !== undefined) values[name] = namedValue(value, name);
  }
  return values;
}

/** A value, or for a list one for each of its items, as in `in (:ids)`. @throws ConnectorError `INPUT_INVALID` */
export function namedValue(value: unknown, name: string): PlainValue | PlainValue[] {
  return Array.isArray(value) ? value.map((each) => plainValue(each, name)) : plainValue(value, name);
}
