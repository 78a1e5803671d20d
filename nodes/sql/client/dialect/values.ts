import type { Parameter } from "../child/backend";
import { isJsonText } from "../encode";
import type { PlainValue } from "../protocol";
import { sqlDate, sqlTimestamp } from "./text";

/** Turns a value into a parameter of a driver, for products that need nothing special. @param date returns a date in the form that the product needs */
export function parameter(value: PlainValue, date: (value: Date) => string): Parameter {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value instanceof Date) return date(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength); // the addon knows only Buffer
  if (typeof value === "object" && isJsonText(value)) return value.json;
  return value as Parameter;
}

/** Returns roughly how many bytes the parameters of a row have. */
export function parameterBytes(row: readonly Parameter[]): number {
  return row.reduce<number>((sum, value) => sum + (typeof value === "string" || value instanceof Uint8Array ? value.length : 8), 0);
}

/** Turns a value into a parameter, for products with types for dates and exact decimals. Both are sent as text, which keeps every digit. @param type type of the column */
export function exactParameter(value: PlainValue, type: string): Parameter {
  const encoded = parameter(value, (date) => sqlTimestamp(date.toISOString()));
  if (typeof encoded === "string" && /^(small)?(date|timestamp)/.test(type)) return /^date(\(|$)/.test(type) ? sqlDate(encoded) : sqlTimestamp(encoded);
  return exactNumber(encoded);
}

/** Returns a number that is no safe integer as text, so that it stays exact in a decimal column: psqlodbc turns the number 0.1 into 0.10000000000000001 there. */
export function exactNumber(value: Parameter): Parameter {
  return typeof value === "bigint" || (typeof value === "number" && !Number.isSafeInteger(value)) ? String(value) : value;
}
