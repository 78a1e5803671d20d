import { randomUUID } from "node:crypto";
import { deflateSync, gzipSync } from "node:zlib";
import { ConnectorError, type ErrorCode } from "../../common/errors";
import { encode, encodeInSlices, type Encoded } from "../../format/format";
import type { FormatSettings } from "../../format/settings";
import type { HeaderTable } from "../client/headers";
import { isReply } from "../client/publish-faults";
import type { Outgoing } from "../client/publisher";
import type { Field, PropertyName } from "./fields";

/** How a message becomes one for the broker. */
export interface MessageBuilderOptions extends FormatSettings {
  exchange: Field<string>;
  routingKey: Field<string>;
  headers: Field<HeaderTable>;
  /** What is given of the properties; the others are as AMQP has them, or {@link messageBuilder}'s own. */
  properties: { name: PropertyName; value: Field<string | number | undefined> }[];
  persistent: boolean;
  mandatory: boolean;
}

/** A value of a message and where it belongs. */
interface Step {
  field: Field<unknown>;
  put(draft: Draft, value: unknown): void;
}

type Draft = Omit<Outgoing, "content">;

const NONE: unknown[] = [];

/**
 * Makes a builder. What is the same for every message is worked out here; the rest is evaluated for each message and kept nowhere, so
 * that no message gets another's routing key. Each message gets a `messageId` (UUID), a `timestamp` and the content type of its
 * format, unless one is given.
 *
 * @returns a function that gives a promise only when one of the values is one (JSONata, context) or the payload is a long list of rows, and throws ConnectorError
 *   INPUT_INVALID, HEADERS_INVALID, FORMAT_INVALID or PAYLOAD_TOO_LARGE
 * @throws ConnectorError NOT_CONFIGURED when no message could have a destination
 */
export function messageBuilder(config: MessageBuilderOptions): (msg: object) => Outgoing | Promise<Outgoing> {
  const base: Draft = { exchange: "", routingKey: "", options: { persistent: config.persistent, mandatory: config.mandatory } };
  const varying: Step[] = [];
  for (const step of stepsOf(config)) {
    if (step.field.fixed) step.put(base, step.field.fixed.value);
    else varying.push(step);
  }
  if (config.exchange.fixed && config.routingKey.fixed) checkDestination(base, "NOT_CONFIGURED");

  const build = (msg: object, values: unknown[]): Outgoing | Promise<Outgoing> => {
    const draft: Draft = { exchange: base.exchange, routingKey: base.routingKey, options: { ...base.options } };
    varying.forEach(({ field, put }, index) => put(draft, field.read(values[index])));
    checkDestination(draft, "INPUT_INVALID");
    const { payload } = msg as { payload?: unknown };
    const writing = encodeInSlices(payload, config.format, config.formatOptions);
    if (writing) return writing.then((encoded) => finish(draft, payload, encoded, config));
    return finish(draft, payload, encode(payload, config.format, config.formatOptions), config);
  };
  return (msg) => {
    if (varying.length === 0) return build(msg, NONE);
    const values = varying.map(({ field }) => field.evaluate(msg));
    if (!values.some((value) => value instanceof Promise)) return build(msg, values);
    return Promise.all(values).then((ready) => build(msg, ready));
  };
}

function stepsOf({ exchange, routingKey, headers, properties }: MessageBuilderOptions): Step[] {
  return [
    { field: exchange, put: (draft, value) => (draft.exchange = value as string) },
    { field: routingKey, put: (draft, value) => (draft.routingKey = value as string) },
    { field: headers, put: ({ options }, value) => (options.headers = value as HeaderTable) },
    ...properties.map(({ name, value: field }): Step => ({ field, put: ({ options }, value) => value !== undefined && (options[name] = value as never) })),
  ];
}

function checkDestination({ exchange, routingKey }: Draft, code: ErrorCode): void {
  if (exchange === "" && routingKey === "") throw new ConnectorError(code, "The routing key is empty: the default exchange needs the name of a queue there");
}

function finish({ exchange, routingKey, options }: Draft, payload: unknown, { content, contentType }: Encoded, { format }: FormatSettings): Outgoing {
  options.messageId ??= randomUUID();
  options.timestamp ??= Math.floor(Date.now() / 1000);
  options.contentType ??= contentType;
  // RabbitMQ 3.10.8 returns an answer it has delivered, and its delayed-message plugin what it keeps: being mandatory says nothing there
  if (options.mandatory && (isReply({ exchange, routingKey }) || isDelayed(exchange, options.headers as HeaderTable | undefined))) options.mandatory = false;
  // bytes are taken to be encoded already, as a queue gives them
  const given = payload instanceof Uint8Array && format !== "json";
  return { exchange, routingKey, content: given ? content : compress(content, options.contentEncoding as string | undefined), options };
}

/** Whether the plugin's exchange would keep the message for a while. One that has passed it says less than 0, and goes on at once. */
function isDelayed(exchange: string, headers: HeaderTable | undefined): boolean {
  const delay = headers?.["x-delay"];
  return exchange !== "" && typeof delay === "number" && delay > 0; // it heeds no text
}

function compress(content: Buffer, encoding: string | undefined): Buffer {
  switch (encoding?.toLowerCase()) {
    case "gzip":
      return gzipSync(content);
    case "deflate":
      return deflateSync(content);
    default:
      return content;
  }
}
