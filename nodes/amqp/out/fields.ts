import { ConnectorError, toConnectorError } from "../../common/errors";
import type { TypedValue } from "../../common/typed-input";
import { shortText } from "../client/publishing/destination";
import { REPLY_TO } from "../client/publishing/publish-faults";

/** RabbitMQ's longest time to live, in ms (3.10: a larger one closes the channel). */
const MAX_EXPIRATION = 4_294_967_295;
/**
 * Timestamps below this number are taken for seconds since 1970, the unit of AMQP and of received messages; others for ms since 1970. In ms, the number is in the year
 * 1973, in s in the year 5138.
 */
const FIRST_MS = 1e11;
/** The types of typed inputs whose value may differ from message to message. */
const PER_MESSAGE = new Set(["msg", "flow", "global", "jsonata", "date"]);

/** A typed input, and the function that checks and converts its value for the broker. */
export interface Field<T> {
  /** The value, if it is the same for every message. */
  fixed?: { value: T };
  /** Returns the typed input's value for a message; a promise for JSONata and context. */
  evaluate: TypedValue;
  /** Checks and converts a value. @throws ConnectorError when it is not valid */
  read(value: unknown): T;
}

/** Makes a field. A value that is the same for every message is checked at once. @throws ConnectorError NOT_CONFIGURED when such a value is not valid */
export function field<T>(evaluate: TypedValue, type: string, read: (value: unknown) => T): Field<T> {
  if (PER_MESSAGE.has(type)) return { evaluate, read };
  try {
    return { fixed: { value: read(evaluate({})) }, evaluate, read };
  } catch (error) {
    throw new ConnectorError("NOT_CONFIGURED", toConnectorError(error).message, { cause: error });
  }
}

/** The properties of a message that a user may set, by amqplib's names, each with the function that reads its value. */
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

/** A name in {@link PROPERTIES}. */
export type PropertyName = keyof typeof PROPERTIES;

/** Reads a property for amqplib. An empty value counts as not given: `undefined` is returned. @throws ConnectorError INPUT_INVALID naming the property */
export function propertyOf(name: PropertyName, value: unknown): string | number | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  return PROPERTIES[name](value, `property ${name}`);
}

function textOf(value: unknown, label: string): string {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") throw invalid(`The ${label} is ${describe(value)}, not text`);
  return shortText(String(value), label);
}

/** Reads a reply-to. Refuses that of direct replies, because the broker closes a channel that uses it without a consumer for the replies. */
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

/** Reads a timestamp: a date, an ISO text, ms or seconds since 1970. @returns seconds since 1970 */
function timestampOf(value: unknown, label: string): number {
  const number = value instanceof Date ? value.getTime() : numberOf(value);
  const ms = Number.isNaN(number) && typeof value === "string" ? Date.parse(value) : number;
  const seconds = Math.floor(ms < FIRST_MS && !(value instanceof Date) && !Number.isNaN(number) ? ms : ms / 1000);
  if (!(seconds >= 0 && seconds <= Number.MAX_SAFE_INTEGER)) throw invalid(`The ${label} is ${describe(value)}, not a date, an ISO text or ms since 1970`);
  return seconds;
}

/** Returns a number, or NaN for a value that is none. */
function numberOf(value: unknown): number {
  if (typeof value === "string" && value.trim() !== "") return Number(value);
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : NaN;
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
