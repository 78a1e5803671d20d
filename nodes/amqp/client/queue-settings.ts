import { textIn } from "../../common/environment";
import { ConnectorError, errorText } from "../../common/errors";
import { isPlain } from "../../common/is-plain";
import { type DeliveryDef, readDeliverySettings } from "../../delivery/delivery-settings";
import { retryDelays, type RetryPolicy } from "../../delivery/retry-policy";
import { readFormat, type FormatDef } from "../../format/settings";
import { MAX_NAME } from "./headers";
import type { QueueDeliverySettings } from "./queue-deliveries";
import { retryQueueName } from "./topology";

/** What the editor saves for every node that takes from a queue. */
export interface QueueDef extends FormatDef, DeliveryDef {
  broker: string;
  queue: string;
  declare?: string;
  queueType?: string;
  arguments?: Record<string, unknown> | string;
  deadLetterQueue?: string;
}

/** The queue's name and that of its dead letters, by default `<queue>.dlq`. @throws ConnectorError NOT_CONFIGURED without a queue, or when both are one */
export function readQueue(def: QueueDef): { queue: string; deadLetterQueue: string } {
  const queue = textIn(def.queue);
  if (!queue) throw new ConnectorError("NOT_CONFIGURED", "No queue is given");
  checkName(queue, "name of the queue");
  const deadLetterQueue = textIn(def.deadLetterQueue) || `${queue}.dlq`;
  checkName(deadLetterQueue, "name of the dead-letter queue");
  if (deadLetterQueue === queue) throw new ConnectorError("NOT_CONFIGURED", `The dead-letter queue is the queue itself: what fails would come back at once, without end. Give it another name`);
  return { queue, deadLetterQueue };
}

/** @param what it is, in words @throws ConnectorError NOT_CONFIGURED when it is too long */
export function checkName(name: string, what: string): void {
  if (Buffer.byteLength(name) > MAX_NAME) throw new ConnectorError("NOT_CONFIGURED", `The ${what} is longer than ${MAX_NAME} bytes: ${name.slice(0, 40)}…`);
}

/** That the delay queues of a queue can have names. @throws ConnectorError NOT_CONFIGURED */
export function checkRetryQueues(queue: string, policy: RetryPolicy): void {
  for (const delay of retryDelays(policy)) checkName(retryQueueName(queue, delay), "name of the delay queue, which begins with that of the queue,");
}

/** How messages are handed over and settled, with the defaults. @throws ConnectorError NOT_CONFIGURED */
export function readDelivery(def: QueueDef): QueueDeliverySettings {
  return { ...readFormat(def), ...readDeliverySettings(def) };
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
  if (!isPlain(parsed)) throw new ConnectorError("NOT_CONFIGURED", `The arguments of ${what} must be a JSON object`);
  return parsed;
}
