import { ConnectorError, errorText, isConnectorError, type ErrorCode } from "../../common/errors";

/** The AMQP reply code of an amqplib error, from its `code` or out of the text of a failed handshake; `undefined` for network errors. */
export function replyCode(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === "number") return code;
  const found = /(?:server|closed): (\d{3})/.exec(errorText(error));
  return found?.[1] === undefined ? undefined : Number(found[1]);
}

/** What to do where a connection has all the channels that the broker allows on it (`channel_max`, 2047 unless set otherwise). */
export const NO_CHANNEL_LEFT = "The broker allows no more channels on this connection (channel_max): have fewer nodes on this amqp broker, or a second amqp broker node for some of them";

/** Whether amqplib had no channel left to give. */
export function isOutOfChannels(error: unknown): boolean {
  if (isConnectorError(error)) return isOutOfChannels(error.cause);
  return errorText(error).includes("No channels left to allocate");
}

/** Whether the broker ends the whole connection with this, and not just the channel: 501 and above, all of them requests it does not stand for. */
export function endsConnection(error: unknown): boolean {
  return (replyCode(error) ?? 0) >= 501;
}

/** The part of an amqplib error that the broker wrote, e.g. `NOT_FOUND - no queue 'a' in vhost '/'`. */
export function brokerText(error: unknown): string {
  const text = errorText(error);
  return /with message "(.*)"$/s.exec(text)?.[1] ?? text;
}

/**
 * Why a channel was closed or a declaration refused.
 *
 * @param kind what was asked for: decides the code of what is missing or refused (404, 403, 405, 406)
 */
export function channelError(cause: unknown, kind: "queue" | "exchange"): ConnectorError {
  if (isConnectorError(cause)) return cause;
  if (isOutOfChannels(cause)) return new ConnectorError("BROKER_UNAVAILABLE", NO_CHANNEL_LEFT, { cause });
  const replied = replyCode(cause);
  const unavailable: ErrorCode = kind === "queue" ? "QUEUE_UNAVAILABLE" : "EXCHANGE_UNAVAILABLE";
  const code: ErrorCode = replied !== undefined && [403, 404, 405, 406, 530, 540, 541].includes(replied) ? unavailable : "BROKER_UNAVAILABLE";
  return new ConnectorError(code, brokerText(cause), { cause, details: { code: replied } });
}
