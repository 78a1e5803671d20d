import { BackOff } from "../common/back-off";
import { Batcher } from "../common/batcher";
import { ConnectorError, toConnectorError } from "../common/errors";
import { claimOf, type Claim } from "./claim";
import { flowTracker } from "./flow-tracker";

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

/** What a sink brings to {@link Sink}. */
export interface SinkOptions<V, R> {
  /** Most values in one write. */
  batchSize: number;
  /** How long the first value of a batch waits for company, in ms; 0 for the end of the turn. */
  linger: number;
  /** Most writes at once. Default 1. */
  concurrency?: number;
  /** Most messages it takes before it refuses, with `OVERLOADED`, those of no delivery; how many come of deliveries their sources bound. Default 10000. */
  maxWaiting?: number;
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

interface Entry<V, R> {
  value: V;
  key: string | undefined;
  claim: Claim | undefined;
  done: (error?: Error) => void;
  stored: (result: R) => void;
  tries: number;
  held: boolean;
}

const RETRY_IN_PLACE_DELAY = 50;

/** Between two tries of a write, however ready its system says it is: nothing may spin. Caps in ms. */
const SPIN = { initial: 2, max: 1000 };

/**
 * The one way a message is stored by a node of ours: gathers messages into batches, settles each by its own result, and holds
 * what it has while its system is away.
 */
export class Sink<V, R> {
  private readonly batcher: Batcher<Entry<V, R>>;
  private readonly backOff: BackOff;
  private readonly retryTimers = new Map<Entry<V, R>, NodeJS.Timeout>();
  private down: ConnectorError | undefined;
  private messages = 0;
  private closed = false;
  /** Ends the waits of batches for their system. */
  private readonly waits = new Set<() => void>();
  private idle: (() => void) | undefined;
  /** Messages whose value is still being evaluated go in one after the other. */
  private arrivals: Promise<void> | undefined;

  constructor(private readonly options: SinkOptions<V, R>) {
    this.backOff = options.untilReady ? new BackOff(SPIN) : new BackOff();
    this.batcher = new Batcher<Entry<V, R>>({
      size: options.batchSize,
      linger: options.linger,
      concurrency: options.concurrency ?? 1,
      ...(options.key ? { key: (entry: Entry<V, R>) => entry.key } : {}),
      flush: (entries) => flowTracker.outside(() => this.flush(entries)),
    });
  }

  /**
   * Takes a message in: to be called in the input handler, before anything else is awaited.
   *
   * @param value what is to be stored; a rejection fails the message with `INPUT_INVALID`
   * @param done Node-RED's; called once, when the value is stored or cannot be
   * @param stored called before `done()` when the value is stored: pass the message on here
   */
  take(msg: object, value: V | Promise<V>, done: (error?: Error) => void, stored: (result: R) => void): void {
    const claim = claimOf(msg);
    if (claim?.closed) {
      if (value instanceof Promise) value.catch(() => undefined);
      this.options.warn("DELIVERY_CLOSED: the message came after its delivery was settled, and is dropped: its copy comes or has come");
      done();
      return;
    }
    const { maxWaiting = 10_000 } = this.options;
    if (!claim && this.messages >= maxWaiting) {
      if (value instanceof Promise) value.catch(() => undefined);
      done(new ConnectorError("OVERLOADED", `More than ${maxWaiting} messages wait to be stored`));
      return;
    }
    this.messages += 1;
    const entry = { key: undefined, claim, done, stored, tries: 0, held: false };
    if (value instanceof Promise || this.arrivals) this.arrive(entry, value);
    else this.enter({ ...entry, value });
  }

  /** Lets what it has be stored for up to `timeout` ms, and gives the rest back. */
  async close(timeout = 8000): Promise<void> {
    this.closed = true;
    if (this.down) this.giveBack();
    if (this.messages === 0) return;
    this.batcher.hurry();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.idle = undefined;
        this.giveBack();
        resolve();
      }, timeout);
      this.idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private arrive(entry: Omit<Entry<V, R>, "value">, value: V | Promise<V>): void {
    if (value instanceof Promise) value.catch(() => undefined); // it is looked at only when those before it are through
    const turn = (this.arrivals ?? Promise.resolve())
      .then(() => value)
      .then(
        (ready) => this.enter({ ...entry, value: ready }),
        (error: unknown) => {
          this.leave();
          entry.done(toConnectorError(error, "INPUT_INVALID"));
        },
      )
      .finally(() => {
        if (this.arrivals === turn) this.arrivals = undefined;
      });
    this.arrivals = turn;
  }

  private enter(entry: Entry<V, R>): void {
    if (this.closed && this.down) return this.fail(entry, stopped());
    try {
      entry.key = this.options.key?.(entry.value);
    } catch (error) {
      return this.fail(entry, toConnectorError(error, "INPUT_INVALID"));
    }
    if (this.down) this.hold(entry, this.down);
    this.batcher.add(entry);
    if (this.messages === 1) this.tell();
  }

  private async flush(entries: Entry<V, R>[]): Promise<void> {
    let open = this.withoutClosed(entries);
    while (open.length > 0) {
      const results = await this.write(open.map((entry) => entry.value));
      const away = results.find(isAway)?.error;
      if (!away) this.up();
      const left: Entry<V, R>[] = [];
      open.forEach((entry, index) => (isAway(results[index]) ? left.push(entry) : this.settle(entry, results[index])));
      if (!away) return this.tell();
      for (const entry of left) this.hold(entry, away);
      await this.wait(away);
      if (this.closed) {
        for (const entry of left) this.fail(entry, stopped());
        return;
      }
      open = this.withoutClosed(left);
    }
    this.up(); // nobody is left to knock for those who wait: the next of them finds out
  }

  /** The results of a write; a rejection is the result of each value. */
  private async write(values: V[]): Promise<ItemResult<R>[]> {
    try {
      return (await this.options.write(values)) ?? [];
    } catch (thrown) {
      const error = toConnectorError(thrown);
      return values.map(() => ({ ok: false, error }));
    }
  }

  private settle(entry: Entry<V, R>, result: ItemResult<R> | undefined): void {
    if (!result) return this.fail(entry, new ConnectorError("FLOW_ERROR", "The write gave no result for this message"));
    if (result.ok) {
      this.release(entry);
      entry.claim?.safe();
      this.leave();
      this.batcher.finish(entry);
      this.pass(entry, result.value);
      return;
    }
    const { error } = result;
    const { retriesInPlace = 3 } = this.options;
    if (error.scope === "message" && error.retryable && entry.tries < retriesInPlace && !this.closed) this.retry(entry);
    else this.fail(entry, error);
  }

  private pass(entry: Entry<V, R>, result: R): void {
    try {
      entry.stored(result);
    } catch (error) {
      entry.done(toConnectorError(error));
      return;
    }
    entry.done();
  }

  private retry(entry: Entry<V, R>): void {
    const timer = setTimeout(() => {
      this.retryTimers.delete(entry);
      if (this.down) this.hold(entry, this.down);
      this.batcher.again(entry);
    }, RETRY_IN_PLACE_DELAY * 2 ** entry.tries);
    entry.tries += 1;
    this.retryTimers.set(entry, timer);
  }

  private fail(entry: Entry<V, R>, error: ConnectorError): void {
    this.release(entry);
    this.leave();
    this.batcher.finish(entry);
    entry.done(error);
  }

  private withoutClosed(entries: Entry<V, R>[]): Entry<V, R>[] {
    return entries.filter((entry) => {
      if (!entry.claim?.closed) return true;
      this.leave();
      this.batcher.finish(entry);
      entry.done();
      return false;
    });
  }

  private async wait(error: ConnectorError): Promise<void> {
    if (!this.down) {
      this.down = error;
      this.batcher.pause();
      for (const entry of this.batcher.items()) this.hold(entry, error);
    }
    this.tell();
    if (this.closed) return this.giveBack();
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.waits.delete(end);
        resolve();
      };
      let open = 2;
      const one = (): void => {
        open -= 1;
        if (open === 0) end();
      };
      const timer = setTimeout(one, this.backOff.next());
      this.waits.add(end);
      void this.ready(error).then(one);
    });
  }

  private async ready(error: ConnectorError): Promise<void> {
    try {
      await this.options.untilReady?.(error);
    } catch {
      // the next try will tell
    }
  }

  private up(): void {
    if (!this.down) return;
    this.down = undefined;
    for (const end of this.waits) end(); // the other batches need not wait longer
    this.backOff.reset();
    for (const entry of this.batcher.items()) this.release(entry);
    this.batcher.resume();
  }

  /** Everything that is not in the hands of a write goes back to where it came from. */
  private giveBack(): void {
    for (const timer of this.retryTimers.values()) clearTimeout(timer);
    const left = [...this.retryTimers.keys(), ...this.batcher.clear()];
    this.retryTimers.clear();
    for (const entry of left) this.fail(entry, stopped());
    for (const end of this.waits) end();
  }

  private hold(entry: Entry<V, R>, error: ConnectorError): void {
    if (entry.held) return;
    entry.held = true;
    entry.claim?.hold(error.message);
  }

  private release(entry: Entry<V, R>): void {
    if (!entry.held) return;
    entry.held = false;
    entry.claim?.resume();
  }

  private leave(): void {
    this.messages -= 1;
    if (this.messages > 0) return;
    this.idle?.();
    this.tell();
  }

  private tell(): void {
    if (this.down) this.options.onState?.({ kind: "waiting", messages: this.messages, error: this.down });
    else this.options.onState?.({ kind: this.messages > 0 ? "writing" : "idle", messages: this.messages });
  }
}

/** Whether the system was away for this value: it waits, however the others of its batch fared. */
function isAway<R>(result: ItemResult<R> | undefined): result is { ok: false; error: ConnectorError } {
  return result?.ok === false && result.error.scope === "system";
}

function stopped(): ConnectorError {
  return new ConnectorError("FLOW_STOPPED", "The flow was stopped before the message was stored; it is given back");
}
