import type { Message, Options } from "amqplib";
import type { ConnectorError } from "../../../common/errors";
import { MAX_HEADERS, MAX_NAME, sizeOfTable, type HeaderTable } from "../headers/headers";
import type { Outgoing } from "../publishing/publisher";
import { asReceived } from "../headers/received-headers";
import { retryQueueName } from "../topology";

/** The headers that this package sets on copies for retry, on dead letters, and on dead letters that are put back. */
export const MARK = {
  /** Number of the attempt. It is a header of our own, because brokers from 4.0 on ignore an `x-death` that a client sends. */
  attempt: "x-retry-attempt",
  /** How often the message was put back from the dead letters. */
  redriven: "x-redriven",
  /** When the message was last put back. ISO 8601. */
  redrivenAt: "x-redriven-at",
  /** The exchange and routing key with which the message was first published. */
  originalExchange: "x-original-exchange",
  originalRoutingKey: "x-original-routing-key",
  /** The queue from which the message was taken when it failed for good. */
  originalQueue: "x-original-queue",
  errorCode: "x-error-code",
  errorMessage: "x-error-message",
  failedNode: "x-failed-node",
  /** When the message failed for good. ISO 8601. */
  failedAt: "x-failed-at",
  attempts: "x-attempts",
} as const;

/**
 * The broker's own headers, which copies must not have. With its dead-lettering headers, the broker would take a copy for a message that goes in circles and drop it.
 * With CC or BCC, the copy would also be sent to the original's other receivers again.
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

/** Most characters of the error's text, in an ordinary and in a plain copy. The headers of a plain copy must fit into the smallest frame, of 4,096 bytes. */
const ERROR_TEXT = 8 * 1024;
const PLAIN_ERROR_TEXT = 256;

/** Headers that must not be passed on to another queue: the message would count there as tried, redriven or dead-lettered before. */
const STEERING = [MARK.attempt, MARK.redriven, MARK.redrivenAt, ...[...BROKER_HEADERS].filter((name) => name.startsWith("x-"))];

/** Removes the headers that tell what happened to a message, so that a new message made of it does not get them. @param headers is changed @returns `headers` */
export function withoutMarks(headers: HeaderTable): HeaderTable {
  for (const name of STEERING) if (name in headers) delete headers[name];
  return headers;
}

/** Returns the number of a message's attempt, from 1. It is 1 when the message has no valid header for it. */
export function attemptOf(message: Message): number {
  const attempt: unknown = message.properties.headers?.[MARK.attempt];
  return typeof attempt === "number" && Number.isInteger(attempt) && attempt > 0 ? attempt : 1;
}

/**
 * Returns the exchange and routing key with which a message was first published. Copies that were retried or redriven arrive through the default exchange and carry both
 * in headers. On messages that arrive in another way or have none of our marks, such headers are not ours and are ignored.
 */
export function originOf(message: Message): { exchange: string; routingKey: string } {
  const { fields } = message;
  const { headers } = message.properties;
  const marked = headers?.[MARK.attempt] !== undefined || headers?.[MARK.redriven] !== undefined;
  return (fields.exchange === "" && marked && writtenOrigin(headers)) || fields;
}

/** Returns the origin that is written in the headers; `undefined` if none is. */
export function writtenOrigin(headers: HeaderTable | undefined): { exchange: string; routingKey: string } | undefined {
  const exchange = headers?.[MARK.originalExchange];
  const routingKey = headers?.[MARK.originalRoutingKey];
  return typeof exchange === "string" && typeof routingKey === "string" ? { exchange, routingKey } : undefined;
}

/** Makes the copy that waits in the delay queue of its retry step and then returns as the next attempt. @param plain as for {@link deadLetterCopy} */
export function retryCopy(message: Message, queue: string, attempt: number, delay: number, plain = false): Outgoing {
  const { exchange, routingKey } = originOf(message);
  const own: HeaderTable = { [MARK.attempt]: attempt + 1, [MARK.originalExchange]: exchange, [MARK.originalRoutingKey]: routingKey };
  return copyOf(message, { exchange: "", routingKey: retryQueueName(queue, delay), own, plain });
}

/** Why and where a message failed for good. */
export interface Failure {
  error: ConnectorError;
  /** The node that reported the error, by the name that the user knows. */
  node?: string;
  /** The queue from which the message was taken. */
  queue: string;
  attempts: number;
}

/**
 * Makes the copy for the dead-letter queue, with the reason in its headers. The content is the original's, byte by byte.
 *
 * @param plain whether to leave out all that amqplib perhaps cannot send, see {@link copyOf}
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
  return copyOf(message, { exchange: "", routingKey: target, own, without: [MARK.attempt], plain }); // if it is put back later, it begins with its first attempt
}

/** How a copy differs from its original. */
export interface CopyPlan {
  /** "" stands for the queue that the routing key names. */
  exchange: string;
  routingKey: string;
  /** Headers that are set on the copy. They replace the original's headers of the same name. */
  own: HeaderTable;
  /** Names of the original's headers that are left out of the copy. Default: none. */
  without?: readonly string[];
  /** Whether to copy only those parts of the original that can always be sent. Default false. */
  plain?: boolean;
}

/**
 * Makes a copy of a message, persistent and mandatory. It has the original's properties except two: an expiration would remove it from the queue in which it is kept, and
 * the broker refuses a user id other than the connection's. The broker's own headers are left out.
 *
 * amqplib cannot send everything that it reads. A `plain` copy can always be sent: it has none of the original's headers, and only those properties that are text.
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

/**
 * Removes properties that cannot be sent again: texts that became longer than 255 bytes, since each byte that is no UTF-8 is read as U+FFFD, which takes three, and the
 * latest 64-bit times, which are rounded up to 2^64.
 */
function leaveOutUnsendable(properties: Options.Publish): void {
  for (const [name, value] of Object.entries(properties) as [keyof Options.Publish, unknown][]) {
    if (typeof value === "string" && value.length * 3 > MAX_NAME && Buffer.byteLength(value) > MAX_NAME) delete properties[name];
  }
  if (Number(properties.timestamp) >= 2 ** 64) delete properties.timestamp;
}

/** Returns our headers and as many of the original's as fit into `limit` bytes. The largest are left out first, and `x-headers-dropped` lists their names. */
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
