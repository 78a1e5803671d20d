import type { Parameter } from "../child/backend";
import type { PlainValue } from "../protocol";
import type { BatchStatement, Dialect, InboxDialect, Target } from "./dialect";
import { standardInbox } from "./inbox";
import { onConflict } from "./postgresql";
import { deleteRow, insertRow, updateRow } from "./row-statements";
import { MAX_PARAMETERS, placeholders, quote } from "./text";
import { parameter, parameterBytes } from "./values";

const name = (identifier: string): string => quote(identifier, '"');
const MAX_INTEGER = 2n ** 63n;

const inbox: InboxDialect = {
  ...standardInbox,
  create(parts) {
    const schema = parts.slice(0, -1).map((part) => `${name(part)}.`);
    const table = parts.at(-1) ?? "";
    return [
      `create table if not exists ${schema.join("")}${name(table)} (node text not null, id text not null, stored_at text not null default current_timestamp, ` +
        "primary key (node, id)) without rowid",
      `create index if not exists ${schema.join("")}${name(`${table}_stored_at`)} on ${name(table)} (stored_at)`,
    ];
  },
  // a transaction that reads before another writes can never write: this deletes nothing, but takes the lock
  lock: (table) => `delete from ${table} where 0`,
  prune: (table, days, most) =>
    `delete from ${table} where (node, id) in (select node, id from ${table} where stored_at < datetime('now', '-${days} days') order by stored_at limit ${most})`,
};

/** SQLite 3.24 and later, through ODBC or embedded. It has no date type: a Date is stored as ISO 8601 text in UTC, and text as it is. */
export const sqlite: Dialect<Parameter[]> = {
  name: "sqlite",
  setup: [],
  concurrent: false,
  maxRows: (columns) => Math.max(1, Math.floor(MAX_PARAMETERS / columns)),
  quoteTable: (parts) => parts.map(name).join("."),

  describe: (parts) => ({
    sql: `select name, lower(type) as type from pragma_table_xinfo(${parts.length > 1 ? "?, ?" : "?"}) where hidden <> 1`,
    parameters: [...parts].reverse(),
  }),

  encode: (values) => values.map(encode),
  size: parameterBytes,

  rowByRow: new Set(["update", "delete", "ignore"]),
  write(target: Target, rows): BatchStatement {
    const sql = insertRows(target, rows.length);
    return { sql: target.mode === "upsert" ? `${sql} ${onConflict(target.columns, target.keys)}` : sql, parameters: rows.flat() };
  },
  writeUnlessThere: (target, rows) => ({ sql: `${insertRows(target, rows.length)} ${unlessThere(target)}`, parameters: rows.flat() }),
  writeRow(target, row, run): Promise<number> {
    if (target.mode === "update") return run(updateRow(name, target, row));
    if (target.mode === "delete") return run(deleteRow(name, target, row));
    const { sql, parameters } = insertRow(name, target, row);
    return run({ sql: `${sql} ${unlessThere(target)}`, parameters });
  },
  inbox,
};

function unlessThere({ keys }: Target): string {
  return `on conflict ${keys.length > 0 ? `(${keys.map(name).join(", ")}) ` : ""}do nothing`;
}

function insertRows({ table, columns }: Target, rows: number): string {
  return `insert into ${table} (${columns.map((column) => name(column.name)).join(", ")}) values ${placeholders(rows, columns.length)}`;
}

function encode(value: PlainValue): Parameter {
  const encoded = parameter(value, (date) => date.toISOString());
  return typeof encoded === "bigint" && (encoded < -MAX_INTEGER || encoded >= MAX_INTEGER) ? String(encoded) : encoded; // as text where it does not fit in 64 bits
}
