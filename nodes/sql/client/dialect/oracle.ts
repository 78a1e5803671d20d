import type { Parameter } from "../child/backend";
import type { BatchStatement, Column, Dialect, InboxDialect, Target } from "./dialect";
import { standardInbox } from "./inbox";
import { merge } from "./merge";
import { writeRowPlainly } from "./row-statements";
import { folded, quote, schemaAndTable } from "./text";
import { exactParameter, parameterBytes } from "./values";

/** An `insert all` takes 999 columns in all its rows together. */
const MOST_PARAMETERS = 999;

const name = (identifier: string): string => quote(folded(identifier), '"');

const inbox: InboxDialect = {
  ...standardInbox,
  create(parts) {
    const table = parts.map(name).join(".");
    return [
      `create table ${table} (node varchar2(64) not null, id varchar2(255) not null, stored_at timestamp default sys_extract_utc(systimestamp) not null, primary key (node, id))`,
      `create index ${[...parts.slice(0, -1).map(name), name(`${parts.at(-1)}_at`)].join(".")} on ${table} (stored_at)`,
    ];
  },
  add: (table, owner, ids) => ({
    sql: `insert all ${ids.map(() => `into ${table} (node, id) values (?, ?)`).join(" ")} select 1 from dual`,
    parameters: ids.flatMap((id) => [owner, id]),
  }),
  prune: (table, days, most) => `delete from ${table} where stored_at < sys_extract_utc(systimestamp) - numtodsinterval(${days}, 'DAY') and rownum <= ${most}`,
};

/**
 * Oracle Database 12 and later. No server was at hand: these statements were written from its documentation and never run.
 *
 * A name that is all lower case is written in upper case, as Oracle does with names without quotes. Before version 23 Oracle has no VALUES list for several
 * rows. Dates are sent as text in a format that is set for the session.
 */
export const oracle: Dialect<Parameter[]> = {
  name: "oracle",
  setup: [
    "alter session set nls_date_format = 'YYYY-MM-DD HH24:MI:SS' nls_timestamp_format = 'YYYY-MM-DD HH24:MI:SS.FF' " +
      "nls_timestamp_tz_format = 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM' nls_numeric_characters = '.,' time_zone = '+00:00'",
  ],
  concurrent: true,
  maxRows: (columns) => Math.max(1, Math.floor(MOST_PARAMETERS / columns)),
  quoteTable: (parts) => parts.map(name).join("."),

  describe: (parts) => ({
    sql:
      `select column_name as "name", lower(data_type) || case when data_type in ('VARCHAR2', 'NVARCHAR2', 'CHAR', 'NCHAR') then '(' || char_length || ')' ` +
      `when data_type = 'RAW' then '(' || data_length || ')' when data_type = 'NUMBER' and data_precision is not null then '(' || data_precision || ', ' || data_scale || ')' end as "type" ` +
      "from all_tab_columns where owner = coalesce(cast(? as varchar2(128)), sys_context('userenv', 'current_schema')) and table_name = ? order by column_id",
    parameters: schemaAndTable(parts, folded),
  }),

  encode: (values, columns) =>
    values.map((value, index) => {
      const { type } = columns[index] as Column;
      const encoded = exactParameter(value, type === "date" ? "timestamp" : type); // a date of Oracle has a time, …
      return type === "date" && typeof encoded === "string" ? encoded.replace(/\.\d+$/, "") : encoded; // … but no fraction
    }),
  size: parameterBytes,

  rowByRow: new Set(["update", "delete", "ignore"]),
  write(target: Target, rows): BatchStatement {
    const { table, columns, mode } = target;
    const parameters = rows.flat();
    if (mode === "upsert") {
      const selected = `select ${columns.map((column) => `${typed(column)} as ${name(column.name)}`).join(", ")} from dual`;
      const source = `(${new Array<string>(rows.length).fill(selected).join(" union all ")}) s`;
      return { sql: merge(target, { name, source, condition: (text) => `(${text})` }), parameters };
    }
    const into = `into ${table} (${columns.map((column) => name(column.name)).join(", ")}) values (${columns.map(() => "?").join(", ")})`;
    if (rows.length === 1) return { sql: `insert ${into}`, parameters };
    return { sql: `insert all ${new Array<string>(rows.length).fill(into).join(" ")} select 1 from dual`, parameters };
  },
  writeRow: (target, row, run) => writeRowPlainly(name, target, row, run),
  inbox,
};

/** Returns a parameter for a select list, cast to its column's type, since it has none of its own. */
function typed({ type }: Column): string {
  return /^(n?clob|blob)$/.test(type) ? `to_${type}(?)` : `cast(? as ${type})`;
}
