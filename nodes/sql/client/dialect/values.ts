import type { Parameter } from "../backend";
import { isJsonText } from "../encode";
import type { PlainValue } from "../protocol";

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
