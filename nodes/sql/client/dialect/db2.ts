import type { Parameter } from "../child/backend";
import type { Column, Dialect, InboxDialect } from "./dialect";
import { standardInbox } from "./inbox";
import { insertOrMerge } from "./merge";
import { writeRowPlainly } from "./row-statements";
import { folded, MAX_PARAMETERS, quote, schemaAndTable } from "./text";
import { exactParameter, parameterBytes } from "./values";

const name = (identifier: string): string => quote(folded(identifier), '"');

const inbox: InboxDialect = {
  ...standardInbox,
  create(parts) {
    const table = parts.map(name).join(".");
    return [
      `create table ${table} (node varchar(64) not null, id varchar(255) not null, stored_at timestamp not null default current timestamp, primary key (node, id))`,
      `create index ${[...parts.slice(0, -1).map(name), name(`${parts.at(-1)}_stored_at`)].join(".")} on ${table} (stored_at)`,
    ];
  },
  prune: (table, days, most) => `delete from (select 1 from ${table} where stored_at < current timestamp - ${days} days fetch first ${most} rows only)`,
};

/**
 * IBM Db2 for Linux, UNIX and Windows. No server was at hand: these statements were written from its documentation and never run.
 *
 * A name that is all lower case is written in upper case, as Db2 does with names without quotes.
 */
export const db2: Dialect<Parameter[]> = {
  name: "db2",
  setup: [],
  concurrent: true,
  maxRows: (columns) => Math.max(1, Math.min(1000, Math.floor(MAX_PARAMETERS / columns))),
  quoteTable: (parts) => parts.map(name).join("."),

  describe: (parts) => ({
    sql:
      `select colname as "name", lower(rtrim(typename)) || case when typename in ('VARCHAR', 'CHARACTER', 'VARGRAPHIC', 'GRAPHIC', 'VARBINARY', 'BINARY', 'CLOB', 'BLOB', 'DBCLOB') ` +
      `then '(' || length || ')' when typename = 'DECIMAL' then '(' || length || ', ' || scale || ')' when typename = 'TIMESTAMP' then '(' || scale || ')' else '' end as "type" ` +
      "from syscat.columns where tabschema = coalesce(cast(? as varchar(128)), current schema) and tabname = cast(? as varchar(128)) order by colno",
    parameters: schemaAndTable(parts, folded),
  }),

  encode: (values, columns) => values.map((value, index) => exactParameter(value, (columns[index] as Column).type)),
  size: parameterBytes,

  rowByRow: new Set(["update", "delete", "ignore"]),
  write: (target, rows) => insertOrMerge(target, rows, { name, hint: " as" }),
  writeRow: (target, row, run) => writeRowPlainly(name, target, row, run),
  inbox,
};
