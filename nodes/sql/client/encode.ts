import { types } from "node:util";
import { ConnectorError, errorText } from "../../common/errors";
import type { JsonText, PlainValue } from "./protocol";

/** The largest row for any database, in bytes: the default `max_allowed_packet` of MariaDB, less what a statement adds. */
export const MAX_ROW_BYTES = 16 * 1024 * 1024 - 64 * 1024;

/** One half of a surrogate pair without the other, which is no character. */
export const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Converts a value of a message to a form that every engine takes. Dates, big integers and bytes keep their type; objects and lists become JSON text.
 * A value that no database can store is refused, rather than stored as something else.
 *
 * @param name the column or parameter, for the error
 * @throws ConnectorError `INPUT_INVALID`
 */
export function plainValue(value: unknown, name: string): PlainValue {
  switch (typeof value) {
    case "string":
      // drivers silently end a string at a NUL
      if (value.includes("\0")) throw invalid(name, "the text contains a NUL character");
      // half of a surrogate pair would be stored as U+FFFD
      if (LONE_SURROGATE.test(value)) throw invalid(name, "the text is not valid Unicode");
      return value;
    case "number":
      if (!Number.isFinite(value)) throw invalid(name, `${value} is not a number a database can store`);
      return value;
    case "boolean":
    case "bigint":
      return value;
    case "object":
      return value === null ? null : plainObject(value, name);
    case "undefined":
      throw invalid(name, "the value is undefined");
    default:
      throw invalid(name, `a ${typeof value} cannot be stored`);
  }
}

/** Whether a plain value is JSON text. */
export function isJsonText(value: PlainValue): value is JsonText {
  return typeof value === "object" && value !== null && "json" in value;
}

/** Returns how many bytes a value takes: exact for text, JSON and bytes, 8 for any other. */
export function plainBytes(value: PlainValue): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (value instanceof Uint8Array) return value.byteLength;
  return isJsonText(value) ? Buffer.byteLength(value.json) : 8;
}

/** Like {@link plainBytes}, but counts text in UTF-16 units, which needs no look at the text. */
export function plainUnits(value: PlainValue): number {
  if (typeof value === "string" || value instanceof Uint8Array) return value.length;
  return isJsonText(value) ? value.json.length : 8;
}

/** Converts an object. Internal types are checked, not `instanceof`, since objects that were made in a Function node are of another realm. */
function plainObject(value: object, name: string): PlainValue {
  if (value instanceof Uint8Array) return value;
  if (types.isUint8Array(value)) return Buffer.from(value);
  if (types.isAnyArrayBuffer(value)) return new Uint8Array(value);
  if (types.isDate(value)) {
    if (Number.isNaN(value.getTime())) throw invalid(name, "the date is not valid");
    return value instanceof Date ? value : new Date(Number(value));
  }
  if (ArrayBuffer.isView(value)) throw invalid(name, `a ${kindOf(value)} cannot be stored: bytes are a Buffer, numbers a list`);
  if (types.isBoxedPrimitive(value)) return plainValue(value.valueOf(), name);
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    throw invalid(name, errorText(error).split("\n", 1)[0] ?? ""); // a cycle, a big integer inside
  }
  if (json === undefined) throw invalid(name, "it has no JSON form");
  // the JSON of a map, a set or an error is an empty object
  if (json === "{}" && kindOf(value) !== "Object") throw invalid(name, `a ${kindOf(value)} has no JSON form`);
  return { json };
}

function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function invalid(name: string, why: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", `${name}: ${why}`, { details: { name } });
}
