/** Quoting and dates that dialects share. */

/** Larger statements, in bytes, are split. It is well below MariaDB's default `max_allowed_packet` of 16 MiB, above which the server ends the connection. */
export const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;

/** How many parameters a statement may have: the addon counts them in 16 bits, and aborts the process above 32,767. */
export const MAX_PARAMETERS = 32_000;

/** The same for PostgreSQL: its client takes the server's description of more parameters for a broken connection, and closes it (libpq 15). */
export const MAX_PARAMETERS_POSTGRESQL = 7_498;

/** Puts an identifier in quotes. Quotes inside it are doubled. */
export function quote(identifier: string, mark: '"' | "`"): string {
  return mark + identifier.replaceAll(mark, mark + mark) + mark;
}

/** Returns `(?, ?), (?, ?)` for so many rows and columns. */
export function placeholders(rows: number, columns: number): string {
  const row = `(${new Array<string>(columns).fill("?").join(", ")})`;
  return new Array<string>(rows).fill(row).join(", ");
}

/**
 * Returns a name for products that fold names without quotes to upper case: one that is all lower case becomes upper case, any other stays as it is.
 */
export function folded(identifier: string): string {
  return /^[a-z_][a-z0-9_$#]*$/.test(identifier) ? identifier.toUpperCase() : identifier;
}

/** Returns the schema and the name of a table for a query of the catalogue; null for a schema that is not given. @param spelled spells a name as the catalogue does */
export function schemaAndTable(parts: readonly string[], spelled = (part: string): string => part): (string | null)[] {
  return [parts.length > 1 ? spelled(parts[0] ?? "") : null, spelled(parts.at(-1) ?? "")];
}

/** Date and time, perhaps with an offset, in the extended form of ISO 8601 or as databases write them: `2026-11-21 10:11:12+02`. */
const ISO = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)([.,]\d+)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/i;
/** The same in the basic form of ISO 8601, without `-` and `:`. */
const BASIC = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)([.,]\d+)?(Z|[+-]\d\d(?:\d\d)?)$/i;
const SQL_TIMESTAMP = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$/;

/**
 * Rewrites an ISO 8601 timestamp as `YYYY-MM-DD HH:MM:SS.ffffff`, in UTC when it has an offset. Drivers and servers would silently drop the offset, or the
 * whole time of day. Any other text stays as it is, for the database to judge.
 */
export function sqlTimestamp(text: string): string {
  const match = ISO.exec(text) ?? ISO.exec(text.replace(BASIC, "$1-$2-$3T$4:$5:$6$7$8"));
  if (!match) return text;
  const [, day, minutes, seconds = "00", part = "", offset] = match;
  const fraction = part.replace(",", ".");
  if (!offset) return `${day} ${minutes}:${seconds}${fraction}`;
  const instant = new Date(`${day}T${minutes}:${seconds}${extended(offset)}`);
  if (Number.isNaN(instant.getTime())) return text;
  return instant.toISOString().slice(0, 19).replace("T", " ") + fraction; // the fraction is kept as written: a Date has only ms
}

/** Returns the day of an ISO 8601 timestamp, in UTC when it has an offset. Any other text stays as it is: its first ten characters might be another day. */
export function sqlDate(text: string): string {
  const timestamp = sqlTimestamp(text);
  return SQL_TIMESTAMP.test(timestamp) ? timestamp.slice(0, 10) : text;
}

/** Returns `+02` and `+0200` as `+02:00`. */
function extended(offset: string): string {
  if (offset.length === 3) return `${offset}:00`;
  return offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset;
}
