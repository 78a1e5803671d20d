import { ConnectorError, errorText } from "../../common/errors";
import { oneOf } from "../../common/one-of";
import { wholeNumber } from "../../common/whole-number";
import type { SettleMode } from "../../delivery/outcome";
import { readFormat, type FormatDef } from "../../format/settings";
import type { DeliverySettings } from "./queue-deliveries";

/** What the editor saves for every node that takes from a queue. Numbers come as text when they were typed or stand in the environment. Times in ms. */
export interface QueueDef extends FormatDef {
  broker: string;
  queue: string;
  declare?: string;
  queueType?: string;
  arguments?: Record<string, unknown> | string;
  settle?: string;
  deadline?: number | string;
  retries?: number | string;
  retryDelay?: number | string;
  retryMaxDelay?: number | string;
  deadLetterQueue?: string;
}

const SETTLE_MODES: readonly SettleMode[] = ["flow", "node", "delivery"];

/** The queue's name and that of its dead letters, by default `<queue>.dlq`. @throws ConnectorError NOT_CONFIGURED without a queue */
export function readQueue(def: QueueDef): { queue: string; deadLetterQueue: string } {
  const queue = nameIn(def.queue);
  if (!queue) throw new ConnectorError("NOT_CONFIGURED", "No queue is given");
  return { queue, deadLetterQueue: nameIn(def.deadLetterQueue) || `${queue}.dlq` };
}

/** A name as it was typed, without the blanks around it; the environment of a group or subflow may give a number. */
export function nameIn(value: string | number | undefined): string {
  return String(value ?? "").trim();
}

/** How messages are handed over and settled, with the defaults. @throws ConnectorError NOT_CONFIGURED */
export function readDelivery(def: QueueDef): DeliverySettings {
  return {
    ...readFormat(def),
    settle: oneOf(def.settle, SETTLE_MODES, "flow"),
    deadline: wholeNumber(def.deadline, 1_500_000, 1),
    retries: wholeNumber(def.retries, 5),
    retryDelay: wholeNumber(def.retryDelay, 1_000, 1),
    retryMaxDelay: wholeNumber(def.retryMaxDelay, 300_000, 1),
  };
}

/** Arguments of a queue, or of what `what` says, from an object or its JSON. @throws ConnectorError NOT_CONFIGURED */
export function readArguments(value: QueueDef["arguments"], what = "the queue"): Record<string, unknown> {
  if (value === undefined || value === "") return {};
  let parsed: unknown = value;
  if (typeof value === "string") {
    try {
      parsed = JSON.parse(value);
    } catch (error) {
      throw new ConnectorError("NOT_CONFIGURED", `The arguments of ${what} are not JSON: ${errorText(error)}`, { cause: error });
    }
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new ConnectorError("NOT_CONFIGURED", `The arguments of ${what} must be a JSON object`);
  }
  return parsed as Record<string, unknown>;
}
