import { randomUUID } from "node:crypto";
import { types } from "node:util";
import { deflateSync, gzipSync } from "node:zlib";
import { whenAllReady } from "../../common/typed-input";
import { encode, encodeInSlices, type Encoded } from "../../format/format";
import type { FormatSettings } from "../../format/settings";
import type { HeaderTable } from "../client/headers/headers";
import { checkDestination } from "../client/publishing/destination";
import { isReply } from "../client/publishing/publish-faults";
import type { Outgoing } from "../client/publishing/publisher";
import type { Field, PropertyName } from "./fields";

/** How a message of the flow becomes a message for the broker. */
export interface MessageBuilderOptions extends FormatSettings {
  exchange: Field<string>;
  routingKey: Field<string>;
  headers: Field<HeaderTable>;
  /** The properties that the user has set. {@link messageBuilder} sets a few others. */
  properties: { name: PropertyName; value: Field<string | number | undefined> }[];
  persistent: boolean;
  mandatory: boolean;
}

/** A field that is evaluated for each message, and how its value is put into the draft. */
interface Step {
  field: Field<unknown>;
  put(draft: Draft, value: unknown): void;
}

type Draft = Omit<Outgoing, "content">;

const NONE: unknown[] = [];

/**
 * Makes a builder. Values that are the same for every message are evaluated here, the others for each message. Each message gets a `messageId` (UUID), a `timestamp` and
 * the content type of its format, unless one is given.
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

  const build = (msg: object, values: readonly unknown[]): Outgoing | Promise<Outgoing> => {
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
    return whenAllReady(varying.map(({ field }) => field.evaluate(msg)), (values) => build(msg, values));
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

function finish({ exchange, routingKey, options }: Draft, payload: unknown, { content, contentType }: Encoded, { format }: FormatSettings): Outgoing {
  options.messageId ??= randomUUID();
  options.timestamp ??= Math.floor(Date.now() / 1000);
  options.contentType ??= contentType;
  // RabbitMQ 3.10.8 returns mandatory answers although they are delivered, and mandatory messages that its delayed-message plugin keeps
  if (options.mandatory && (isReply({ exchange, routingKey }) || isDelayed(exchange, options.headers as HeaderTable | undefined))) options.mandatory = false;
  // a buffer counts as compressed already, as it comes from a queue
  const given = types.isUint8Array(payload) && format !== "json";
  return { exchange, routingKey, content: given ? content : compress(content, options.contentEncoding as string | undefined), options };
}

/** Whether the plugin's exchange would keep the message for a while. In one that has passed it before, the delay is negative, and it goes on at once. */
function isDelayed(exchange: string, headers: HeaderTable | undefined): boolean {
  const delay = headers?.["x-delay"];
  return exchange !== "" && typeof delay === "number" && delay > 0; // the plugin ignores a delay that is text
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
