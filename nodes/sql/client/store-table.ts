import type { DialectName } from "./protocol";

/** Where values are kept. */
export const STORE_TABLE = "surewire_store";

/** What differs in the table: text that may be long. */
const LONG_TEXT: Readonly<Record<DialectName, string>> = {
  postgresql: "text",
  mariadb: "mediumtext",
  sqlite: "text",
  sqlserver: "nvarchar(max)",
  oracle: "clob",
  db2: "clob(16M)",
  generic: "varchar(4000)",
};

/**
 * Makes the table in a dialect. `id` is the hash of the key, `name` the key itself, `stamp` another with each write, by which its writer knows
 * it again; `updated` is for people.
 */
export function createTable(dialect: DialectName): string {
  const end = dialect === "mariadb" ? " default character set utf8mb4" : "";
  const text = LONG_TEXT[dialect];
  const whole = dialect === "oracle" ? "number(19)" : "bigint";
  const columns = ["id char(64) not null primary key", `name ${text} not null`, `value ${text} not null`, `fence ${whole} not null`, "stamp char(36) not null", "updated varchar(30) not null"];
  return `create table ${STORE_TABLE} (${columns.join(", ")})${end}`;
}

/** A pattern for `like` that every name beginning with `prefix` fits, and some others: what has a meaning in one dialect or another stands for any character. */
export function likePrefix(prefix: string): string {
  return `${prefix.replace(/[%[\]\\^]/g, "_")}%`;
}
