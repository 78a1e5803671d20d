import { ConnectorError } from "../../common/errors";
import { oneOf } from "../../common/one-of";
import type { TypedValue } from "../../common/typed-input";
import { wholeNumber } from "../../common/whole-number";
import type { Format } from "../../format/format";
import { readFormat, readFormatName, type FormatDef, type FormatSettings } from "../../format/settings";
import { sanitiseHeaders } from "../client/headers/headers";
import { withoutMarks } from "../client/consuming/retry-and-dead-letter";
import { nameOf } from "../client/publishing/destination";
import { field, PROPERTIES, propertyOf, type Field, type PropertyName } from "./fields";
import type { MessageBuilderOptions } from "./message-builder";

/** The configuration that the editor saves. Numbers may be texts, when they come from environment variables. */
export interface OutDef extends FormatDef {
  broker: string;
  /** Blank, as in older flows: the exchange; a queue if the exchange is blank, too. */
  destination?: string;
  /** Blank: the default exchange, for which the routing key is the name of a queue. */
  exchange?: string;
  exchangeType?: string;
  /** The type with which a missing exchange is declared. Default `topic`. */
  exchangeKind?: string;
  declare?: "declare" | "existing";
  routingKey?: string;
  routingKeyType?: string;
  headers?: string;
  headersType?: string;
  properties?: { property: string; value: string; valueType: string }[];
  persistent?: boolean;
  mandatory?: boolean;
  /** ms */
  confirmTimeout?: number | string;
  /** ms that a message which belongs to no delivery waits while the broker is away. */
  maxWait?: number | string;
  /** Most messages that may wait. */
  maxWaiting?: number | string;
  /** Whether to wait for an answer to each message. */
  request?: boolean;
  /** ms */
  requestTimeout?: number | string;
  replyFormat?: string;
}

/** The settings of an `amqp out`, checked and with defaults. Times in ms. */
export interface OutSettings {
  build: MessageBuilderOptions;
  /** The type with which a missing exchange is declared. `undefined`: none is declared. */
  declareAs: string | undefined;
  /** Whether all messages go to the same exchange. */
  fixedExchange: boolean;
  /** Whether all messages go to the same queue, by the default exchange. False when the node waits for answers. */
  fixedQueue: boolean;
  confirmTimeout: number;
  maxWait: number;
  maxWaiting: number;
  request: ({ timeout: number } & FormatSettings) | undefined;
}

/**
 * Reads the saved configuration.
 *
 * @param compile prepares a typed input; `label` is its name in errors
 * @throws ConnectorError NOT_CONFIGURED when a setting, or a value that is the same for every message, is not valid
 */
export function readSettings(def: OutDef, compile: (value: string, type: string, label: string) => TypedValue): OutSettings {
  const { routingKeyType = "str", headersType = "json" } = def;
  const exchange = readExchange(def, compile);
  const routingKey = field(compile(def.routingKey ?? "", routingKeyType, "routing key"), routingKeyType, (value) => nameOf(value, "routing key"));
  const replyFormat: Format | undefined = def.request ? readFormatName(def.replyFormat, "Answer") : undefined;
  const { format, formatOptions } = readFormat(def, ...(replyFormat ? [replyFormat] : []));
  const headers = def.headers ? compile(def.headers, headersType, "headers") : () => undefined;
  return {
    build: {
      exchange,
      routingKey,
      headers: field(headers, def.headers ? headersType : "json", (value) => withoutMarks(sanitiseHeaders(value))),
      properties: (def.properties ?? []).map(({ property, value, valueType }) => {
        if (!isProperty(property)) throw new ConnectorError("NOT_CONFIGURED", `There is no property ${property} to set`);
        const given = compile(value, valueType, `property ${property}`);
        return { name: property, value: field(given, valueType, (raw) => propertyOf(property, raw)) };
      }),
      format,
      formatOptions,
      persistent: def.persistent !== false,
      mandatory: def.mandatory !== false,
    },
    declareAs: def.declare === "existing" ? undefined : def.exchangeKind || "topic",
    fixedExchange: exchange.fixed !== undefined,
    // a requester needs to know at once that nobody will answer
    fixedQueue: exchange.fixed?.value === "" && routingKey.fixed !== undefined && !replyFormat,
    confirmTimeout: wholeNumber(def.confirmTimeout, "Confirm in", { fallback: 15_000, min: 1, max: 600_000 }),
    maxWait: wholeNumber(def.maxWait, "Wait for", { fallback: 60_000, min: 1, max: 86_400_000 }),
    maxWaiting: wholeNumber(def.maxWaiting, "At most", { fallback: 10_000, min: 1, max: 1_000_000 }),
    request: replyFormat ? { timeout: wholeNumber(def.requestTimeout, "Answer in", { fallback: 30_000, min: 1, max: 86_400_000 }), format: replyFormat, formatOptions } : undefined,
  };
}

function readExchange({ destination, exchange: name = "", exchangeType = "str" }: OutDef, compile: (value: string, type: string, label: string) => TypedValue): Field<string> {
  const chosen = destination && oneOf(destination, "Send to", ["queue", "exchange"], "queue");
  if (chosen === "queue") return field(() => "", "str", String);
  const exchange = field(compile(name, exchangeType, "exchange"), exchangeType, (value) => {
    if (name && (value === undefined || value === null)) throw new ConnectorError("INPUT_INVALID", "The message does not say the exchange");
    return nameOf(value, "exchange");
  });
  // with a blank name, messages would go by the default exchange to the queue that is named like their routing key
  if (chosen === "exchange" && exchange.fixed?.value.trim() === "") throw new ConnectorError("NOT_CONFIGURED", "The exchange has no name: enter one, or send to a queue");
  return exchange;
}

function isProperty(name: string): name is PropertyName {
  return Object.hasOwn(PROPERTIES, name);
}
