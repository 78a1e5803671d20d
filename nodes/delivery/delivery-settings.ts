import { oneOf } from "../common/one-of";
import { wholeNumber } from "../common/whole-number";
import type { SettleMode } from "./outcome";
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from "./retry-policy";

/** How a source settles, as the editor saves it. Numbers may be text, as they were typed or from an environment variable. Times in ms. */
export interface DeliveryDef {
  /** `flow`, `node` or `delivery`. */
  settle?: string;
  deadline?: number | string;
  retries?: number | string;
  retryDelay?: number | string;
  retryMaxDelay?: number | string;
}

/** What a source saves that watches for messages that end the process. */
export interface PoisonDef {
  poisonLimit?: number | string;
}

/** How a source watches for messages that end the process, ready for use. */
export interface PoisonSettings {
  /** A message that has ended the process so often becomes a dead letter. 0: never. */
  poisonLimit: number;
}

/** How a source settles, ready for use. Times in ms. */
export interface DeliverySettings extends RetryPolicy {
  /** Who settles. Default `flow`. */
  settle: SettleMode;
  /**
   * How long a delivery may stay open until it is tried again. Not counted is the time in which a node of ours waited for its system and, once half of the
   * deadline is over, the time in which it waits for its turn in a line. Default 1,500,000 (25 min, below RabbitMQ's consumer timeout of 30 min).
   */
  deadline: number;
}

const SETTLE_MODES: readonly SettleMode[] = ["flow", "node", "delivery"];

/** Reads how a source settles, with the defaults. @throws ConnectorError NOT_CONFIGURED */
export function readDeliverySettings(def: DeliveryDef): DeliverySettings {
  const { retries, retryDelay, retryMaxDelay } = DEFAULT_RETRY_POLICY;
  return {
    settle: oneOf(def.settle, "Settle", SETTLE_MODES, "flow"),
    deadline: wholeNumber(def.deadline, "Deadline", { fallback: 1_500_000, min: 1, max: 86_400_000 }),
    retries: wholeNumber(def.retries, "Retries", { fallback: retries, max: 50 }),
    retryDelay: wholeNumber(def.retryDelay, "First delay", { fallback: retryDelay, min: 1, max: 86_400_000 }),
    retryMaxDelay: wholeNumber(def.retryMaxDelay, "Max. delay", { fallback: retryMaxDelay, min: 1, max: 86_400_000 }),
  };
}

/** How often a message may end the process, with the default. @throws ConnectorError NOT_CONFIGURED */
export function readPoisonSettings(def: PoisonDef): PoisonSettings {
  return { poisonLimit: wholeNumber(def.poisonLimit, "Poison", { fallback: 3, max: 100 }) };
}
