/** Quoting and dates that dialects share. */

/** Statements above this are split, in bytes: well under MariaDB's default `max_allowed_packet` of 16 MiB, past which it hangs up. */
export const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;

/** The addon counts parameters in 16 bits and aborts the process above 32,767. */
export const MAX_PARAMETERS = 32_000;

/** PostgreSQL's client takes its server's description of more than 7,498 for a broken connection, and hangs up (libpq 15). */
export const MAX_PARAMETERS_POSTGRESQL = 7_498;

/** An identifier in quotes, so that nothing in it can end it. */
export function quote(identifier: string, mark: '"' | "`"): string {
  return mark + identifier.replaceAll(mark, mark + mark) + mark;
}

/** `(?, ?), (?, ?)` */
export function placeholders(rows: number, columns: number): string {
  const row = `(${new Array<string>(columns).fill("?").join(", ")})`;
  return new Array<string>(rows).fill(row).join(", ");
}

/**
 * A name as a product that folds names to upper case has it: what is written in lower case alone stands for upper case, as in a statement
 * without quotes.
 */
export function folded(identifier: string): string {
  return /^[a-z_][a-z0-9_$#]*$/.test(identifier) ? identifier.toUpperCase() : identifier;
}

/** Day and time with what may follow, in ISO 8601's extended form, or as databases write it: `2026-11-21 10:11:12+02`. */
const ISO = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)([.,]\d+)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/i;
/** The same in the basic form, without marks between the numbers. */
const BASIC = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)([.,]\d+)?(Z|[+-]\d\d(?:\d\d)?)$/i;
const SQL_TIMESTAMP = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$/;

/**
 * An ISO 8601 timestamp as `YYYY-MM-DD HH:MM:SS.ffffff`, in UTC when it has an offset; anything else as it is, for the database to judge.
 * Drivers and servers drop an offset, or the whole time of day, in silence.
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

/** The day of an ISO 8601 timestamp, in UTC when it has an offset; anything else as it is: cut to ten characters, it might be another day. */
export function sqlDate(text: string): string {
  const timestamp = sqlTimestamp(text);
  return SQL_TIMESTAMP.test(timestamp) ? timestamp.slice(0, 10) : text;
}

/** `+02` and `+0200` as `+02:00`. */
function extended(offset: string): string {
  if (offset.length === 3) return `${offset}:00`;
  return offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset;
}
