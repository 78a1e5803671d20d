import type { Parameter } from "../backend";
import { isJsonText } from "../encode";
import type { PlainValue } from "../protocol";
import { sqlDate, sqlTimestamp } from "./text";

/** A value as a parameter of a driver, where a product needs nothing special. */
export function parameter(value: PlainValue, date: (value: Date) => string): Parameter {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value instanceof Date) return date(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength); // the addon knows only Buffer
  if (typeof value === "object" && isJsonText(value)) return value.json;
  return value as Parameter;
}

/** Bytes of parameters, roughly. */
export function parameterBytes(row: readonly Parameter[]): number {
  return row.reduce<number>((sum, value) => sum + (typeof value === "string" || value instanceof Uint8Array ? value.length : 8), 0);
}

/** A value for a column of a product with dates and exact decimals of its own: both are written as text, which keeps every digit. */
export function exactParameter(value: PlainValue, type: string): Parameter {
  const encoded = parameter(value, (date) => sqlTimestamp(date.toISOString()));
  if (typeof encoded === "string" && /^(small)?(date|timestamp)/.test(type)) return /^date(\(|$)/.test(type) ? sqlDate(encoded) : sqlTimestamp(encoded);
  if (typeof encoded === "bigint" || (typeof encoded === "number" && !Number.isSafeInteger(encoded))) return String(encoded);
  return encoded;
}
