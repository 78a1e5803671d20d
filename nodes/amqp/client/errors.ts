import { ConnectorError, errorText, isConnectorError, type ErrorCode } from "../../common/errors";

/** Returns the AMQP reply code of an amqplib error, from its `code` or from the text of a failed handshake; `undefined` for network errors. */
export function replyCode(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === "number") return code;
  const found = /(?:server|closed): (\d{3})/.exec(errorText(error));
  return found?.[1] === undefined ? undefined : Number(found[1]);
}

/** The text for a connection that has all the channels that the broker allows on it (`channel_max`, 2047 unless set otherwise). */
export const NO_CHANNEL_LEFT = "The broker allows no more channels on this connection (channel_max): have fewer nodes on this amqp broker, or a second amqp broker node for some of them";

/** Whether the reason of an error is that amqplib had no channel number left. */
export function isOutOfChannels(error: unknown): boolean {
  if (isConnectorError(error)) return isOutOfChannels(error.cause);
  return errorText(error).includes("No channels left to allocate");
}

/** Whether the broker ends the whole connection with this error, not only the channel: with reply codes from 501 on, which are for requests it does not accept at all. */
export function endsConnection(error: unknown): boolean {
  return (replyCode(error) ?? 0) >= 501;
}

/** Returns the part of an amqplib error's text that the broker wrote, such as `NOT_FOUND - no queue 'a' in vhost '/'`; the whole text if there is no such part. */
export function brokerText(error: unknown): string {
  const text = errorText(error);
  return /with message "(.*)"$/s.exec(text)?.[1] ?? text;
}

/**
 * Returns the error for a channel that was closed or a declaration that was refused.
 *
 * @param kind what the request was about. Decides whether a refusal (403, 404, 405, 406, 530, 540, 541) becomes QUEUE_UNAVAILABLE or EXCHANGE_UNAVAILABLE
 */
export function channelError(cause: unknown, kind: "queue" | "exchange"): ConnectorError {
  if (isConnectorError(cause)) return cause;
  if (isOutOfChannels(cause)) return new ConnectorError("BROKER_UNAVAILABLE", NO_CHANNEL_LEFT, { cause });
  const replied = replyCode(cause);
  const unavailable: ErrorCode = kind === "queue" ? "QUEUE_UNAVAILABLE" : "EXCHANGE_UNAVAILABLE";
  const code: ErrorCode = replied !== undefined && [403, 404, 405, 406, 530, 540, 541].includes(replied) ? unavailable : "BROKER_UNAVAILABLE";
  return new ConnectorError(code, brokerText(cause), { cause, details: { code: replied } });
}
