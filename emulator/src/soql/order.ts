import type { OrderByClause } from "@jetstreamapp/soql-parser-js";
import { isFilterable } from "../schema/describe";
import type { Row } from "../store/table";
import type { Path } from "./path";
import { malformed } from "./soql-error";

/** Compares two rows, for `sort`. */
export type Order = (a: Row, b: Row) => number;

/** Compiles ORDER BY. @param resolve returns what a clause names. @returns `undefined` if there is no clause */
export function compileOrders(clauses: readonly OrderByClause[], query: string, resolve: (clause: OrderByClause) => Path): Order | undefined {
  const orders = clauses.map((clause): Order => {
    const { field, read } = resolve(clause);
    if (!isFilterable(field)) throw malformed(query, field.name, `field '${field.name}' can not be sorted in a query call`);
    const direction = clause.order === "DESC" ? -1 : 1;
    const nulls = clause.nulls === "LAST" ? 1 : -1;
    const key = (row: Row): string | number | boolean | null => {
      const value = read(row);
      return typeof value === "string" ? value.toLowerCase() : value;
    };
    return (a, b) => {
      const [left, right] = [key(a), key(b)];
      if (left === right) return 0;
      if (left === null) return nulls;
      if (right === null) return -nulls;
      return left < right ? -direction : direction;
    };
  });
  if (orders.length === 0) return undefined;
  return (a, b) => orders.reduce((result, order) => result || order(a, b), 0);
}
