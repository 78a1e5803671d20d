import { ConnectorError, type ErrorCode } from "../../../common/errors";
import { MAX_NAME } from "../headers/headers";

/**
 * Reads the name of an exchange or a routing key. Null and `undefined` are the empty name.
 *
 * @throws ConnectorError INPUT_INVALID when it is no text or number, or is too long
 */
export function nameOf(value: unknown, label: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string" || typeof value === "number") return shortText(String(value), label);
  throw new ConnectorError("INPUT_INVALID", `The ${label} is of type ${typeof value}, not text`);
}

/**
 * Checks the length of a short text. Half a character, as in a text that was cut, becomes U+FFFD here, as it would when it is sent: returned messages are recognised by
 * these texts.
 *
 * @throws ConnectorError INPUT_INVALID when it is longer than {@link MAX_NAME} bytes
 */
export function shortText(given: string, label: string): string {
  const text = given.toWellFormed();
  // each UTF-16 unit takes at most three bytes in UTF-8
  if (text.length * 3 > MAX_NAME && Buffer.byteLength(text) > MAX_NAME) throw new ConnectorError("INPUT_INVALID", `The ${label} is longer than ${MAX_NAME} bytes`);
  return text;
}

/** Checks that messages have somewhere to go. @throws ConnectorError with this code when both names are empty */
export function checkDestination({ exchange, routingKey }: { exchange: string; routingKey: string }, code: ErrorCode): void {
  if (exchange === "" && routingKey === "") throw new ConnectorError(code, "The routing key is empty: the default exchange needs the name of a queue there");
}
