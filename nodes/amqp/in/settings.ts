import { ConnectorError, errorText } from "../../common/errors";
import { wholeNumber } from "../../common/whole-number";
import type { SettleMode } from "../../delivery/outcome";
import type { Format } from "../../format/format";
import type { BindingSpec, QueueType } from "../client/topology";
import type { QueueSourceSettings } from "./queue-source";

/** What the editor saves. Numbers come as text when they were typed or stand in the environment. Times in ms. */
export interface InDef {
  broker: string;
  queue: string;
  declare?: string;
  queueType?: string;
  arguments?: Record<string, unknown> | string;
  bindings?: BindingSpec[];
  prefetch?: number | string;
  format?: string;
  settle?: string;
  deadline?: number | string;
  retries?: number | string;
  retryDelay?: number | string;
  retryMaxDelay?: number | string;
  deadLetterQueue?: string;
  poisonLimit?: number | string;
}

const FORMATS: readonly Format[] = ["auto", "json", "text", "buffer"];
const SETTLE_MODES: readonly SettleMode[] = ["flow", "node", "delivery"];
const QUEUE_TYPES: readonly QueueType[] = ["quorum", "classic", "stream"];

/** The settings of an `amqp in`, with its defaults. @throws ConnectorError NOT_CONFIGURED */
export function readSettings(def: InDef): QueueSourceSettings {
  const queue = def.queue?.trim();
  if (!queue) throw new ConnectorError("NOT_CONFIGURED", "No queue is given");
  return {
    queue,
    declare: def.declare === "existing" ? "existing" : "declare",
    queueType: oneOf(def.queueType, QUEUE_TYPES, "quorum"),
    arguments: readArguments(def.arguments),
    bindings: (def.bindings ?? []).filter(({ exchange }) => Boolean(exchange)),
    // 0 would mean "no limit": a backlog of 150,000 then ended in memory
    prefetch: Math.min(65_535, wholeNumber(def.prefetch, 400, 1)),
    format: oneOf(def.format, FORMATS, "auto"),
    settle: oneOf(def.settle, SETTLE_MODES, "flow"),
    deadline: wholeNumber(def.deadline, 1_500_000, 1),
    retries: wholeNumber(def.retries, 5),
    retryDelay: wholeNumber(def.retryDelay, 1_000, 1),
    retryMaxDelay: wholeNumber(def.retryMaxDelay, 300_000, 1),
    deadLetterQueue: def.deadLetterQueue?.trim() || `${queue}.dlq`,
    poisonLimit: wholeNumber(def.poisonLimit, 3),
  };
}

/** One of the words of a choice; its default when blank. @throws ConnectorError NOT_CONFIGURED for any other */
export function oneOf<T extends string>(value: string | undefined, words: readonly T[], fallback: T): T {
  if (value === undefined || value === "") return fallback;
  if ((words as readonly string[]).includes(value)) return value as T;
  throw new ConnectorError("NOT_CONFIGURED", `${value} is none of ${words.join(", ")}`);
}

function readArguments(value: InDef["arguments"]): Record<string, unknown> {
  if (value === undefined || value === "") return {};
  let parsed: unknown = value;
  if (typeof value === "string") {
    try {
      parsed = JSON.parse(value);
    } catch (error) {
      throw new ConnectorError("NOT_CONFIGURED", `The queue's arguments are not JSON: ${errorText(error)}`, { cause: error });
    }
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new ConnectorError("NOT_CONFIGURED", "The queue's arguments must be a JSON object");
  }
  return parsed as Record<string, unknown>;
}
