import { Batcher } from "../../common/batcher";
import { ConnectorError, toConnectorError } from "../../common/errors";
import { Arrivals } from "./arrivals";
import { claimOf, deliveryClosed } from "../claim";
import { flowTracker } from "../tracker/flow-tracker";
import { Knock } from "./knock";
import { flowStopped, waitedTooLong } from "../outcome";
import { Patience } from "../patience";
import { RetriesInPlace } from "./retries-in-place";
import { SinkEntry } from "./sink-entry";
import type { ItemResult, SinkOptions } from "./sink-options";

export type { ItemResult, SinkOptions, SinkState } from "./sink-options";

/**
 * Stores messages, for all nodes of ours that write: gathers them into batches, settles each message by its own result, and keeps what it has while its
 * system is away.
 */
export class Sink<V, R> {
  private readonly batcher: Batcher<SinkEntry<V, R>>;
  private readonly knock: Knock;
  private readonly patience: Patience<SinkEntry<V, R>> | undefined;
  private readonly retries: RetriesInPlace<SinkEntry<V, R>>;
  /** Entries that are being written. */
  private readonly writing = new Set<SinkEntry<V, R>>();
  /** Why the system takes nothing at present; `undefined` when it does. */
  private down: ConnectorError | undefined;
  /** The system itself has said that it takes nothing: {@link suspend}. */
  private suspended = false;
  /** How many messages were taken and are not done. */
  private messages = 0;
  private closed = false;
  /** While it is being closed: called when no message is left. */
  private idle: (() => void) | undefined;
  private readonly arrivals = new Arrivals();
  /** With more messages than this while the system is away, {@link tidy} looks for those that come again anyway. */
  private tidyAbove = 0;

  constructor(private readonly options: SinkOptions<V, R>) {
    this.knock = new Knock(options.untilReady);
    const { maxWait: limit, retriesInPlace } = options;
    this.retries = new RetriesInPlace<SinkEntry<V, R>>((entry) => {
      if (this.down) entry.hold(this.down);
      entry.claim?.lineUp();
      this.batcher.again(entry);
    }, retriesInPlace);
    if (limit) this.patience = new Patience({ limit, busy: (entry) => this.writing.has(entry), onOver: (entries) => this.giveUp(entries, limit) });
    this.batcher = new Batcher<SinkEntry<V, R>>({
      size: options.batchSize,
      linger: options.linger,
      concurrency: options.concurrency ?? 1,
      ...(options.key ? { key: (entry: SinkEntry<V, R>) => entry.key } : {}),
      flush: (entries) => flowTracker.outside(() => this.flush(entries)),
    });
  }

  /**
   * Takes a message. Must be called in the input handler, before anything is awaited.
   *
   * @param value what is to be stored; a rejection fails the message with `INPUT_INVALID`
   * @param done Node-RED's; called once, when the value is stored or cannot be
   * @param stored called when the value is stored, before `done`: sends the message on
   */
  take(msg: object, value: V | Promise<V>, done: (error?: Error) => void, stored: (result: R) => void): void {
    const claim = claimOf(msg);
    if (claim?.closed) {
      if (value instanceof Promise) value.catch(() => undefined);
      this.options.warn(deliveryClosed().toString());
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
    const entry = new SinkEntry<V, R>(value as V, claim, done, stored, this.patience);
    if (value instanceof Promise || this.arrivals.waiting) this.arrive(entry, value);
    else this.enter(entry);
  }

  /**
   * The system has said that it takes nothing at present: messages are kept without a try. Writes that are running go on.
   *
   * @param error why, or `undefined` when the system takes messages again
   */
  suspend(error: ConnectorError | undefined): void {
    const before = this.suspended;
    this.suspended = error !== undefined;
    if (!error) return before ? this.up() : undefined;
    this.goDown(error);
    for (const entry of this.writing) entry.hold(error);
    this.tell();
  }

  /** Nothing else will come soon: writes what is gathered without waiting for more. */
  go(): void {
    this.arrivals.after(() => this.batcher.go());
  }

  /** Goes on storing what it has for up to `timeout` ms, then gives the rest back. While the system is away, it gives back at once. */
  async close(timeout = 8000): Promise<void> {
    this.closed = true;
    if (this.down) this.giveBack();
    if (this.messages > 0) await this.finish(timeout);
    this.patience?.close();
  }

  private finish(timeout: number): Promise<void> {
    this.batcher.hurry();
    return new Promise((resolve) => {
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

  private arrive(entry: SinkEntry<V, R>, value: V | Promise<V>): void {
    this.arrivals.add(
      value,
      (ready) => {
        entry.value = ready;
        this.enter(entry);
      },
      (error) => {
        this.leave();
        entry.done(toConnectorError(error, "INPUT_INVALID"));
      },
    );
  }

  private enter(entry: SinkEntry<V, R>): void {
    if (this.closed && this.down) return this.fail(entry, flowStopped());
    try {
      entry.key = this.options.key?.(entry.value);
    } catch (error) {
      return this.fail(entry, toConnectorError(error, "INPUT_INVALID"));
    }
    if (this.down) entry.hold(this.down);
    entry.claim?.lineUp();
    this.batcher.add(entry);
    if (this.down && this.messages > this.tidyAbove) this.tidy();
    if (this.messages === 1) this.tell();
  }

  private async flush(entries: SinkEntry<V, R>[]): Promise<void> {
    let open = this.withoutClosed(entries);
    while (open.length > 0) {
      const results = await this.write(open);
      const away = results.find(isAway)?.error;
      if (!away) this.up();
      const left: SinkEntry<V, R>[] = [];
      open.forEach((entry, index) => (isAway(results[index]) ? left.push(entry) : this.settle(entry, results[index])));
      if (!away) return this.tell();
      for (const entry of left) entry.hold(away);
      if (!this.suspended) this.goDown(away);
      this.tell();
      if (this.closed) this.giveBack();
      else await this.knock.wait(away);
      open = this.withoutClosed(left);
      if (this.closed) {
        for (const entry of open) this.fail(entry, flowStopped());
        return;
      }
      if (open.length > 0) open.push(...this.withoutClosed(this.batcher.company(entries, open.length))); // all that are left may be at fault, while what waits behind them is not
    }
    this.up(); // no entry is left to try the system for those that wait, so the next of them does
  }

  /** Writes entries. @returns a result for each; of a write that rejects, the same for all */
  private async write(entries: SinkEntry<V, R>[]): Promise<ItemResult<R>[]> {
    for (const entry of entries) {
      entry.claim?.leaveLine();
      this.writing.add(entry);
    }
    try {
      return (await this.options.write(entries.map((entry) => entry.value))) ?? [];
    } catch (thrown) {
      const error = toConnectorError(thrown);
      return entries.map(() => ({ ok: false, error }));
    } finally {
      for (const entry of entries) this.writing.delete(entry);
    }
  }

  private settle(entry: SinkEntry<V, R>, result: ItemResult<R> | undefined): void {
    if (!result) return this.fail(entry, new ConnectorError("FLOW_ERROR", "The write gave no result for this message"));
    if (result.ok) {
      entry.release();
      entry.claim?.safe();
      this.leave();
      this.batcher.finish(entry);
      entry.pass(result.value);
      return;
    }
    const { error } = result;
    if (error.scope !== "message" || !error.retryable || this.closed || !this.retries.add(entry)) return this.fail(entry, error);
    entry.release(); // its system has answered, so it no longer waits for that
  }

  private fail(entry: SinkEntry<V, R>, error: ConnectorError): void {
    entry.release();
    entry.claim?.leaveLine();
    this.leave();
    this.batcher.finish(entry);
    entry.done(error);
  }

  private withoutClosed(entries: SinkEntry<V, R>[]): SinkEntry<V, R>[] {
    return entries.filter((entry) => {
      if (entry.over) this.batcher.finish(entry);
      if (entry.over) return false;
      if (!entry.claim?.closed) return true;
      this.leave();
      this.batcher.finish(entry);
      entry.done();
      return false;
    });
  }

  /** Drops messages whose deliveries are closed: a broker takes back what is unanswered for half an hour and gives it out again, so in an outage of days each would be here many times. */
  private tidy(): void {
    const closed = new Set<SinkEntry<V, R>>();
    for (const entry of this.batcher.items()) if (entry.claim?.closed) closed.add(entry);
    this.batcher.remove(closed);
    for (const entry of closed) {
      this.leave();
      entry.done();
    }
    this.tidyAbove = Math.max(1_000, 2 * this.messages);
  }

  /** The system takes nothing from now on. @param error why; it may be another reason than before, when a system is back and refuses us */
  private goDown(error: ConnectorError): void {
    const { down } = this;
    this.down = error;
    if (down) return;
    this.batcher.pause();
    for (const entry of this.batcher.items()) entry.hold(error);
  }

  private up(): void {
    if (!this.down || this.suspended) return;
    this.down = undefined;
    this.tidyAbove = 0;
    this.knock.end(); // the other batches need not wait longer
    this.knock.reset();
    for (const entry of this.batcher.items()) entry.release();
    this.batcher.resume();
    this.tell();
  }

  /** Fails entries that have waited as long as they may. */
  private giveUp(entries: SinkEntry<V, R>[], limit: number): void {
    this.batcher.remove(new Set(entries));
    for (const entry of entries) {
      entry.over = true;
      this.leave();
      entry.done(waitedTooLong(this.down, limit));
    }
    this.tell();
  }

  /** Gives back all entries that are not being written. */
  private giveBack(): void {
    for (const entry of [...this.retries.clear(), ...this.batcher.clear()]) this.fail(entry, flowStopped());
    this.knock.end();
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

/** Whether the system was away for this value, so that it is kept, whatever became of the others of its batch. */
function isAway<R>(result: ItemResult<R> | undefined): result is { ok: false; error: ConnectorError } {
  return result?.ok === false && result.error.scope === "system";
}
