import { type Parameter, Parameters } from "../../common/parameters";
import { plainValue } from "./encode";
import type { NamedStatement, PlainValue } from "./protocol";

/** The values of a statement's names. */
export type NamedValues = Record<string, NamedStatement["values"][string]>;

/** What may be a `:name`. A match in a string or comment does no harm: the child, which reads the statement exactly, does not use its value. */
const MAYBE_NAME = /(?<![:\w]):([A-Za-z_]\w*)/g;

/** Returns all texts in a statement that may be `:name`s, each once. */
export function namesIn(sql: string): string[] {
  return [...new Set([...sql.matchAll(MAYBE_NAME)].map(([, name]) => name as string))];
}

/** Gives for each message the values of a query's names. A missing one is an error only when the statement is bound. */
export type QueryParameters = Parameters<NamedValues[string]>;

/** @param own the parameters that the node lists; other names take properties of the payload. A value that no database takes is `INPUT_INVALID` */
export function queryParameters(query: string, own: readonly Parameter[]): QueryParameters {
  return new Parameters(namesIn(query), own, namedValue);
}

/** Returns the plain value for a name; for a list, as in `in (:ids)`, a list of plain values. @throws ConnectorError `INPUT_INVALID` */
export function namedValue(value: unknown, name: string): PlainValue | PlainValue[] {
  return Array.isArray(value) ? value.map((each) => plainValue(each, name)) : plainValue(value, name);
}
