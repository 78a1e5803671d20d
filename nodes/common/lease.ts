import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { systemClock, type Clock } from "./clock";
import { within } from "./deadline";
import { ConnectorError, errorText, toConnectorError } from "./errors";
import type { FencedValue, SharedStore } from "./store";

/** ms between two looks of a standby: so soon it notices a lease that was given back. */
const LOOK = 1000;
/** ms that closing waits for the store to take the lease back. If it takes longer, the lease runs out by itself. */
const GIVE_BACK = 3000;

/** This process as the holder of a lease, for people who look into the store. */
const HOLDER = `${hostname()} ${process.pid}`;

/** How a {@link Lease} is held. Times in ms. */
export interface LeaseOptions {
  store: SharedStore;
  /** The key it is kept under, the same for all who want the lease. */
  key: string;
  /** How long after its last sign of life a holder counts as alive. Default 30000. */
  time?: number;
  /** The lease is held from now on. The holder writes everything with this fence, which is higher than those of all earlier holders. */
  onHeld(fence: number): void;
  /** The lease is no longer held: without an error, another has it. It is tried for again by itself. Not called by {@link Lease.close}. */
  onLost(error?: ConnectorError): void;
  /** While the lease is not held, the store cannot be asked whose it is; without an error, it can be asked again. After {@link onLost} with an error this is not called first: the store cannot be asked then, either. */
  onTrouble?(error?: ConnectorError): void;
  /** Told once when a standby cannot look, and again only after it could. */
  warn(text: string): void;
  /** Default: the machine's. */
  clock?: Pick<Clock, "ticks">;
}

/** What is kept under the key. Its fence says how often the lease has changed hands. */
interface LeaseRecord {
  holder: string;
  /** Id of the {@link Lease} that holds it; "" once it was given back. */
  run: string;
  /** The holder's `time`. */
  time: number;
  /** Counts up with each sign of life. */
  beat: number;
}

/**
 * The right to do what only one of several processes may do, kept in a store they share.
 *
 * The holder writes a sign of life every third of `time`. It gives the lease up as lost two thirds of `time` after it began to write the last one that
 * was stored; a standby takes the lease when it has read no new one for the whole of `time`. So the holder stops before the standby begins,
 * whatever time of day their clocks show. A machine that was suspended may still go on for a moment: what it writes then is refused, for its fence is too low.
 */
export class Lease {
  private readonly time: number;
  private readonly clock: Pick<Clock, "ticks">;
  private readonly run = randomUUID();
  private held: { fence: number; beat: number; until: number } | undefined;
  /** The record that a standby has read last, and when it read it for the first time. */
  private seen: { text: string; since: number } | undefined;
  private step: Promise<void> | undefined;
  private next: NodeJS.Timeout | undefined;
  private expiry: NodeJS.Timeout | undefined;
  private trouble: ConnectorError | undefined;
  private closed = false;

  constructor(private readonly options: LeaseOptions) {
    this.time = options.time ?? 30_000;
    this.clock = options.clock ?? systemClock;
  }

  /** The fence while the lease is held, else `undefined`. Looks at the clock, for the timer that tells of the end may be late. */
  get fence(): number | undefined {
    return this.held && this.clock.ticks() < this.held.until ? this.held.fence : undefined;
  }

  /** Tries for the lease from now on, until {@link close}. */
  start(): void {
    this.goOn(0);
  }

  /** Gives the lease back, so that a standby takes over at once. To be called when everything is written. Takes 3 s at most and never rejects. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.next);
    const ended = (this.step ?? Promise.resolve()).then(() => this.giveBack());
    await within(ended, GIVE_BACK);
    clearTimeout(this.expiry);
    this.held = undefined;
  }

  private goOn(delay: number): void {
    this.next = setTimeout(() => {
      this.step = this.take().then((pause) => {
        this.step = undefined;
        if (!this.closed) this.goOn(pause);
      });
    }, delay);
  }

  /** Keeps the lease or tries for it. @returns when to do so again, in ms */
  private async take(): Promise<number> {
    const look = Math.min(LOOK, this.time / 3);
    if (this.held && this.fence === undefined) this.expire(); // the process was blocked, so its timer has not run yet
    const { held } = this;
    try {
      const done = await (held ? this.renew(held) : this.contend());
      const { trouble } = this;
      this.trouble = undefined;
      if (trouble && !this.held && !this.closed) this.options.onTrouble?.();
      if (!done) return look;
    } catch (thrown) {
      const error = toConnectorError(thrown, "STORE_UNAVAILABLE");
      if (!this.held && !this.trouble && !this.closed) {
        this.options.warn(`The lease ${this.options.key} cannot be tried for: ${error.message}`);
        this.options.onTrouble?.(error);
      }
      this.trouble = error;
      return look;
    }
    if (!held && this.held && !this.closed) this.options.onHeld(this.held.fence);
    return this.time / 3;
  }

  private async renew(held: NonNullable<Lease["held"]>): Promise<boolean> {
    const sent = this.clock.ticks();
    held.beat += 1;
    const kept = await this.options.store.swap(this.options.key, this.record(held.beat), held.fence, held.fence);
    if (this.held !== held) return false; // lost meanwhile
    if (kept) this.holdUntil(held, sent);
    else this.lose();
    return kept;
  }

  private async contend(): Promise<boolean> {
    const { store, key } = this.options;
    const asked = this.clock.ticks();
    const kept = await store.readFenced(key);
    if (this.closed || (kept && !this.isFree(kept, asked))) return false;
    const sent = this.clock.ticks();
    const fence = kept ? kept.fence + 1 : Date.now(); // higher than any before even if the record was lost while what was written with its fence is still there
    if (!(await store.swap(key, this.record(0), fence, kept?.fence))) return false;
    const held = { fence, beat: 0, until: 0 };
    this.holdUntil(held, sent);
    if (this.fence === undefined && !this.closed) this.held = undefined; // the answer took too long; our own record may be taken anew
    return this.held !== undefined;
  }

  /** Whether the lease may be taken. @param asked when the record was asked for */
  private isFree({ value, fence }: FencedValue, asked: number): boolean {
    const record = value as Partial<LeaseRecord> | null;
    if (record?.run === "" || record?.run === this.run) return true;
    const text = JSON.stringify([fence, value]);
    if (this.seen?.text !== text) this.seen = { text, since: this.clock.ticks() };
    return asked - this.seen.since >= Math.max(this.time, Number(record?.time) || 0);
  }

  /** @param sent when the sign of life began to be written */
  private holdUntil(held: NonNullable<Lease["held"]>, sent: number): void {
    held.until = sent + (this.time * 2) / 3;
    this.held = held;
    this.seen = undefined;
    clearTimeout(this.expiry);
    if (!this.closed) this.expiry = setTimeout(() => this.expire(), Math.max(0, held.until - this.clock.ticks()));
  }

  private expire(): void {
    this.trouble ??= new ConnectorError("STORE_UNAVAILABLE", `The lease ${this.options.key} was not renewed within ${(this.time * 2) / 3} ms`);
    this.lose(this.trouble);
  }

  private lose(error?: ConnectorError): void {
    clearTimeout(this.expiry);
    if (!this.held || this.closed) return;
    this.held = undefined;
    this.options.onLost(error);
  }

  private async giveBack(): Promise<void> {
    const { held } = this;
    if (!held) return;
    const { store, key, warn } = this.options;
    try {
      await store.swap(key, { ...this.record(held.beat), run: "" }, held.fence, held.fence);
    } catch (error) {
      warn(`The lease ${key} could not be given back, and runs out by itself: ${errorText(error)}`);
    }
  }

  private record(beat: number): LeaseRecord {
    return { holder: HOLDER, run: this.run, time: this.time, beat };
  }
}
