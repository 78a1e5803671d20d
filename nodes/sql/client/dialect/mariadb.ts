import { ConnectorError } from "../../../common/errors";
import type { Parameter } from "../child/backend";
import type { PlainValue } from "../protocol";
import type { BatchStatement, Column, Dialect, InboxDialect, Target } from "./dialect";
import { standardInbox } from "./inbox";
import { findRow, upsertRow, writeRowPlainly } from "./row-statements";
import { MAX_PARAMETERS, placeholders, quote, schemaAndTable, sqlDate, sqlTimestamp } from "./text";
import { exactNumber, parameter, parameterBytes } from "./values";

const name = (identifier: string): string => quote(identifier, "`");
const IN_TABLE = "table_schema = coalesce(?, database()) and table_name = ?";

/** MariaDB's error for a number that is too large for its type. */
const OUT_OF_RANGE = 1690;

const inbox: InboxDialect = {
  ...standardInbox,
  // ids are plain ASCII, and differ in case
  create: (parts) => [
    `create table if not exists ${parts.map(name).join(".")} (node varchar(64) character set ascii collate ascii_bin not null, ` +
      "id varchar(255) character set ascii collate ascii_bin not null, stored_at timestamp not null default current_timestamp, " +
      "primary key (node, id), key (stored_at))",
  ],
  prune: (table, days, most) => `delete from ${table} where stored_at < current_timestamp - interval ${days} day order by stored_at limit ${most}`,
};

/**
 * MariaDB and MySQL. Updates and deletes have one statement per row, since in a statement for several rows only inserted values get the type of
 * their column. `insert ignore` is not used: it hides every error, and cuts values that do not fit.
 */
export const mariadb: Dialect<Parameter[]> = {
  name: "mariadb",
  setup: [
    "set time_zone = '+00:00'", // timestamps with an offset are written in UTC, see encode
    "set sql_mode = concat(@@sql_mode, ',STRICT_TRANS_TABLES,STRICT_ALL_TABLES')", // else values are silently cut to fit; the second is for tables without transactions
  ],
  // the driver has asked for it, but init_connect or skip-character-set-client-handshake of the server may have another, in which é is stored as Ã©. Not `set names`, which MySQL's driver refuses; with NULL that driver converts by itself
  unicode:
    "set character_set_client = utf8mb4, character_set_results = if(@@character_set_results is null, null, 'utf8mb4'), " +
    "collation_connection = if(@@character_set_connection = 'utf8mb4', @@collation_connection, 'utf8mb4_general_ci')",
  mostBytes: "select @@max_allowed_packet as bytes",
  concurrent: true,
  maxRows: (columns) => Math.max(1, Math.floor(MAX_PARAMETERS / columns)),
  quoteTable: (parts) => parts.map(name).join("."),

  describe: (parts) => ({
    sql: `select column_name as name, data_type as type from information_schema.columns where ${IN_TABLE} order by ordinal_position`,
    parameters: schemaAndTable(parts),
  }),

  // ON DUPLICATE KEY names no key: without a unique key on the key columns every upsert would add a row. The separator
  // is a line feed, whatever a backslash is taken for (NO_BACKSLASH_ESCAPES)
  uniqueKeys: (parts) => ({
    sql:
      "select index_name as name, group_concat(coalesce(column_name, '(an expression)') separator 0x0a) as columns, max(sub_part) as part from information_schema.statistics " +
      `where ${IN_TABLE} and non_unique = 0 group by index_name`,
    parameters: schemaAndTable(parts),
  }),

  encode: (values, columns) => values.map((value, index) => encode(value, columns[index] as Column)),
  size: parameterBytes,

  rowByRow: new Set(["update", "delete", "ignore"]),
  write(target: Target, rows): BatchStatement {
    const { table, columns, mode, keys } = target;
    const list = columns.map((column) => name(column.name)).join(", ");
    const insert = `insert into ${table} (${list}) values ${placeholders(rows.length, columns.length)}`;
    const sql = mode === "upsert" ? `${insert} on duplicate key update ${unlessOthers(target)}${assignments(columns, keys)}` : insert;
    return { sql, parameters: rows.flat() };
  },
  hidesKey: ({ details }) => details["native"] === OUT_OF_RANGE,
  async writeRow(target, row, run): Promise<number> {
    if (target.mode === "upsert") return upsertRow(name, target, row, run);
    const affected = await writeRowPlainly(name, target, row, run, " lock in share mode");
    // a row that is found but stays as it is counts only with OPTION=2 in the connection string
    return affected === 0 && target.mode === "update" ? run(findRow(name, target, row)) : affected;
  },
  inbox,
};

/**
 * Makes an upsert fail, with a number out of range, when it has found a row by another unique key that has not the given key: that row would be
 * overwritten, and the given one stored nowhere. The assignment has no other effect: it sets a key column to the value it has. Empty when none of the
 * columns is in another unique key.
 */
function unlessOthers({ columns, keys, otherKeys = [] }: Target): string {
  if (!otherKeys.some((other) => columns.some((column) => other.includes(column.name)))) return "";
  const key = name(keys[0] as string);
  const same = keys.map((each) => `${name(each)} = values(${name(each)})`).join(" and ");
  return `${key} = if(~0 + if(${same}, 0, 1), ${key}, ${key}), `;
}

function assignments(columns: readonly Column[], keys: readonly string[]): string {
  const rest = columns.filter((column) => !keys.includes(column.name));
  const updated = rest.length > 0 ? rest : columns.slice(0, 1); // there are only key columns: the first is set to its own value
  return updated.map((column) => `${name(column.name)} = values(${name(column.name)})`).join(", ");
}

function encode(value: PlainValue, column: Column): Parameter {
  const { type } = column;
  const encoded = parameter(value, (date) => sqlTimestamp(date.toISOString()));
  if (type === "bit") return bits(encoded, column);
  if (type === "enum" && typeof encoded === "number") return String(encoded); // a number is a word's place in the list: of enum('0', '1'), 1 is the word 0
  if (typeof encoded === "string" && (type === "timestamp" || type === "datetime")) return sqlTimestamp(encoded);
  if (typeof encoded === "string" && type === "date") return sqlDate(encoded);
  // a decimal column takes all digits of a text, but not of a double
  return exactNumber(encoded);
}

/** A value for a column of bits, where the server takes text, and so a long number's digits, for the bits of its letters: of "5" it would make 53. @throws ConnectorError `INPUT_INVALID` */
function bits(value: Parameter, { name: column }: Column): Parameter {
  if (typeof value === "bigint" && value >= 0n && value <= Number.MAX_SAFE_INTEGER) return Number(value); // as a key, bits are not compared with bytes
  if (typeof value === "bigint" && value === BigInt.asUintN(64, value)) return Buffer.from(value.toString(16).padStart(16, "0"), "hex");
  if (value === "0" || value === "1") return Number(value);
  if (typeof value !== "string" && typeof value !== "bigint") return value;
  throw new ConnectorError("INPUT_INVALID", `${column}: this is text, or a number below 0 or of more than 64 bits, and the column holds bits: give a number or a buffer`, { details: { name: column } });
}
