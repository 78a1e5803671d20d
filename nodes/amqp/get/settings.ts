import { ConnectorError } from "../../common/errors";
import { oneOf } from "../../common/one-of";
import { wholeNumber } from "../../common/whole-number";
import type { QueueDeliverySettings } from "../client/consuming/queue-deliveries";
import { checkRetryQueues, readArguments, readDelivery, readQueue, type QueueDef } from "../client/queue-settings";
import type { QueueType } from "../client/topology";

/** What the editor saves. */
export interface GetDef extends QueueDef {
  /** How many messages a trigger takes at most, or where to find it, according to `countType`. */
  count?: number | string;
  /** Default `num`. */
  countType?: string;
}

/** Settings of an `amqp get`, normalised, without its count. Times in ms. */
export interface GetSettings extends QueueDeliverySettings {
  queue: string;
  /** `declare`: queues that are missing are made; `existing`: nothing is made. */
  declare: "declare" | "existing";
  queueType: QueueType;
  arguments: Record<string, unknown>;
  deadLetterQueue: string;
}

/** How many messages a trigger can ask for. */
const MOST = 10_000;

/** Not `stream`: the broker answers a get on a stream by closing the connection. */
const QUEUE_TYPES: readonly QueueType[] = ["quorum", "classic"];

/** The settings of an `amqp get`, with its defaults. @throws ConnectorError NOT_CONFIGURED */
export function readSettings(def: GetDef): GetSettings {
  const queue = readQueue(def);
  const delivery = readDelivery(def);
  const declare = oneOf(def.declare, "If missing", ["declare", "existing"], "declare");
  if (declare === "declare") checkRetryQueues(queue.queue, delivery);
  return {
    ...queue,
    ...delivery,
    declare,
    queueType: oneOf(def.queueType, "Type", QUEUE_TYPES, "quorum"),
    arguments: readArguments(def.arguments),
  };
}

/** Reads the count of a trigger. @throws ConnectorError INPUT_INVALID unless it is a whole number from 1 to 10,000, or the text of one */
export function readCount(value: unknown): number {
  const count = typeof value === "number" || typeof value === "string" ? Number(value) : 0;
  if (Number.isInteger(count) && count >= 1 && count <= MOST) return count;
  const shown = typeof value === "object" && value !== null ? "an object" : String(value);
  throw new ConnectorError("INPUT_INVALID", `How many messages to take must be a whole number from 1 to ${MOST}, not ${shown}`);
}

/** Reads a count that is the same for all triggers of a node. Default 1. @throws ConnectorError NOT_CONFIGURED */
export function readFixedCount(value: number | string | undefined): number {
  return wholeNumber(value, "Take", { fallback: 1, min: 1, max: MOST });
}
