/**
 * A single value as the text that stands for it in XML and delimited text: dates in ISO 8601, bytes in base64, null as nothing.
 *
 * @returns `undefined` for what is no single value: an object or a list
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
      if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? "" : value.toISOString();
      return undefined;
    default:
      return "";
  }
}
