import { types } from "node:util";
import { ConnectorError, errorText } from "../../common/errors";
import type { JsonText, PlainValue } from "./protocol";

/** Largest row on any database, in bytes: what MariaDB takes by default, less what a statement adds. */
export const MAX_ROW_BYTES = 16 * 1024 * 1024 - 64 * 1024;

/** Half of a pair: no character. */
export const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * A message's value in a form that every engine can be given; what no database can store is refused by name, rather than
 * stored as something else.
 *
 * Dates stay dates, big integers stay exact, bytes stay bytes; objects and lists become JSON text.
 *
 * @param name the column or parameter, for the error
 * @throws ConnectorError `INPUT_INVALID`
 */
export function plainValue(value: unknown, name: string): PlainValue {
  switch (typeof value) {
    case "string":
      // drivers end a string there without a word
      if (value.includes("\0")) throw invalid(name, "the text contains a NUL character");
      // half of a pair would become U+FFFD on its way
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

/** Bytes of a value on its way, roughly where it is no text. */
export function plainBytes(value: PlainValue): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (value instanceof Uint8Array) return value.byteLength;
  return typeof value === "object" && value !== null && "json" in value ? Buffer.byteLength(value.json) : 8;
}

/** Characters as JavaScript counts them, or bytes: known without a look at the text. */
export function plainUnits(value: PlainValue): number {
  if (typeof value === "string" || value instanceof Uint8Array) return value.length;
  return typeof value === "object" && value !== null && "json" in value ? value.json.length : 8;
}

/** By what a value is, not by `instanceof`: what a Function node makes is of another realm. */
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
  // what JSON makes of a map, a set or an error is empty
  if (json === "{}" && kindOf(value) !== "Object") throw invalid(name, `a ${kindOf(value)} has no JSON form`);
  return { json };
}

function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function invalid(name: string, why: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", `${name}: ${why}`, { details: { name } });
}
