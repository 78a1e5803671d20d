/** Converts values as drivers give them to values for the flow. A value that the driver has damaged is an error. */
import { ConnectorError } from "../../../common/errors";
import type { DriverColumn } from "./backend";
import type { Row, RowValue } from "../protocol";

/** Turns a driver's value into ours. @throws ConnectorError `VALUE_TRUNCATED` */
export type Decode = (value: unknown) => RowValue;

/** How many digits of a decimal are exact: the addon gives it as a double (IBM/node-odbc #412). */
const EXACT_DIGITS = 15;
/** How many bytes the addon's buffer has per character. A driver that cuts a value to fit reports it in a warning, which the addon drops. */
const BYTES_PER_CHARACTER = 4;

/** Converts rows as a driver gives them. @throws ConnectorError `VALUE_TRUNCATED`, `NOT_CONFIGURED` when two columns have one name */
export function rowsOf(rows: readonly Record<string, unknown>[], columns: readonly DriverColumn[]): Row[] {
  checkNames(columns);
  const decoders = columns.map((column) => [column.name, decoderOf(column)] as const);
  return rows.map((row) => Object.fromEntries(decoders.map(([name, decode]) => [name, decode(row[name])])));
}

/** Checks that no two columns have the same name, since a row is an object. @throws ConnectorError `NOT_CONFIGURED` */
export function checkNames(columns: readonly { name: string }[]): void {
  const names = columns.map(({ name }) => name);
  const twice = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  if (twice.length === 0) return;
  throw new ConnectorError("NOT_CONFIGURED", `The statement returns more than one column called ${twice.join(", ")}: give each a name of its own with "as"`, {
    details: { columns: twice, statement: true },
  });
}

/** Returns the error for rows without a column that they must have. */
export function noColumn(name: string, columns: readonly { name: string }[]): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", `The query gives no column ${name}: it gives ${columns.map((each) => each.name).join(", ")}`, { details: { statement: true } });
}

/** Returns the function that reads the values of a column, by the type that the driver gives it. */
export function decoderOf(column: DriverColumn): Decode {
  switch (column.type) {
    case "bit":
      return truth;
    case "numeric":
    case "decimal":
      return decimalOf(column);
    case "type_timestamp":
      return timestamp;
    case "guid":
      return (value) => (typeof value === "string" && column.size > 0 ? value.toLowerCase() : plain(value));
    case "char":
    case "varchar":
      return textOf(column);
    default:
      return plain;
  }
}

/** Converts a value that the driver gives undamaged. */
export function plain(value: unknown): RowValue {
  if (typeof value === "bigint") return integer(value);
  if (typeof value === "number" && !Number.isFinite(value)) return String(value); // JSON has no infinity
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (value instanceof Uint8Array && !Buffer.isBuffer(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return (value ?? null) as RowValue;
}

/** Returns an integer as a number where that is exact, else as text. @param value a big integer, or digits */
export function integer(value: unknown): RowValue {
  if (typeof value !== "bigint" && typeof value !== "string") return plain(value);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** Returns the error for a value that the driver cannot give as it is stored. */
export function damaged(name: string, why: string): ConnectorError {
  return new ConnectorError("VALUE_TRUNCATED", `Column "${name}": ${why}`, { details: { column: name } });
}

/** Returns a timestamp in ISO 8601, with a `T`. Any other text stays as it is: a year BC, say. */
function timestamp(value: unknown): RowValue {
  return typeof value === "string" && value[10] === " " ? `${value.slice(0, 10)}T${value.slice(11)}` : plain(value);
}

/** Returns a bit as a boolean: drivers give it as a digit or as the byte itself. SQLite may have any other value in such a column, which stays as it is. */
function truth(value: unknown): RowValue {
  if (value === "1" || value === "\u0001" || value === 1n) return true;
  if (value === "0" || value === "\0" || value === 0n) return false;
  return plain(value);
}

function decimalOf({ name, size, scale }: DriverColumn): Decode {
  return (value) => {
    if (typeof value !== "number" || size === 0) return plain(value);
    // the addon's buffer has room for a sign, a point and the digits, but not for a 0 before the point
    const cut = scale >= size && (value < 0 || Object.is(value, -0));
    if (size <= EXACT_DIGITS && !cut) return value.toFixed(scale);
    const how = cut ? "without its last digit" : "only nearly";
    throw damaged(name, `the driver gives a decimal of ${size} digits ${how}: read it with cast(${name} as varchar(${size + 3}))`);
  };
}

function textOf({ name, size, honest }: DriverColumn): Decode {
  if (size === 0) return plain;
  const room = BYTES_PER_CHARACTER * size - (BYTES_PER_CHARACTER - 1);
  return (value) => {
    if (typeof value === "string" && value.length * 3 >= room && Buffer.byteLength(value) >= room && !(honest && characters(value) <= size)) {
      throw damaged(name, `the driver makes room for ${size} characters and has cut the text, as far as can be seen`);
    }
    return plain(value);
  };
}

/** Counts characters as databases do: a surrogate pair is one. */
function characters(text: string): number {
  let count = 0;
  for (const _character of text) count += 1;
  return count;
}
