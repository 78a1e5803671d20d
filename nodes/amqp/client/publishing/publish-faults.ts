import { ConnectorError, errorText } from "../../../common/errors";
import { brokerText } from "../errors";
import type { Outgoing } from "./publisher";

/** The pseudo-queue for the answers of direct reply-to. The answering side sees this name followed by a dot and the destination. */
export const REPLY_TO = "amq.rabbitmq.reply-to";
/** The name that the broker uses for the exchange "" in errors about permissions. */
const DEFAULT_EXCHANGE = "amq.default";
/** The reply code for an internal error. It ends the connection, whichever channel was the reason. */
const INTERNAL_ERROR = 541;

/** Returns the error for a message that was not sent. */
export function unavailable(text: string): ConnectorError {
  return new ConnectorError("BROKER_UNAVAILABLE", text);
}

/** Returns the error for a message that cannot be sent because the broker reads nothing from publishers, for instance because it is short of memory. */
export function blockedFor(reason: string): ConnectorError {
  return unavailable(`The broker blocks publishing: ${reason}`);
}

/** Returns the error for a message for which amqplib has thrown before it wrote a byte: it cannot be encoded, or the channel is closing. */
export function encodingError(error: unknown): ConnectorError {
  const text = errorText(error);
  if ((error as Error | null)?.name === "IllegalOperationError") return unavailable(text);
  return new ConnectorError("HEADERS_INVALID", `The message's headers or properties cannot be sent: ${text}`, { cause: error });
}

/** Returns the error for a message that its sender has given up before it could be sent. */
export function unwanted(): ConnectorError {
  return unavailable("The message is not to be sent any more");
}

/** Returns the error for headers and properties that are too large. @param room bytes that the frame with them may have */
export function headersTooLarge(room: number): ConnectorError {
  return new ConnectorError("HEADERS_INVALID", `The headers and properties do not fit into a frame: this broker takes ${room} bytes (frame_max)`);
}

/** Returns the error for a message without a confirm whose successors were confirmed. @param ms by how much later than it they were sent */
export function overtaken(message: Outgoing, ms: number): ConnectorError {
  const text = `The broker did not confirm the message to ${targetOf(message)}, though it confirmed what was sent ${ms} ms later`;
  return new ConnectorError("PUBLISH_UNCONFIRMED", text, { scope: "message" });
}

/** Returns the destination of a message, in words. */
export function targetOf({ exchange, routingKey }: Outgoing): string {
  return exchange === "" ? `queue ${routingKey}` : `exchange ${exchange} with routing key ${routingKey}`;
}

/**
 * Finds the message over which the broker has closed a channel, as far as its text tells. For all others it is uncertain whether they arrived.
 *
 * @param cause why the channel was closed, if the broker gave a reason
 * @param alone whether only one message was on its way, which then is the one
 * @returns a function that returns the error of a message that is the reason, and `undefined` for any other
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

/** Whether a message is the answer to a request that uses direct reply-to. */
export function isReply({ exchange, routingKey }: Pick<Outgoing, "exchange" | "routingKey">): boolean {
  return exchange === "" && routingKey.startsWith(`${REPLY_TO}.`);
}

/** Whether the broker closed a channel because of a message that was published on it, and not because the connection was lost. */
export function isOverAMessage(cause: ConnectorError | undefined): cause is ConnectorError {
  return cause?.code === "EXCHANGE_UNAVAILABLE";
}

/** Returns the error for an answer whose requester is gone. RabbitMQ 3.10.8 ends the whole connection over it, so it must not be sent again. */
function requesterGone(cause: ConnectorError): ConnectorError {
  const text = "The broker ended the connection over this answer: the node of the broker that its requester was connected to is gone, or never was";
  return new ConnectorError("PUBLISH_REJECTED", text, { retryable: false, cause });
}

function tooLarge(size: number, limit: number): ConnectorError {
  return new ConnectorError("PAYLOAD_TOO_LARGE", `The content has ${size} bytes; this broker takes ${limit} at most`);
}
