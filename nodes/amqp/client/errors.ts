import { ConnectorError, errorText, isConnectorError, type ErrorCode } from "../../common/errors";

/** Whether a failed connection may be mended by waiting (`network`) or needs a human (`refused`): the two are tried again at different speeds. */
export type Lane = "network" | "refused";

/** A connection error, told apart by what it takes to mend it. */
export interface ConnectionFailure {
  lane: Lane;
  /** A refusal that may pass by itself: a server that is starting refuses its virtual hosts. */
  mayPass: boolean;
  error: ConnectorError;
}

/** Node's codes for a certificate that was looked at and not accepted; what starts with CERT_ or ERR_TLS_CERT is told by its prefix. */
const CERTIFICATE_CODES = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "HOSTNAME_MISMATCH",
]);

/** The AMQP reply code of an amqplib error, from its `code` or out of the text of a failed handshake; `undefined` for network errors. */
export function replyCode(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === "number") return code;
  const found = /(?:server|closed): (\d{3})/.exec(errorText(error));
  return found?.[1] === undefined ? undefined : Number(found[1]);
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

/** Why a connection could not be made or was lost. `where` is host and port, never credentials. */
export function connectionFailure(cause: unknown, where: string, vhost: string): ConnectionFailure {
  const code = replyCode(cause);
  const text = brokerText(cause);
  const refuse = (why: string, mayPass = false): ConnectionFailure => {
    return { lane: "refused", mayPass, error: new ConnectorError("BROKER_REFUSED", why, { cause, details: { where, code } }) };
  };
  if (code === 403) return refuse(`${where} refused the user name or password: ${text}`);
  // amqplib 2.3.1 keeps the server's words to itself when it closes instead of opening the virtual host
  if (code === 530 || /Expected ConnectionOpenOk/.test(text)) {
    return refuse(`${where} refused the virtual host ${vhost}: it does not exist there, or the user may not use it`, true);
  }
  if (isCertificateError(cause)) return refuse(`The certificate of ${where} was not accepted: ${text}`);
  if (/SASL mechanism/.test(text)) return refuse(`${where}: ${text}`);
  const error = new ConnectorError("BROKER_UNAVAILABLE", `No connection to ${where}: ${text || "no answer"}`, { cause, details: { where, code } });
  return { lane: "network", mayPass: true, error };
}

function isCertificateError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return false;
  return code.startsWith("CERT_") || code.startsWith("ERR_TLS_CERT") || CERTIFICATE_CODES.has(code);
}

/**
 * Why a channel was closed or a declaration refused.
 *
 * @param kind what was asked for: decides the code of what is missing or refused (404, 403, 405, 406)
 */
export function channelError(cause: unknown, kind: "queue" | "exchange"): ConnectorError {
  if (isConnectorError(cause)) return cause;
  const replied = replyCode(cause);
  const unavailable: ErrorCode = kind === "queue" ? "QUEUE_UNAVAILABLE" : "EXCHANGE_UNAVAILABLE";
  const code: ErrorCode = replied !== undefined && [403, 404, 405, 406, 530, 540, 541].includes(replied) ? unavailable : "BROKER_UNAVAILABLE";
  return new ConnectorError(code, brokerText(cause), { cause, details: { code: replied } });
}
