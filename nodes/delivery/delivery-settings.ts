import { oneOf } from "../common/one-of";
import { wholeNumber } from "../common/whole-number";
import type { SettleMode } from "./outcome";
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from "./retry-policy";

/** What the editor saves of how a source settles. Numbers come as text when they were typed or stand in the environment. Times in ms. */
export interface DeliveryDef {
  /** `flow`, `node` or `delivery`. */
  settle?: string;
  deadline?: number | string;
  retries?: number | string;
  retryDelay?: number | string;
  retryMaxDelay?: number | string;
}

/** How what a source takes is handed to the flow and settled. Times in ms. */
export interface DeliverySettings extends RetryPolicy {
  /** Who settles. Default `flow`. */
  settle: SettleMode;
  /**
   * How long a delivery may stay open until it is tried again, not counting the time a sink held it for its system, nor, when half of it is over, what it
   * waits for its turn in a line of a node of ours. Default 1,500,000 (25 min: under RabbitMQ's 30 min consumer timeout).
   */
  deadline: number;
}

const SETTLE_MODES: readonly SettleMode[] = ["flow", "node", "delivery"];

/** How a source settles, with the defaults. @throws ConnectorError NOT_CONFIGURED */
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
