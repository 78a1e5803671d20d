import { types } from "node:util";
import type { Options } from "amqplib";
import { ConnectorError } from "../../../common/errors";

/** Largest size of a header table on the wire, in bytes. amqplib (2.3.1) encodes it in a buffer of this size and throws when it does not fit. */
export const MAX_HEADERS = 64 * 1024;
/** Most bytes of a name or another short text, since AMQP 0-9-1 writes its length in one byte. */
export const MAX_NAME = 255;
/** How deep headers may be nested: deeper than any real header. The limit also ends a cycle. */
const MAX_DEPTH = 16;

/** A header table that amqplib encodes correctly. */
export type HeaderTable = Record<string, unknown>;

/**
 * Converts headers so that amqplib can send them. Dates become timestamps (amqplib would send `{}`), big integers become strings (amqplib would throw), and
 * `undefined` is left out.
 *
 * @throws ConnectorError `HEADERS_INVALID` naming the header that cannot be sent, or when all together take more than {@link MAX_HEADERS}
 */
export function sanitiseHeaders(headers: unknown): HeaderTable {
  if (headers === undefined || headers === null || headers === "") return {};
  if (!isTable(headers)) throw invalid(`Headers must be an object of names and values, not ${describe(headers)}`);
  const table = sanitiseTable(headers, "", 0);
  for (const name of ["CC", "BCC"]) if (name in table) checkCopies(name, table[name]);
  const size = sizeOfTable(table);
  if (size > MAX_HEADERS) throw invalid(`The headers take ${size} bytes; ${MAX_HEADERS} is the most a message can carry`);
  return table;
}

/** Checks the headers CC and BCC, RabbitMQ's own, for further routing keys. If they are no lists of texts, the broker closes the channel with all that is on its way. */
function checkCopies(name: string, value: unknown): void {
  const fits = Array.isArray(value) && value.every((key) => typeof key === "string" && Buffer.byteLength(key) <= MAX_NAME);
  if (!fits) throw invalid(`Header ${name} must be a list of routing keys`);
}

function sanitiseTable(table: object, path: string, depth: number): HeaderTable {
  const clean: HeaderTable = {};
  for (const [name, value] of Object.entries(table)) {
    if (value === undefined) continue;
    const where = path === "" ? name : `${path}.${name}`;
    if (Buffer.byteLength(name) > MAX_NAME) throw invalid(`The header name ${name.slice(0, 40)}… is longer than ${MAX_NAME} bytes`);
    clean[name] = sanitiseValue(value, where, depth);
  }
  return clean;
}

function sanitiseValue(value: unknown, path: string, depth: number): unknown {
  if (depth > MAX_DEPTH) throw invalid(`Header ${path.slice(0, 80)} is nested more than ${MAX_DEPTH} deep`);
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) throw invalid(`Header ${path} is ${value}, which AMQP cannot say`);
      return sendable(value);
    case "bigint":
      return String(value);
    case "object":
      return value === null ? null : sanitiseObject(value, path, depth);
    default:
      throw invalid(`Header ${path} is a ${typeof value}, which AMQP cannot say`);
  }
}

function sanitiseObject(value: object, path: string, depth: number): unknown {
  if (value instanceof Date) return timestamp(value, path);
  if (types.isUint8Array(value)) return Buffer.isBuffer(value) ? value : Buffer.from(value);
  if (Array.isArray(value)) return value.map((item, index) => (item === undefined ? null : sanitiseValue(item, `${path}[${index}]`, depth + 1)));
  if ("!" in value) return sanitiseTyped(value as { "!": unknown; value?: unknown }, path, depth);
  if (!isTable(value)) throw invalid(`Header ${path} is a ${value.constructor?.name ?? "strange object"}, which AMQP cannot say`);
  return sanitiseTable(value, path, depth + 1);
}

/**
 * Converts a value with a type in amqplib's notation: `{"!": "timestamp", value: 1}`. amqplib also returns the timestamps that it receives in this form. NaN and
 * infinite numbers are refused, because the broker would end the connection, with all that is on its way.
 */
function sanitiseTyped({ "!": type, value }: { "!": unknown; value?: unknown }, path: string, depth: number): unknown {
  if (typeof type !== "string" || value === undefined) throw invalid(`Header ${path} has the key "!", which stands for a type`);
  switch (type) {
    case "object":
      return sanitiseValue(value, path, depth + 1);
    case "boolean":
      return Boolean(value);
    case "number":
      return sanitiseValue(Number(value), path, depth + 1);
    case "string":
      return String(value);
    case "float":
      return typedNumber(type, Math.fround(Number(value)), path);
    case "double":
    case "float64":
      return typedNumber(type, Number(value), path);
    default:
      return { "!": type, value };
  }
}

function typedNumber(type: string, value: number, path: string): unknown {
  if (!Number.isFinite(value)) throw invalid(`Header ${path} is a ${type} of ${value}, which AMQP cannot say`);
  return { "!": type, value };
}

/** Makes a number sendable. amqplib (2.3.1) takes some numbers that only fit into a double for integers and throws: -1e300, and fractions over 2^50. */
function sendable(value: number): unknown {
  const double = value < -(2 ** 63) || (Math.abs(value) >= 2 ** 50 && !Number.isInteger(value) && Number.isFinite(value));
  return double ? { "!": "double", value } : value;
}

/** Converts the value of a received header so that amqplib can send it again. */
export function sendableAgain(value: unknown): unknown {
  if (typeof value === "number") return sendable(value);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || "!" in value) return value;
  if (Array.isArray(value)) return value.map(sendableAgain);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, sendableAgain(item)]));
}

function timestamp(date: Date, path: string): unknown {
  const seconds = Math.floor(date.getTime() / 1000);
  if (!(seconds >= 0)) throw invalid(`Header ${path} is a date that AMQP cannot say`);
  return { "!": "timestamp", value: seconds };
}

/** Returns how many bytes a sanitised table takes on the wire. It is an upper bound, since each number counts with the largest size. */
export function sizeOfTable(table: HeaderTable): number {
  let size = 4;
  for (const [name, value] of Object.entries(table)) size += 1 + Buffer.byteLength(name) + sizeOfValue(value);
  return size;
}

/** Returns the bytes of the frame with a message's properties: 8 for the frame, 14 for class, weight, size and flags, at most 9 for each property that is no text. */
export function sizeOfHeaderFrame({ headers, ...properties }: Options.Publish): number {
  let size = 8 + 14 + sizeOfTable((headers ?? {}) as HeaderTable);
  for (const value of Object.values(properties)) size += typeof value === "string" ? 1 + Buffer.byteLength(value) : 9;
  return size;
}

/** Returns the bytes of a value: an upper bound for numbers, exact for all others. */
function sizeOfValue(value: unknown): number {
  if (typeof value === "string") return 5 + Buffer.byteLength(value);
  if (value === null) return 1;
  if (typeof value !== "object") return typeof value === "boolean" ? 2 : 9;
  if (types.isUint8Array(value)) return 5 + value.length;
  if (Array.isArray(value)) return 5 + value.reduce((sum: number, item) => sum + sizeOfValue(item), 0);
  if ("!" in value) return 9;
  return 1 + sizeOfTable(value as HeaderTable);
}

function isTable(value: unknown): value is HeaderTable {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // an object of another realm, such as a Function node's sandbox, has another Object.prototype, but the prototype of that is null, too
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function describe(value: unknown): string {
  return Array.isArray(value) ? "a list" : typeof value;
}

function invalid(text: string): ConnectorError {
  return new ConnectorError("HEADERS_INVALID", text);
}
