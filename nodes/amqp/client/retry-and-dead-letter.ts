import type { Message, Options } from "amqplib";
import type { ConnectorError } from "../../common/errors";
import { sizeOfTable, MAX_HEADERS, type HeaderTable } from "./headers";
import type { Outgoing } from "./publisher";
import { retryQueueName } from "./topology";

/** Counts our attempts. Own, since brokers from 4.0 on ignore an `x-death` that a client sends. */
const ATTEMPT = "x-retry-attempt";
const ORIGINAL_EXCHANGE = "x-original-exchange";
const ORIGINAL_ROUTING_KEY = "x-original-routing-key";

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

/** Room for the error's text, in characters. */
const ERROR_TEXT = 8 * 1024;

/** Which attempt a message is, from 1. */
export function attemptOf(message: Message): number {
  const attempt: unknown = message.properties.headers?.[ATTEMPT];
  return typeof attempt === "number" && Number.isInteger(attempt) && attempt > 0 ? attempt : 1;
}

/** Where a message was first published to. A retried one comes back by the default exchange, so its copy carries it. */
export function originOf(message: Message): { exchange: string; routingKey: string } {
  const { headers } = message.properties;
  const exchange: unknown = headers?.[ORIGINAL_EXCHANGE];
  const routingKey: unknown = headers?.[ORIGINAL_ROUTING_KEY];
  const { fields } = message;
  if (headers?.[ATTEMPT] === undefined || typeof exchange !== "string" || typeof routingKey !== "string") return fields;
  return { exchange, routingKey };
}

/** The copy that waits in the delay queue of its step and then comes back as the next attempt. @param plain as for {@link deadLetterCopy} */
export function retryCopy(message: Message, queue: string, attempt: number, delay: number, plain = false): Outgoing {
  const { exchange, routingKey } = originOf(message);
  const own: HeaderTable = { [ATTEMPT]: attempt + 1, [ORIGINAL_EXCHANGE]: exchange, [ORIGINAL_ROUTING_KEY]: routingKey };
  return copyOf(message, retryQueueName(queue, delay), own, plain);
}

/** Why and where a message failed for good. */
export interface Failure {
  error: ConnectorError;
  /** The node the error came from, as its user knows it. */
  node?: string;
  attempts: number;
}

/**
 * The copy for the dead-letter queue, with the reason on it. The content is the original's, byte by byte.
 *
 * @param plain leave out what only the original's sender could send, see {@link copyOf}
 */
export function deadLetterCopy(message: Message, target: string, { error, node, attempts }: Failure, plain = false): Outgoing {
  const { exchange, routingKey } = originOf(message);
  const own: HeaderTable = {
    "x-error-code": error.code,
    "x-error-message": cut(error.message, ERROR_TEXT),
    ...(node === undefined ? {} : { "x-failed-node": cut(node, 255) }),
    "x-failed-at": new Date().toISOString(),
    "x-attempts": attempts,
    [ORIGINAL_EXCHANGE]: exchange,
    [ORIGINAL_ROUTING_KEY]: routingKey,
  };
  const copy = copyOf(message, target, own, plain);
  delete (copy.options.headers as HeaderTable)[ATTEMPT]; // put back later, it starts anew
  return copy;
}

/**
 * Persistent, mandatory, with the original's properties but two: an expiration would take it out of the queue it is kept in, and a
 * user id other than the connection's is refused.
 *
 * amqplib cannot send everything it reads (2.3.1: the number -1e300 in a header). A `plain` copy can always be sent: it has none of the
 * original's headers, and only those properties that are text.
 */
function copyOf(message: Message, queue: string, own: HeaderTable, plain: boolean): Outgoing {
  const { contentType, contentEncoding, priority, correlationId, replyTo, messageId, timestamp, type, appId } = message.properties as Options.Publish;
  const properties: Options.Publish = { contentType, contentEncoding, priority, correlationId, replyTo, messageId, timestamp, type, appId } as Options.Publish;
  if (plain) {
    for (const name of ["priority", "timestamp"] as const) delete properties[name];
  }
  const headers = withinLimit(message.properties.headers ?? {}, own, plain ? 0 : MAX_HEADERS);
  return { exchange: "", routingKey: queue, content: message.content, options: { ...properties, headers, persistent: true, mandatory: true } };
}

/** Ours and as many of the original's as fit under the limit, the largest left out first; which ones says `x-headers-dropped`. */
function withinLimit(original: HeaderTable, own: HeaderTable, limit: number): HeaderTable {
  const kept = Object.entries(original).filter(([name]) => !BROKER_HEADERS.has(name) && !(name in own));
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
