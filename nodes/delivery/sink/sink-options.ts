import type { ConnectorError } from "../../common/errors";

/** What became of one value of a batch. */
export type ItemResult<R> = { ok: true; value: R } | { ok: false; error: ConnectorError };

/** What a sink is doing, for its status. */
export interface SinkState {
  /** `waiting`: for its system, see `error`. */
  kind: "idle" | "writing" | "waiting";
  /** How many messages it has, being written or not. */
  messages: number;
  /** Why it waits. */
  error?: ConnectorError;
}

/** What a `Sink` is made with. */
export interface SinkOptions<V, R> {
  /** How many values are written at once at most. */
  batchSize: number;
  /** How long the first value of a batch waits for others, in ms; 0 means until the end of this turn of the event loop. */
  linger: number;
  /** How many writes may run at the same time, as a number or as a function that is asked each time. Default 1. */
  concurrency?: number | (() => number);
  /** With so many messages, those that belong to no delivery are refused with `OVERLOADED`; the number of others is bounded by their sources. Default 10000. */
  maxWaiting?: number;
  /**
   * How many ms a message that belongs to no delivery waits for a system that is away, before it fails with the system's error. Messages of deliveries wait
   * for ever, since their sources pause. Default: for ever.
   */
  maxWait?: number;
  /** Values with equal keys keep their order: no two of them are in one write, or in two writes at the same time. */
  key?: (value: V) => string | undefined;
  /**
   * Stores a batch. Resolves with one result for each value, in order; a rejection counts as the result of every value. Values with an error of scope
   * `system` are kept and written again when the system is back, while their sources pause. All others are settled.
   */
  write: (values: V[]) => Promise<ItemResult<R>[]>;
  /** Awaited before a write is tried again after an error of scope `system`. Default: a back-off from 1 to 60 s. */
  untilReady?: (error: ConnectorError) => Promise<void>;
  /** Told when the state has changed: once for each write, not for each message. */
  onState?: (state: SinkState) => void;
  /** Warns the user of a message that came too late for its delivery. */
  warn: (text: string) => void;
  /** How often a value is written again in place, after 50, 100, 200 … ms, when it has failed with a retryable error of scope `message`. Default 3. */
  retriesInPlace?: number;
}
