import { ConnectorError, errorText } from "../../common/errors";
import { brokerText } from "./errors";
import type { Outgoing } from "./publisher";

/** The pseudo-queue that direct reply-to's answers come to; a dot and where to go follow in what the answering side sees. */
export const REPLY_TO = "amq.rabbitmq.reply-to";
/** What the broker calls the exchange "" when it speaks of the right to it. */
const DEFAULT_EXCHANGE = "amq.default";
/** Ends a connection, whichever of its channels was at fault. */
const INTERNAL_ERROR = 541;

/** The error of a message that was not sent. */
export function unavailable(text: string): ConnectorError {
  return new ConnectorError("BROKER_UNAVAILABLE", text);
}

/** The error of what cannot be sent because the broker reads nothing from those who publish: it is short of memory, say. */
export function blockedFor(reason: string): ConnectorError {
  return unavailable(`The broker blocks publishing: ${reason}`);
}

/** The error of a message that amqplib threw over, before a byte of it was written: it cannot be encoded, or the channel is closing. */
export function encodingError(error: unknown): ConnectorError {
  const text = errorText(error);
  if ((error as Error | null)?.name === "IllegalOperationError") return unavailable(text);
  return new ConnectorError("HEADERS_INVALID", `The message's headers or properties cannot be sent: ${text}`, { cause: error });
}

/** The error of a message that its sender has given up meanwhile. */
export function unwanted(): ConnectorError {
  return unavailable("The message is not to be sent any more");
}

/** @param room bytes that the frame of a message's headers and properties may have */
export function headersTooLarge(room: number): ConnectorError {
  return new ConnectorError("HEADERS_INVALID", `The headers and properties do not fit into a frame: this broker takes ${room} bytes (frame_max)`);
}

/** The error of a message that is lost alone. @param ms by which those that are confirmed were later */
export function overtaken(message: Outgoing, ms: number): ConnectorError {
  const text = `The broker did not confirm the message to ${targetOf(message)}, though it confirmed what was sent ${ms} ms later`;
  return new ConnectorError("PUBLISH_UNCONFIRMED", text, { scope: "message" });
}

/** Where a message was to go, in words. */
export function targetOf({ exchange, routingKey }: Outgoing): string {
  return exchange === "" ? `queue ${routingKey}` : `exchange ${exchange} with routing key ${routingKey}`;
}

/**
 * Who is to blame for a channel that the broker closed, as far as its words tell. What it does not name is uncertain.
 *
 * @param cause why the channel was closed, if the broker said so
 * @param alone whether only one message was on its way: then it is that one
 * @returns the error of the message that is to blame, `undefined` for one that is not
 */
export function blame(cause: ConnectorError | undefined, alone: boolean): (message: Outgoing) => ConnectorError | undefined {
  if (!isOverAMessage(cause)) return () => undefined;
  const text = brokerText(cause.cause);
  const forbidden = /access to topic '(.*?)' in exchange '(.*?)' in vhost/.exec(text);
  if (forbidden) return (message) => (alone || (message.exchange === forbidden[2] && message.routingKey === forbidden[1]) ? refused(message, text, cause) : undefined);
  const exchange = /exchange '(.*?)' in vhost/.exec(text)?.[1];
  if (exchange !== undefined) return (message) => ((message.exchange || DEFAULT_EXCHANGE) === exchange ? cause : undefined);
  const limit = Number(/larger than (?:configured )?max size (\d+)/.exec(text)?.[1]);
  if (limit > 0) return ({ content }) => (content.length > limit ? tooLarge(content.length, limit) : undefined);
  if (!alone) return () => undefined;
  if (cause.details.code === INTERNAL_ERROR) return (message) => (isReply(message) ? requesterGone(cause) : undefined);
  return (message) => refused(message, text, cause);
}

function refused(message: Outgoing, text: string, cause: ConnectorError): ConnectorError {
  return new ConnectorError("PUBLISH_REJECTED", `The broker refused the message to ${targetOf(message)}: ${text}`, { retryable: false, cause });
}

/** Whether it is the answer to a request that asked for it by direct reply-to. */
export function isReply({ exchange, routingKey }: Pick<Outgoing, "exchange" | "routingKey">): boolean {
  return exchange === "" && routingKey.startsWith(`${REPLY_TO}.`);
}

/** Whether the broker closed a channel over something that was published on it, and not because the connection went. */
export function isOverAMessage(cause: ConnectorError | undefined): cause is ConnectorError {
  return cause?.code === "EXCHANGE_UNAVAILABLE";
}

/** RabbitMQ 3.10.8 ends the whole connection over such an answer; sent again, it would do so for ever. */
function requesterGone(cause: ConnectorError): ConnectorError {
  const text = "The broker ended the connection over this answer: the node of the broker that its requester was connected to is gone, or never was";
  return new ConnectorError("PUBLISH_REJECTED", text, { retryable: false, cause });
}

function tooLarge(size: number, limit: number): ConnectorError {
  return new ConnectorError("PAYLOAD_TOO_LARGE", `The content has ${size} bytes; this broker takes ${limit} at most`);
}
