import { types } from "node:util";
/**
 * Writes a single value as text, for XML and delimited text: a date as ISO 8601, bytes as base64, null as empty text.
 *
 * @returns `undefined` for an object or a list
 */
export function valueText(value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "boolean":
    case "bigint":
      return String(value);
    case "object":
      if (value === null) return "";
      if (types.isUint8Array(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? "" : value.toISOString();
      return undefined;
    default:
      return "";
  }
}
