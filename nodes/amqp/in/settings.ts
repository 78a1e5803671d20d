import { textIn, withValue } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { oneOf } from "../../common/one-of";
import { wholeNumber } from "../../common/whole-number";
import { type PoisonDef, type PoisonSettings, readPoisonSettings } from "../../delivery/delivery-settings";
import type { QueueDeliverySettings } from "../client/consuming/queue-deliveries";
import { checkName, checkRetryQueues, type QueueDef, readArguments, readDelivery, readQueue } from "../client/queue-settings";
import type { BindingSpec, QueueType } from "../client/topology";
import type { StreamStart } from "./stream-reader";

/** What the editor saves. */
export interface InDef extends QueueDef, PoisonDef {
  /** Id of the node. Names the dead-letter queue of a temporary queue. */
  id?: string;
  bindings?: (Omit<BindingSpec, "arguments"> & { arguments?: Record<string, unknown> | string })[];
  prefetch?: number | string;
  singleActiveConsumer?: boolean;
  maxPriority?: number | string;
  consumerPriority?: number | string;
  consumerArguments?: Record<string, unknown> | string;
  streamOffset?: number | string;
}

/** Settings of an `amqp in`, normalised. Times in ms. */
export interface QueueSourceSettings extends QueueDeliverySettings, PoisonSettings {
  /** Id of the broker's config node. */
  broker: string;
  /** Name of the queue; "" for a temporary one. */
  queue: string;
  /** `declare`: what is missing is made; `existing`: nothing is made; `temporary`: the node has a queue of its own while it is connected. */
  declare: "declare" | "existing" | "temporary";
  queueType: QueueType;
  arguments: Record<string, unknown>;
  bindings: BindingSpec[];
  prefetch: number;
  consumerArguments: Record<string, unknown>;
  /** Where a stream is read from while no position is stored. */
  streamStart: StreamStart;
  deadLetterQueue: string;
}

const DECLARE = ["declare", "existing", "temporary"] as const;
const QUEUE_TYPES: readonly QueueType[] = ["quorum", "classic", "stream"];

/** The settings of an `amqp in`, with its defaults. @throws ConnectorError NOT_CONFIGURED */
export function readSettings(def: InDef): QueueSourceSettings {
  const declare = oneOf(def.declare, "If missing", DECLARE, "declare");
  const temporary = declare === "temporary";
  const queueType = temporary ? "classic" : oneOf(def.queueType, "Type", QUEUE_TYPES, "quorum");
  const queue = temporary ? temporaryQueue(def) : readQueue(def);
  const delivery = readDelivery(def);
  if (declare === "declare" && queueType !== "stream") checkRetryQueues(queue.queue, delivery);
  return {
    ...queue,
    ...delivery,
    broker: def.broker,
    declare,
    queueType,
    arguments: declare === "existing" ? {} : queueArguments(def, queueType),
    bindings: declare === "existing" ? [] : readBindings(def.bindings),
    // not 0, which means "no limit": a backlog of 150,000 messages has ended the process for lack of memory
    prefetch: wholeNumber(def.prefetch, "At once", { fallback: 400, min: 1, max: 65_535 }),
    consumerArguments: consumerArguments(def, queueType),
    streamStart: queueType === "stream" ? readStreamOffset(def.streamOffset) : "first",
    ...readPoisonSettings(def),
  };
}

/** The names for a temporary queue, which itself gets its name only when it is made. */
function temporaryQueue(def: InDef): { queue: string; deadLetterQueue: string } {
  const deadLetterQueue = textIn(def.deadLetterQueue) || `${def.id}.dlq`;
  checkName(deadLetterQueue, "name of the dead-letter queue");
  return { queue: "", deadLetterQueue };
}

/** Arguments to which RabbitMQ 4.3 answers by closing the connection, which all nodes share; with the values that are denied. */
const DENIED: Record<string, (value: unknown) => boolean> = {
  "x-queue-mode": () => true,
  "x-queue-version": (value) => value === 1,
  "x-queue-master-locator": () => true,
};

function queueArguments(def: InDef, type: QueueType): Record<string, unknown> {
  const given = readArguments(def.arguments);
  for (const [name, value] of Object.entries(given)) {
    if (DENIED[name]?.(value)) throw new ConnectorError("NOT_CONFIGURED", `RabbitMQ has given up the argument ${name}, and 4.3 closes the connection for it: leave it out`);
  }
  const other = given["x-queue-type"];
  if (other !== undefined && other !== type) throw new ConnectorError("NOT_CONFIGURED", `The argument x-queue-type says ${String(other)}: choose that as the type of the queue instead`);

  const own: Record<string, unknown> = {};
  // a temporary queue has one consumer anyway; a stream refuses the argument
  if (def.singleActiveConsumer && def.declare !== "temporary" && type !== "stream") own["x-single-active-consumer"] = true;
  // quorum queues have priorities without the argument from 4.0 on, and refused it before
  const priority = type === "classic" ? wholeNumber(def.maxPriority, "Priorities", { fallback: undefined, min: 1, max: 255 }) : undefined;
  if (priority !== undefined) own["x-max-priority"] = priority;
  return { ...own, ...given };
}

function consumerArguments(def: InDef, type: QueueType): Record<string, unknown> {
  const given = readArguments(def.consumerArguments, "the consumer");
  if ("x-stream-offset" in given) throw new ConnectorError("NOT_CONFIGURED", "Where a stream is read from has a field of its own: leave x-stream-offset out of the consumer's arguments");
  const priority = wholeNumber(def.consumerPriority, "Priority", { fallback: undefined, min: -2_147_483_648, max: 2_147_483_647 });
  return { ...(priority === undefined || type === "stream" ? {} : { "x-priority": priority }), ...given };
}

function readBindings(bindings: InDef["bindings"] = []): BindingSpec[] {
  return bindings
    .map((binding) => ({ ...binding, exchange: textIn(binding.exchange), routingKey: withValue(binding.routingKey) }))
    .filter(({ exchange }) => exchange !== "")
    .map((binding) => {
      checkName(binding.exchange, "name of the exchange");
      checkName(binding.routingKey, "routing key");
      return { ...binding, arguments: readArguments(binding.arguments, `the binding to ${binding.exchange}`) };
    });
}

/** From where a stream is read at first. Checked here, because RabbitMQ answers an unknown word by closing the connection (541). */
function readStreamOffset(value: number | string | undefined): StreamStart {
  const text = String(value ?? "").trim();
  if (text === "") return "first";
  if (text === "first" || text === "last" || text === "next") return text;
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && Date.parse(text) >= 0) return new Date(text);
  throw new ConnectorError("NOT_CONFIGURED", `A stream is read from first, last, next, an offset or a time such as 2026-01-31T12:00:00Z: ${text}`);
}
