import { textIn } from "../../common/environment";
import { ConnectorError, errorText } from "../../common/errors";
import { isPlain } from "../../common/is-plain";
import { type DeliveryDef, readDeliverySettings } from "../../delivery/delivery-settings";
import { retryDelays, type RetryPolicy } from "../../delivery/retry-policy";
import { readFormat, type FormatDef } from "../../format/settings";
import { MAX_NAME } from "./headers/headers";
import type { QueueDeliverySettings } from "./consuming/queue-deliveries";
import { retryQueueName } from "./topology";

/** The configuration that the editor saves for every node that takes messages from a queue. */
export interface QueueDef extends FormatDef, DeliveryDef {
  broker: string;
  queue: string;
  declare?: string;
  queueType?: string;
  arguments?: Record<string, unknown> | string;
  deadLetterQueue?: string;
}

/**
 * Reads the names of the queue and of its dead-letter queue, by default `<queue>.dlq`.
 *
 * @throws ConnectorError NOT_CONFIGURED when there is no queue, when a name is too long, or when both names are the same
 */
export function readQueue(def: QueueDef): { queue: string; deadLetterQueue: string } {
  const queue = textIn(def.queue);
  if (!queue) throw new ConnectorError("NOT_CONFIGURED", "No queue is given");
  checkName(queue, "name of the queue");
  const deadLetterQueue = textIn(def.deadLetterQueue) || `${queue}.dlq`;
  checkName(deadLetterQueue, "name of the dead-letter queue");
  if (deadLetterQueue === queue) throw new ConnectorError("NOT_CONFIGURED", `The dead-letter queue is the queue itself: what fails would come back at once, without end. Give it another name`);
  return { queue, deadLetterQueue };
}

/** Checks the length of a name. @param what the thing with this name, for the error @throws ConnectorError NOT_CONFIGURED when it is longer than {@link MAX_NAME} */
export function checkName(name: string, what: string): void {
  if (Buffer.byteLength(name) > MAX_NAME) throw new ConnectorError("NOT_CONFIGURED", `The ${what} is longer than ${MAX_NAME} bytes: ${name.slice(0, 40)}…`);
}

/** Checks that the names of a queue's delay queues are not too long. @throws ConnectorError NOT_CONFIGURED if one is */
export function checkRetryQueues(queue: string, policy: RetryPolicy): void {
  for (const delay of retryDelays(policy)) checkName(retryQueueName(queue, delay), "name of the delay queue, which begins with that of the queue,");
}

/** Reads how messages are decoded, handed over and settled, and fills in the defaults. @throws ConnectorError NOT_CONFIGURED when a value is invalid */
export function readDelivery(def: QueueDef): QueueDeliverySettings {
  return { ...readFormat(def), ...readDeliverySettings(def) };
}

/** Reads the arguments of a queue, an object or its JSON. @param what their owner, for the error @throws ConnectorError NOT_CONFIGURED when they are no object */
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
