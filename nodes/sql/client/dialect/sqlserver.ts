import type { Parameter } from "../child/backend";
import type { PlainValue } from "../protocol";
import type { Column, Dialect, InboxDialect } from "./dialect";
import { standardInbox } from "./inbox";
import { insertOrMerge } from "./merge";
import { writeRowPlainly } from "./row-statements";
import { schemaAndTable } from "./text";
import { exactParameter, parameterBytes } from "./values";

/** The server takes 2,100 parameters in a statement, and needs a few of them itself, … */
const MOST_PARAMETERS = 2000;
/** … and this many rows in one VALUES list. */
const MOST_ROWS = 1000;

const name = (identifier: string): string => `[${identifier.replaceAll("]", "]]")}]`;

const inbox: InboxDialect = {
  ...standardInbox,
  create(parts) {
    const table = parts.map(name).join(".");
    return [
      `create table ${table} (node varchar(64) collate Latin1_General_BIN2 not null, id varchar(255) collate Latin1_General_BIN2 not null, ` +
        "stored_at datetime2 not null default sysutcdatetime(), primary key (node, id))",
      `create index ${name(`${parts.at(-1)}_stored_at`)} on ${table} (stored_at)`,
    ];
  },
  prune: (table, days, most) => `delete top (${most}) from ${table} where stored_at < dateadd(day, -${days}, sysutcdatetime())`,
};

/**
 * Microsoft SQL Server and Azure SQL. No server was at hand: these statements were written from its documentation and never run.
 *
 * A parameter in the source of a merge has no type, so it is cast to its column's. `holdlock` keeps two that merge the same new key at the same time from
 * both inserting it. Updates and deletes do not use `output` to tell which rows they found, since it fails on a table with triggers.
 */
export const sqlserver: Dialect<Parameter[]> = {
  name: "sqlserver",
  setup: [],
  concurrent: true,
  maxRows: (columns) => Math.max(1, Math.min(MOST_ROWS, Math.floor(MOST_PARAMETERS / columns))),
  quoteTable: (parts) => parts.map(name).join("."),

  describe: (parts) => ({
    sql:
      "select column_name as name, data_type + case " +
      "when data_type in ('char', 'varchar', 'nchar', 'nvarchar', 'binary', 'varbinary') then '(' + case character_maximum_length when -1 then 'max' else cast(character_maximum_length as varchar(10)) end + ')' " +
      "when data_type in ('decimal', 'numeric') then '(' + cast(numeric_precision as varchar(10)) + ', ' + cast(numeric_scale as varchar(10)) + ')' " +
      "when data_type in ('datetime2', 'datetimeoffset', 'time') then '(' + cast(datetime_precision as varchar(10)) + ')' else '' end as type " +
      "from information_schema.columns where table_schema = coalesce(?, schema_name()) and table_name = ? order by ordinal_position",
    parameters: schemaAndTable(parts),
  }),

  encode: (values, columns) => values.map((value, index) => encode(value, (columns[index] as Column).type)),
  size: parameterBytes,

  rowByRow: new Set(["update", "delete", "ignore"]),
  write: (target, rows) => insertOrMerge(target, rows, { name, hint: " with (holdlock) as", end: ";" }),
  writeRow: (target, row, run) => writeRowPlainly(name, target, row, run),
  inbox,
};

function encode(value: PlainValue, type: string): Parameter {
  // this type keeps an offset; for the others, which would drop it, text is converted to UTC
  if (type.startsWith("datetimeoffset")) return value instanceof Date ? `${value.toISOString().slice(0, -1).replace("T", " ")} +00:00` : exactParameter(value, "");
  const encoded = exactParameter(value, type === "datetime" || type.startsWith("datetime2") ? "timestamp" : type);
  return type === "datetime" && typeof encoded === "string" ? encoded.replace(/(\.\d{3})\d+$/, "$1") : encoded; // it has three digits of a second, and refuses more
}
