import type { DialectName } from "../protocol";

/** Name of the table in which a store keeps its values. */
export const STORE_TABLE = "surewire_store";

/** The type for long text, which each dialect calls differently. */
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
 * Returns the statement that creates the table. `id` is the hash of the key, `name` the key itself. `stamp` is new with each write, so that the writer recognises its
 * own write. `updated` is for people.
 */
export function createTable(dialect: DialectName): string {
  const end = dialect === "mariadb" ? " default character set utf8mb4" : "";
  const text = LONG_TEXT[dialect];
  const whole = dialect === "oracle" ? "number(19)" : "bigint";
  const columns = ["id char(64) not null primary key", `name ${text} not null`, `value ${text} not null`, `fence ${whole} not null`, "stamp char(36) not null", "updated varchar(30) not null"];
  return `create table ${STORE_TABLE} (${columns.join(", ")})${end}`;
}

/** Returns a pattern for `like` that matches every name that begins with `prefix`, and some others: it replaces what is special in one of the dialects by any character. */
export function likePrefix(prefix: string): string {
  return `${prefix.replace(/[%[\]\\^]/g, "_")}%`;
}
