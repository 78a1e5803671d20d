import type { Parameter } from "../child/backend";
import type { BatchStatement, Target } from "./dialect";
import { placeholders } from "./text";

/** The parts of a `merge` that differ between products. */
export interface MergeText {
  /** Quotes an identifier. */
  name: (identifier: string) => string;
  /** The rows to merge, as a table expression `… s` with the columns of the target. */
  source: string;
  /** Text after the table's name. Default: empty. */
  hint?: string;
  /** Wraps the condition. Default: as it is. */
  condition?: (text: string) => string;
}

/** Returns an upsert as a `merge` of SQL:2003. */
export function merge({ table, columns, keys }: Target, { name, source, hint = "", condition = (text) => text }: MergeText): string {
  const names = columns.map((column) => name(column.name));
  const matches = condition(keys.map((key) => `t.${name(key)} = s.${name(key)}`).join(" and "));
  const rest = columns.filter((column) => !keys.includes(column.name)).map((column) => name(column.name));
  const update = rest.length > 0 ? ` when matched then update set ${rest.map((column) => `${column} = s.${column}`).join(", ")}` : "";
  const insert = ` when not matched then insert (${names.join(", ")}) values (${names.map((column) => `s.${column}`).join(", ")})`;
  return `merge into ${table}${hint} t using ${source} on ${matches}${update}${insert}`;
}

/** Returns the statement for a batch: a `merge` for an upsert, else an `insert`. @param options.end text at the end of a merge. Default: empty */
export function insertOrMerge(target: Target, rows: readonly Parameter[][], { name, hint, end = "" }: Pick<MergeText, "name" | "hint"> & { end?: string }): BatchStatement {
  const { table, columns, mode } = target;
  const list = columns.map((column) => name(column.name)).join(", ");
  const parameters = rows.flat();
  if (mode !== "upsert") return { sql: `insert into ${table} (${list}) values ${placeholders(rows.length, columns.length)}`, parameters };
  const row = `(${columns.map(({ type }) => `cast(? as ${type})`).join(", ")})`;
  const source = `(values ${new Array<string>(rows.length).fill(row).join(", ")}) as s (${list})`;
  return { sql: merge(target, { name, source, ...(hint === undefined ? {} : { hint }) }) + end, parameters };
}
