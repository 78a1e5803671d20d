import { randomUUID } from "node:crypto";
import { ConnectorError } from "../../common/errors";
import type { TypedValue } from "../../common/typed-input";
import { encode, type Format } from "../../format/format";
import { sanitiseHeaders } from "../client/headers";
import type { Outgoing } from "../client/publisher";

/** How a message becomes one for the broker. */
export interface MessageBuilderOptions {
  exchange: TypedValue;
  routingKey: TypedValue;
  headers: TypedValue;
  format: Format;
  persistent: boolean;
  mandatory: boolean;
}

/** AMQP 0-9-1 writes names and routing keys with one byte for their length. */
const MAX_NAME = 255;

/**
 * Makes a builder. Everything is evaluated for each message and kept nowhere, so that no message gets another's routing key.
 *
 * @returns a function that gives a promise only when one of the values is one (JSONata, context), and throws ConnectorError
 *   INPUT_INVALID, HEADERS_INVALID, FORMAT_INVALID or PAYLOAD_TOO_LARGE
 */
export function messageBuilder(options: MessageBuilderOptions): (msg: object) => Outgoing | Promise<Outgoing> {
  return (msg) => {
    const values = [options.exchange(msg), options.routingKey(msg), options.headers(msg)] as const;
    if (!values.some((value) => value instanceof Promise)) return build(options, msg, ...values);
    return Promise.all(values).then(([exchange, routingKey, headers]) => build(options, msg, exchange, routingKey, headers));
  };
}

function build({ format, persistent, mandatory }: MessageBuilderOptions, msg: object, exchange: unknown, routingKey: unknown, headers: unknown): Outgoing {
  const { content, contentType } = encode((msg as { payload?: unknown }).payload, format);
  const target = nameOf(exchange, "exchange");
  const key = nameOf(routingKey, "routing key");
  if (target === "" && key === "") throw new ConnectorError("INPUT_INVALID", "The routing key is empty: the default exchange needs the name of a queue there");
  return {
    exchange: target,
    routingKey: key,
    content,
    options: {
      headers: sanitiseHeaders(headers),
      persistent,
      mandatory,
      contentType,
      messageId: randomUUID(),
      timestamp: Math.floor(Date.now() / 1000),
    },
  };
}

function nameOf(value: unknown, label: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string" && typeof value !== "number") throw new ConnectorError("INPUT_INVALID", `The ${label} is of type ${typeof value}, not text`);
  const name = String(value);
  if (Buffer.byteLength(name) > MAX_NAME) throw new ConnectorError("INPUT_INVALID", `The ${label} is longer than ${MAX_NAME} bytes`);
  return name;
}
