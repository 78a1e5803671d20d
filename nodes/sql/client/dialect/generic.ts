import type { Parameter } from "../child/backend";
import type { BatchStatement, Column, Dialect, InboxDialect, Run, Target } from "./dialect";
import { standardInbox } from "./inbox";
import { deleteRow, findRow, insertRow, updateRow, upsertRow } from "./row-statements";
import { placeholders, quote } from "./text";
import { exactParameter, parameterBytes } from "./values";

/** Plain names are written without quotes: each product then folds their case in its own way, as it did when the table was made. */
const name = (identifier: string): string => (/^[A-Za-z_]\w*$/.test(identifier) ? identifier : quote(identifier, '"'));

const inbox: InboxDialect = {
  ...standardInbox,
  create: (parts) => [
    `create table ${parts.map(name).join(".")} (node varchar(64) not null, id varchar(255) not null, stored_at timestamp default current_timestamp not null, primary key (node, id))`,
  ],
  prune: (table, days) => `delete from ${table} where stored_at < current_timestamp - interval '${days}' day`,
};

/**
 * Any other database that has `information_schema.columns`. It gets statements of SQL:1992, one for each row, and one transaction for a batch. Only the
 * texts of the statements are tested, since no such server was at hand.
 *
 * An upsert updates, and inserts when no row was updated. So the driver must tell how many rows were, and two that upsert the same new key at the same time
 * may get a duplicate key. Ignore with a key looks for the row first.
 */
export const generic: Dialect<Parameter[]> = {
  name: "generic",
  setup: [],
  concurrent: true,
  maxRows: (columns) => Math.max(1, Math.floor(1000 / columns)),
  quoteTable: (parts) => parts.map(name).join("."),

  describe: (parts) => ({
    sql:
      "select column_name as name, data_type as type from information_schema.columns " +
      `where ${parts.length > 1 ? "upper(table_schema) = upper(?) and " : ""}upper(table_name) = upper(?) order by ordinal_position`,
    parameters: [...parts],
  }),

  encode: (values, columns) => values.map((value, index) => exactParameter(value, (columns[index] as Column).type)),
  size: parameterBytes,

  rowByRow: new Set(["insert", "upsert", "update", "delete", "ignore"]),
  write({ table, columns }: Target, rows): BatchStatement {
    const list = columns.map((column) => name(column.name)).join(", ");
    return { sql: `insert into ${table} (${list}) values ${placeholders(rows.length, columns.length)}`, parameters: rows.flat() };
  },
  writeRow(target, row, run) {
    if (target.mode === "insert") return run(insertRow(name, target, row));
    if (target.mode === "update") return run(updateRow(name, target, row));
    if (target.mode === "delete") return run(deleteRow(name, target, row));
    return target.mode === "upsert" ? upsertRow(name, target, row, run) : ignore(target, row, run);
  },
  inbox,
};

async function ignore(target: Target, row: readonly Parameter[], run: Run): Promise<number> {
  const found = target.keys.length > 0 ? await run(findRow(name, target, row)) : 0;
  return found > 0 ? 0 : run(insertRow(name, target, row));
}
