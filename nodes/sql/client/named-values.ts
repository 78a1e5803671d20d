import { type Parameter, Parameters } from "../../common/parameters";
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

/** The values of a query's names, for each message; what is missing is told when the statement is bound. */
export type QueryParameters = Parameters<NamedValues[string]>;

/** @param own the node's list; the others are the payload's. Values that no database can be given are `INPUT_INVALID` */
export function queryParameters(query: string, own: readonly Parameter[]): QueryParameters {
  return new Parameters(namesIn(query), own, namedValue);
}

/** A value, or for a list one for each of its items, as in `in (:ids)`. @throws ConnectorError `INPUT_INVALID` */
export function namedValue(value: unknown, name: string): PlainValue | PlainValue[] {
  return Array.isArray(value) ? value.map((each) => plainValue(each, name)) : plainValue(value, name);
}
