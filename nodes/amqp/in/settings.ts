import { wholeNumber } from "../../common/whole-number";
import { oneOf, readArguments, readDelivery, readQueue, type QueueDef } from "../client/queue-settings";
import type { BindingSpec, QueueType } from "../client/topology";
import type { QueueSourceSettings } from "./queue-source";

/** What the editor saves. */
export interface InDef extends QueueDef {
  bindings?: BindingSpec[];
  prefetch?: number | string;
  poisonLimit?: number | string;
}

const QUEUE_TYPES: readonly QueueType[] = ["quorum", "classic", "stream"];

/** The settings of an `amqp in`, with its defaults. @throws ConnectorError NOT_CONFIGURED */
export function readSettings(def: InDef): QueueSourceSettings {
  return {
    ...readQueue(def),
    ...readDelivery(def),
    declare: def.declare === "existing" ? "existing" : "declare",
    queueType: oneOf(def.queueType, QUEUE_TYPES, "quorum"),
    arguments: readArguments(def.arguments),
    bindings: (def.bindings ?? []).filter(({ exchange }) => Boolean(exchange)),
    // 0 would mean "no limit": a backlog of 150,000 then ended in memory
    prefetch: Math.min(65_535, wholeNumber(def.prefetch, 400, 1)),
    poisonLimit: wholeNumber(def.poisonLimit, 3),
  };
}
