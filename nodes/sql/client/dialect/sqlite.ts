import type { Parameter } from "../backend";
import type { PlainValue } from "../protocol";
import type { Dialect, Statement, Target } from "./dialect";
import { onConflict } from "./postgresql";
import { MAX_PARAMETERS, placeholders, quote } from "./text";
import { parameter, parameterBytes } from "./values";

const name = (identifier: string): string => quote(identifier, '"');
const MAX_INTEGER = 2n ** 63n;

/** SQLite 3.24 and later, under ODBC or embedded. It has no date type: dates are stored as ISO 8601 text in UTC, text as it is. */
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

  write({ table, columns, mode, keys }: Target, rows): Statement {
    const list = columns.map((column) => name(column.name)).join(", ");
    const insert = `insert into ${table} (${list}) values ${placeholders(rows.length, columns.length)}`;
    return { sql: mode === "upsert" ? `${insert} ${onConflict(columns, keys)}` : insert, parameters: rows.flat() };
  },
};

function encode(value: PlainValue): Parameter {
  const encoded = parameter(value, (date) => date.toISOString());
  return typeof encoded === "bigint" && (encoded < -MAX_INTEGER || encoded >= MAX_INTEGER) ? String(encoded) : encoded; // no room in 64 bits
}
