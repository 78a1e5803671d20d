/** Statements of one row with `?` for each value, as most products take them. */
import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { Parameter } from "../child/backend";
import { isDuplicateKey } from "../duplicate-key";
import type { Run, Statement, Target } from "./dialect";

/** Quotes an identifier. */
type Quote = (identifier: string) => string;

/** Returns `update t set a = ? where k = ?`. */
export function updateRow(quoted: Quote, target: Target, row: readonly Parameter[]): Statement {
  const { rest, keys } = split(target, row);
  const set = rest.map(({ name }) => `${quoted(name)} = ?`).join(", ");
  return { sql: `update ${target.table} set ${set} where ${where(quoted, keys)}`, parameters: values([...rest, ...keys]) };
}

/** Returns `delete from t where k = ?`. */
export function deleteRow(quoted: Quote, target: Target, row: readonly Parameter[]): Statement {
  const { keys } = split(target, row);
  return { sql: `delete from ${target.table} where ${where(quoted, keys)}`, parameters: values(keys) };
}

/** Returns a query with one row for each row of the table that the keys find. */
export function findRow(quoted: Quote, target: Target, row: readonly Parameter[]): Statement {
  const { keys } = split(target, row);
  return { sql: `select 1 as found from ${target.table} where ${where(quoted, keys)}`, parameters: values(keys) };
}

/** Returns `insert into t (a, k) values (?, ?)`. */
export function insertRow(quoted: Quote, { table, columns }: Target, row: readonly Parameter[]): Statement {
  const names = columns.map(({ name }) => quoted(name)).join(", ");
  return { sql: `insert into ${table} (${names}) values (${columns.map(() => "?").join(", ")})`, parameters: [...row] };
}

/** Updates a row, or inserts it when there is none. @throws ConnectorError `NOT_CONFIGURED` when the driver does not tell how many rows were updated */
export async function upsertRow(quoted: Quote, target: Target, row: readonly Parameter[], run: Run): Promise<number> {
  const onlyKeys = target.columns.every((column) => target.keys.includes(column.name));
  const found = await run(onlyKeys ? findRow(quoted, target, row) : updateRow(quoted, target, row));
  if (found > 0) return 1;
  if (found === 0) return run(insertRow(quoted, target, row));
  throw new ConnectorError("NOT_CONFIGURED", "The driver does not tell how many rows an update changed: an upsert needs to know", { details: { table: target.table } });
}

/**
 * Inserts a row, unless its key is there already (any unique key, where none is named). Only for products where a transaction goes on after a statement has
 * failed.
 */
async function insertUnlessThere(quoted: Quote, target: Target, row: readonly Parameter[], run: Run, locking: string): Promise<number> {
  try {
    return await run(insertRow(quoted, target, row));
  } catch (error) {
    if (!isConnectorError(error) || !isDuplicateKey(error)) throw error;
    if (target.keys.length === 0) return 0;
    const { sql, parameters } = findRow(quoted, target, row);
    if ((await run({ sql: sql + locking, parameters })) > 0) return 0;
    throw error;
  }
}

/**
 * Writes one row in mode `update`, `delete` or `ignore`, as most products do it. @param locking text at the end of a query that has to see rows which others
 * committed after the transaction began to read
 */
export async function writeRowPlainly(quoted: Quote, target: Target, row: readonly Parameter[], run: Run, locking = ""): Promise<number> {
  if (target.mode === "update") return run(updateRow(quoted, target, row));
  if (target.mode === "delete") return run(deleteRow(quoted, target, row));
  return insertUnlessThere(quoted, target, row, run, locking);
}

interface Given {
  name: string;
  value: Parameter;
}

/** Separates the values of a row: those of the key, and the others. */
function split({ columns, keys }: Target, row: readonly Parameter[]): { keys: Given[]; rest: Given[] } {
  const given = columns.map(({ name }, index): Given => ({ name, value: row[index] ?? null }));
  return { keys: given.filter(({ name }) => keys.includes(name)), rest: given.filter(({ name }) => !keys.includes(name)) };
}

function where(quoted: Quote, keys: readonly Given[]): string {
  return keys.map(({ name }) => `${quoted(name)} = ?`).join(" and ");
}

function values(given: readonly Given[]): Parameter[] {
  return given.map(({ value }) => value);
}
