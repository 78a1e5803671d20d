/** Statements of one row with `?` for each value, as most products take them. */
import { ConnectorError, isConnectorError } from "../../../common/errors";
import type { Parameter } from "../backend";
import { isDuplicateKey } from "../duplicate-key";
import type { Run, Statement, Target } from "./dialect";

/** Quotes an identifier. */
type Quote = (identifier: string) => string;

/** `update t set a = ? where k = ?` */
export function updateRow(quoted: Quote, target: Target, row: readonly Parameter[]): Statement {
  const { rest, keys } = split(target, row);
  const set = rest.map(({ name }) => `${quoted(name)} = ?`).join(", ");
  return { sql: `update ${target.table} set ${set} where ${where(quoted, keys)}`, parameters: values([...rest, ...keys]) };
}

/** `delete from t where k = ?` */
export function deleteRow(quoted: Quote, target: Target, row: readonly Parameter[]): Statement {
  const { keys } = split(target, row);
  return { sql: `delete from ${target.table} where ${where(quoted, keys)}`, parameters: values(keys) };
}

/** A query that returns a row for each that the keys find. */
export function findRow(quoted: Quote, target: Target, row: readonly Parameter[]): Statement {
  const { keys } = split(target, row);
  return { sql: `select 1 as found from ${target.table} where ${where(quoted, keys)}`, parameters: values(keys) };
}

/** `insert into t (a, k) values (?, ?)` */
export function insertRow(quoted: Quote, { table, columns }: Target, row: readonly Parameter[]): Statement {
  const names = columns.map(({ name }) => quoted(name)).join(", ");
  return { sql: `insert into ${table} (${names}) values (${columns.map(() => "?").join(", ")})`, parameters: [...row] };
}

/** An update, and an insert where it finds no row. */
export async function upsertRow(quoted: Quote, target: Target, row: readonly Parameter[], run: Run): Promise<number> {
  const onlyKeys = target.columns.every((column) => target.keys.includes(column.name));
  const found = await run(onlyKeys ? findRow(quoted, target, row) : updateRow(quoted, target, row));
  if (found > 0) return 1;
  if (found === 0) return run(insertRow(quoted, target, row));
  throw new ConnectorError("NOT_CONFIGURED", "The driver does not tell how many rows an update changed: an upsert needs to know", { details: { table: target.table } });
}

/** An insert that does nothing where the key is there already, or, where none is named, any unique one. Only where a transaction outlives a statement that fails. */
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

/** Update, delete and ignore, row by row, as most products do them. @param locking ends a query that is to see also what others have committed since the transaction began to read */
export async function writeRowPlainly(quoted: Quote, target: Target, row: readonly Parameter[], run: Run, locking = ""): Promise<number> {
  if (target.mode === "update") return run(updateRow(quoted, target, row));
  if (target.mode === "delete") return run(deleteRow(quoted, target, row));
  return insertUnlessThere(quoted, target, row, run, locking);
}

interface Given {
  name: string;
  value: Parameter;
}

/** The values of a row by what they are for. */
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
