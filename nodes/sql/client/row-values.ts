/** What drivers make of values, turned into what the flow gets; what a driver has damaged is an error, never a value. */
import { ConnectorError } from "../../common/errors";
import type { DriverColumn } from "./backend";
import type { Row, RowValue } from "./protocol";

/** Turns a driver's value into ours. @throws ConnectorError `VALUE_TRUNCATED` */
export type Decode = (value: unknown) => RowValue;

/** A decimal comes through a double (IBM/node-odbc #412), which holds so many digits exactly. */
const EXACT_DIGITS = 15;
/** The addon makes room for so many bytes a character; a driver that cuts a value to its room says so in a warning, which the addon drops. */
const BYTES_PER_CHARACTER = 4;

/** Rows of a driver as rows of ours. @throws ConnectorError `VALUE_TRUNCATED`, `NOT_CONFIGURED` when two columns have one name */
export function rowsOf(rows: readonly Record<string, unknown>[], columns: readonly DriverColumn[]): Row[] {
  checkNames(columns);
  const decoders = columns.map((column) => [column.name, decoderOf(column)] as const);
  return rows.map((row) => Object.fromEntries(decoders.map(([name, decode]) => [name, decode(row[name])])));
}

/** Two columns of one name would be one property of a row. @throws ConnectorError `NOT_CONFIGURED` */
export function checkNames(columns: readonly { name: string }[]): void {
  const names = columns.map(({ name }) => name);
  const twice = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  if (twice.length === 0) return;
  throw new ConnectorError("NOT_CONFIGURED", `The statement returns more than one column called ${twice.join(", ")}: give each a name of its own with "as"`, {
    details: { columns: twice, statement: true },
  });
}

/** Rows without a column that they must have. */
export function noColumn(name: string, columns: readonly { name: string }[]): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", `The query gives no column ${name}: it gives ${columns.map((each) => each.name).join(", ")}`, { details: { statement: true } });
}

/** How the values of a column are read, by the type the driver gives it. */
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

/** A value that arrived as it is stored. */
export function plain(value: unknown): RowValue {
  if (typeof value === "bigint") return integer(value);
  if (typeof value === "number" && !Number.isFinite(value)) return String(value); // JSON has no infinity
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (value instanceof Uint8Array && !Buffer.isBuffer(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return (value ?? null) as RowValue;
}

/** A number where a number holds it exactly, else text. @param value also as text, in digits */
export function integer(value: unknown): RowValue {
  if (typeof value !== "bigint" && typeof value !== "string") return plain(value);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** Text as it is stored cannot be had from this column. */
export function damaged(name: string, why: string): ConnectorError {
  return new ConnectorError("VALUE_TRUNCATED", `Column "${name}": ${why}`, { details: { column: name } });
}

/** ISO 8601; what is no timestamp of this era stays as it is. */
function timestamp(value: unknown): RowValue {
  return typeof value === "string" && value[10] === " " ? `${value.slice(0, 10)}T${value.slice(11)}` : plain(value);
}

/** The drivers give a bit as a digit, or as the byte itself; anything else is what SQLite keeps in a column of any type. */
function truth(value: unknown): RowValue {
  if (value === "1" || value === "\u0001" || value === 1n) return true;
  if (value === "0" || value === "\0" || value === 0n) return false;
  return plain(value);
}

function decimalOf({ name, size, scale }: DriverColumn): Decode {
  return (value) => {
    if (typeof value !== "number" || size === 0) return plain(value);
    // the addon makes room for a sign, a point and the digits: none for the 0 before the point
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

/** As databases count them: a pair of surrogates is one. */
function characters(text: string): number {
  let count = 0;
  for (const _character of text) count += 1;
  return count;
}
