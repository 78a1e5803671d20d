import { ConnectorError, toConnectorError } from "../../common/errors";
import type { TypedValue } from "../../common/typed-input";
import { MAX_NAME } from "../client/headers";
import { REPLY_TO } from "../client/publish-faults";

/** RabbitMQ's longest time to live in ms (3.10: a larger one closes the channel). */
const MAX_EXPIRATION = 4_294_967_295;
/**
 * Numbers below are seconds, as AMQP has them and a received message gives them; from here on they are ms since 1970: 1973 in ms, the
 * year 5138 in s.
 */
const FIRST_MS = 1e11;
/** Types of typed inputs whose value may be another for each message. */
const PER_MESSAGE = new Set(["msg", "flow", "global", "jsonata", "date"]);

/** A typed input, and how its value is checked and converted to what goes to the broker. */
export interface Field<T> {
  /** The value, where it is the same for every message. */
  fixed?: { value: T };
  /** What the typed input says for a message; a promise for JSONata and context. */
  evaluate: TypedValue;
  /** @throws ConnectorError when the value does not fit */
  read(value: unknown): T;
}

/** @throws ConnectorError NOT_CONFIGURED when the value is the same for every message and does not fit */
export function field<T>(evaluate: TypedValue, type: string, read: (value: unknown) => T): Field<T> {
  if (PER_MESSAGE.has(type)) return { evaluate, read };
  try {
    return { fixed: { value: read(evaluate({})) }, evaluate, read };
  } catch (error) {
    throw new ConnectorError("NOT_CONFIGURED", toConnectorError(error).message, { cause: error });
  }
}

/** An exchange or a routing key; nothing is the empty name. @throws ConnectorError INPUT_INVALID */
export function nameOf(value: unknown, label: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string" && typeof value !== "number") throw invalid(`The ${label} is of type ${typeof value}, not text`);
  return short(String(value), label);
}

/** What a message must say itself. @throws ConnectorError INPUT_INVALID when it does not */
export function present<T>(value: T, label: string): T {
  if (value === undefined || value === null) throw invalid(`The message does not say the ${label}`);
  return value;
}

/** The properties of a message that a user may set, by their names in AMQP and amqplib. */
export const PROPERTIES = {
  messageId: textOf,
  correlationId: textOf,
  replyTo: replyToOf,
  expiration: expirationOf,
  priority: priorityOf,
  type: textOf,
  appId: textOf,
  timestamp: timestampOf,
  contentType: textOf,
  contentEncoding: textOf,
} as const satisfies Record<string, (value: unknown, label: string) => string | number | undefined>;

/** One of {@link PROPERTIES}. */
export type PropertyName = keyof typeof PROPERTIES;

/** A property as amqplib takes it; `undefined` when it is empty and counts as not given. @throws ConnectorError INPUT_INVALID naming the property */
export function propertyOf(name: PropertyName, value: unknown): string | number | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  return PROPERTIES[name](value, `property ${name}`);
}

function textOf(value: unknown, label: string): string {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") throw invalid(`The ${label} is ${describe(value)}, not text`);
  return short(String(value), label);
}

/** The broker closes the channel of whoever asks for direct replies and does not listen to them there. */
function replyToOf(value: unknown, label: string): string {
  const text = textOf(value, label);
  if (text === REPLY_TO) throw invalid(`The ${label} is ${REPLY_TO}: to get answers there, choose that the node waits for an answer`);
  return text;
}

function expirationOf(value: unknown, label: string): string {
  const ms = numberOf(value);
  if (!(Number.isInteger(ms) && ms >= 0 && ms <= MAX_EXPIRATION)) throw invalid(`The ${label} is ${describe(value)}, not a whole number of ms from 0 to ${MAX_EXPIRATION}`);
  return String(ms);
}

function priorityOf(value: unknown, label: string): number {
  const priority = numberOf(value);
  if (!(Number.isInteger(priority) && priority >= 0 && priority <= 255)) throw invalid(`The ${label} is ${describe(value)}, not a whole number from 0 to 255`);
  return priority;
}

/** Seconds since 1970 of a date, an ISO text, ms, or seconds themselves. */
function timestampOf(value: unknown, label: string): number {
  const number = value instanceof Date ? value.getTime() : numberOf(value);
  const ms = Number.isNaN(number) && typeof value === "string" ? Date.parse(value) : number;
  const seconds = Math.floor(ms < FIRST_MS && !(value instanceof Date) && !Number.isNaN(number) ? ms : ms / 1000);
  if (!(seconds >= 0 && seconds <= Number.MAX_SAFE_INTEGER)) throw invalid(`The ${label} is ${describe(value)}, not a date, an ISO text or ms since 1970`);
  return seconds;
}

/** NaN for what is no number. */
function numberOf(value: unknown): number {
  if (typeof value === "string" && value.trim() !== "") return Number(value);
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : NaN;
}

/** As it goes out: half a character, of a text that was cut in the middle of one, becomes U+FFFD. A returned message is known by these texts. */
function short(given: string, label: string): string {
  const text = given.toWellFormed();
  // no character takes more than three bytes in UTF-8 for one of UTF-16
  if (text.length * 3 > MAX_NAME && Buffer.byteLength(text) > MAX_NAME) throw invalid(`The ${label} is longer than ${MAX_NAME} bytes`);
  return text;
}

function describe(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "an invalid date" : value.toISOString();
  return Array.isArray(value) ? "a list" : `of type ${typeof value}`;
}

function invalid(text: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", text);
}
