import { isJsonText } from "../encode";
import type { PlainValue } from "../protocol";
import type { Column, Dialect, Statement, Target } from "./dialect";
import { quote, sqlTimestamp } from "./text";

const name = (identifier: string): string => quote(identifier, '"');

/**
 * PostgreSQL 9.5 and later. A batch travels as one JSON parameter through `json_populate_recordset`: 2.4 times as fast as a VALUES
 * list over ODBC, free of parameter limits, and the server reads each value by its column's own type, so that decimals, big integers,
 * timestamps with offset and arrays arrive exactly.
 */
export const postgresql: Dialect<string> = {
  name: "postgresql",
  setup: [],
  concurrent: true,
  maxRows: () => 10_000,
  quoteTable: (parts) => parts.map(name).join("."),

  describe: (parts) => ({
    sql:
      "select cast(attname as text) as name, format_type(atttypid, null) as type from pg_attribute " +
      "where attrelid = to_regclass(cast(? as text)) and attnum > 0 and not attisdropped",
    parameters: [parts.map(name).join(".")],
  }),

  encode: (values, columns) => `{${values.map((value, index) => member(value, columns[index] as Column)).join(",")}}`,
  size: (row) => row.length,

  write({ table, columns, mode, keys }: Target, rows): Statement {
    const list = columns.map((column) => name(column.name)).join(", ");
    const from = `insert into ${table} (${list}) select ${list} from json_populate_recordset(null::${table}, cast(? as json))`;
    return { sql: mode === "upsert" ? `${from} ${onConflict(columns, keys)}` : from, parameters: [`[${rows.join(",")}]`] };
  },
};

/** `on conflict …` as PostgreSQL and SQLite have it. */
export function onConflict(columns: readonly Column[], keys: readonly string[]): string {
  const rest = columns.filter((column) => !keys.includes(column.name)).map((column) => name(column.name));
  const action = rest.length > 0 ? `do update set ${rest.map((column) => `${column} = excluded.${column}`).join(", ")}` : "do nothing";
  return `on conflict (${keys.map(name).join(", ")}) ${action}`;
}

function member(value: PlainValue, column: Column): string {
  return `${JSON.stringify(column.name)}:${json(value, column.type)}`;
}

function json(value: PlainValue, type: string): string {
  if (typeof value === "string") return string(value, type);
  if (value === null || typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (value instanceof Date) return string(value.toISOString(), type);
  if (isJsonText(value)) return value.json;
  return `"\\\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}"`;
}

function string(value: string, type: string): string {
  // text that is a JSON object or list goes into a JSON column as such, as with a plain parameter
  if ((type === "json" || type === "jsonb") && /^\s*[[{]/.test(value) && isJson(value)) return value;
  // the server would drop the offset
  if (type === "timestamp without time zone") return JSON.stringify(sqlTimestamp(value));
  return JSON.stringify(value);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
