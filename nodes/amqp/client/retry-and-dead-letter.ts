import type { Message, Options } from "amqplib";
import type { ConnectorError } from "../../common/errors";
import { MAX_HEADERS, MAX_NAME, sizeOfTable, type HeaderTable } from "./headers";
import type { Outgoing } from "./publisher";
import { asReceived } from "./received-headers";
import { retryQueueName } from "./topology";

/** Headers of ours, on copies for retry, dead letters, and dead letters that are put back. */
export const MARK = {
  /** Counts attempts. Own, since brokers from 4.0 on ignore an `x-death` that a client sends. */
  attempt: "x-retry-attempt",
  /** How often it was put back from the dead letters. */
  redriven: "x-redriven",
  /** When it was last put back. ISO 8601. */
  redrivenAt: "x-redriven-at",
  /** Where it was first published to. */
  originalExchange: "x-original-exchange",
  originalRoutingKey: "x-original-routing-key",
  /** The queue it was taken from when it failed for good. */
  originalQueue: "x-original-queue",
  errorCode: "x-error-code",
  errorMessage: "x-error-message",
  failedNode: "x-failed-node",
  /** ISO 8601. */
  failedAt: "x-failed-at",
  attempts: "x-attempts",
} as const;

/**
 * The broker's own marks. A copy is a new message: with them on it, the broker would take it for one that goes in circles and drop it.
 * CC would send the copy to the original's other receivers again.
 */
const BROKER_HEADERS = new Set([
  "x-death",
  "x-first-death-exchange",
  "x-first-death-queue",
  "x-first-death-reason",
  "x-last-death-exchange",
  "x-last-death-queue",
  "x-last-death-reason",
  "x-delivery-count",
  "x-acquired-count",
  "CC",
  "BCC",
]);

/** Room for the error's text, in characters; in a plain copy it fits into the smallest frame there is, of 4,096 bytes, with all else. */
const ERROR_TEXT = 8 * 1024;
const PLAIN_ERROR_TEXT = 256;

/** What must not go on to another queue with a message's headers: there it would count as tried, redriven or dead-lettered before. */
const STEERING = [MARK.attempt, MARK.redriven, MARK.redrivenAt, ...[...BROKER_HEADERS].filter((name) => name.startsWith("x-"))];

/** A new message's headers: those of the one it was made of, without what only says what became of that. @param headers is changed */
export function withoutMarks(headers: HeaderTable): HeaderTable {
  for (const name of STEERING) if (name in headers) delete headers[name];
  return headers;
}

/** Which attempt a message is, from 1. */
export function attemptOf(message: Message): number {
  const attempt: unknown = message.properties.headers?.[MARK.attempt];
  return typeof attempt === "number" && Number.isInteger(attempt) && attempt > 0 ? attempt : 1;
}

/**
 * Where a message was first published to. What was retried or redriven comes by the default exchange, so its copy carries it. By any
 * other way, and without our mark, such headers are somebody else's.
 */
export function originOf(message: Message): { exchange: string; routingKey: string } {
  const { fields } = message;
  const { headers } = message.properties;
  const marked = headers?.[MARK.attempt] !== undefined || headers?.[MARK.redriven] !== undefined;
  return (fields.exchange === "" && marked && writtenOrigin(headers)) || fields;
}

/** The origin that stands in the headers, if it does. */
export function writtenOrigin(headers: HeaderTable | undefined): { exchange: string; routingKey: string } | undefined {
  const exchange = headers?.[MARK.originalExchange];
  const routingKey = headers?.[MARK.originalRoutingKey];
  return typeof exchange === "string" && typeof routingKey === "string" ? { exchange, routingKey } : undefined;
}

/** The copy that waits in the delay queue of its step and then comes back as the next attempt. @param plain as for {@link deadLetterCopy} */
export function retryCopy(message: Message, queue: string, attempt: number, delay: number, plain = false): Outgoing {
  const { exchange, routingKey } = originOf(message);
  const own: HeaderTable = { [MARK.attempt]: attempt + 1, [MARK.originalExchange]: exchange, [MARK.originalRoutingKey]: routingKey };
  return copyOf(message, { exchange: "", routingKey: retryQueueName(queue, delay), own, plain });
}

/** Why and where a message failed for good. */
export interface Failure {
  error: ConnectorError;
  /** The node the error came from, as its user knows it. */
  node?: string;
  /** The queue it was taken from. */
  queue: string;
  attempts: number;
}

/**
 * The copy for the dead-letter queue, with the reason on it. The content is the original's, byte by byte.
 *
 * @param plain leave out what only the original's sender could send, see {@link copyOf}
 */
export function deadLetterCopy(message: Message, target: string, { error, node, queue, attempts }: Failure, plain = false): Outgoing {
  const { exchange, routingKey } = originOf(message);
  const own: HeaderTable = {
    [MARK.errorCode]: error.code,
    [MARK.errorMessage]: cut(error.message, plain ? PLAIN_ERROR_TEXT : ERROR_TEXT),
    ...(node === undefined ? {} : { [MARK.failedNode]: cut(node, 255) }),
    [MARK.failedAt]: new Date().toISOString(),
    [MARK.attempts]: attempts,
    [MARK.originalExchange]: exchange,
    [MARK.originalRoutingKey]: routingKey,
    [MARK.originalQueue]: queue,
  };
  return copyOf(message, { exchange: "", routingKey: target, own, without: [MARK.attempt], plain }); // put back later, it starts anew
}

/** How a copy differs from its original. */
export interface CopyPlan {
  /** "" for the queue that the routing key names. */
  exchange: string;
  routingKey: string;
  /** Headers of ours, which win over the original's. */
  own: HeaderTable;
  /** Headers of the original that the copy has not. */
  without?: readonly string[];
  /** Only what can be sent whatever the original has on it. Default false. */
  plain?: boolean;
}

/**
 * Persistent, mandatory, with the original's properties but two: an expiration would take it out of the queue it is kept in, and a
 * user id other than the connection's is refused. The broker's own headers are left out.
 *
 * amqplib cannot send everything it reads. A `plain` copy can always be sent: it has none of the original's headers, and only those properties
 * that are text.
 */
export function copyOf(message: Message, { exchange, routingKey, own, without = [], plain = false }: CopyPlan): Outgoing {
  const { contentType, contentEncoding, priority, correlationId, replyTo, messageId, timestamp, type, appId } = message.properties as Options.Publish;
  const properties: Options.Publish = { contentType, contentEncoding, priority, correlationId, replyTo, messageId, timestamp, type, appId } as Options.Publish;
  leaveOutUnsendable(properties);
  if (plain) {
    for (const name of ["priority", "timestamp"] as const) delete properties[name];
  }
  const isKept = (name: string): boolean => !BROKER_HEADERS.has(name) && !Object.hasOwn(own, name) && !without.includes(name) && Buffer.byteLength(name) <= MAX_NAME;
  const kept = Object.entries(asReceived(message.properties.headers ?? {})).filter(([name]) => isKept(name));
  const headers = withinLimit(kept, own, plain ? 0 : MAX_HEADERS);
  return { exchange, routingKey, content: message.content, options: { ...properties, headers, persistent: true, mandatory: true } };
}

/** Bytes that are no UTF-8 are read as U+FFFD, three bytes for one; the latest times of 64 bits are read as one too many. */
function leaveOutUnsendable(properties: Options.Publish): void {
  for (const [name, value] of Object.entries(properties) as [keyof Options.Publish, unknown][]) {
    if (typeof value === "string" && value.length * 3 > MAX_NAME && Buffer.byteLength(value) > MAX_NAME) delete properties[name];
  }
  if (Number(properties.timestamp) >= 2 ** 64) delete properties.timestamp;
}

/** Ours and as many of the original's as fit under the limit, the largest left out first; which ones says `x-headers-dropped`. */
function withinLimit(kept: [string, unknown][], own: HeaderTable, limit: number): HeaderTable {
  const headers: HeaderTable = { ...Object.fromEntries(kept), ...own };
  let size = sizeOfTable(headers);
  if (size <= limit || kept.length === 0) return headers;

  const dropped: string[] = [];
  const bySize = kept.map(([name, value]) => ({ name, size: sizeOfTable({ [name]: value }) - 4 })).sort((a, b) => b.size - a.size);
  const reserve = 2 * 1024; // for the list of names
  for (const { name, size: bytes } of bySize) {
    if (size <= limit - reserve) break;
    delete headers[name];
    dropped.push(name);
    size -= bytes;
  }
  headers["x-headers-dropped"] = cut(dropped.join(" "), reserve / 2);
  return headers;
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
