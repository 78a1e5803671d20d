import type { ConnectorError } from "../common/errors";

/** What became of one value of a batch. */
export type ItemResult<R> = { ok: true; value: R } | { ok: false; error: ConnectorError };

/** What a sink is doing, for its status. */
export interface SinkState {
  /** `waiting`: for its system, see `error`. */
  kind: "idle" | "writing" | "waiting";
  /** Messages it has, written or not. */
  messages: number;
  /** Why it waits. */
  error?: ConnectorError;
}

/** What a sink brings to `Sink`. */
export interface SinkOptions<V, R> {
  /** Most values in one write. */
  batchSize: number;
  /** How long the first value of a batch waits for company, in ms; 0 for the end of the turn. */
  linger: number;
  /** Most writes at once, or what gives it at present. Default 1. */
  concurrency?: number | (() => number);
  /** Most messages it takes before it refuses, with `OVERLOADED`, those of no delivery; how many come of deliveries their sources bound. Default 10000. */
  maxWaiting?: number;
  /**
   * ms that a message of no delivery waits for a system that is away; then it fails with the system's error. Those of deliveries wait
   * without end, for their sources pause. Default: without end.
   */
  maxWait?: number;
  /** Values with equal keys are never in two writes at once, nor twice in one, and keep their order. */
  key?: (value: V) => string | undefined;
  /**
   * Stores a batch. One result per value, in order. A rejection is the result of every value. Values with a system error are
   * held and written again when the system is back, while their sources pause; the others are settled.
   */
  write: (values: V[]) => Promise<ItemResult<R>[]>;
  /** Awaited before a write is tried again after a system error. Default: back-off from 1 to 60 s. */
  untilReady?: (error: ConnectorError) => Promise<void>;
  /** The state changed: once a write, not once a message. */
  onState?: (state: SinkState) => void;
  /** Tells the user that a message came too late for its delivery. */
  warn: (text: string) => void;
  /** How often a message error that a retry can help is tried again on the spot, after 50, 100, 200 … ms. Default 3. */
  retriesInPlace?: number;
}
