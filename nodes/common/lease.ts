import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { systemClock, type Clock } from "./clock";
import { within } from "./deadline";
import { ConnectorError, errorText, toConnectorError } from "./errors";
import type { FencedValue, SharedStore } from "./store";

/** A standby looks for a lease that was given back so often, in ms. */
const LOOK = 1000;
/** Closing waits so long for the store to take the lease back, in ms; after that it runs out by itself. */
const GIVE_BACK = 3000;

/** Who holds a lease, as people find it in the store: this process. */
export const LEASE_HOLDER = `${hostname()} ${process.pid}`;

/** How a {@link Lease} is held. Times in ms. */
export interface LeaseOptions {
  store: SharedStore;
  /** Where it is kept: the same for all who want it. */
  key: string;
  /** Who holds it, for people who look into the store. Need not be unique. */
  holder: string;
  /** How long after its last sign of life a holder that is gone is waited for. Default 30000. */
  time?: number;
  /** The lease is held now. The fence goes with all that the holder writes; it is higher than any before. */
  onHeld(fence: number): void;
  /** It is held no longer; without an error another has it. Not called by {@link Lease.close}. The lease is tried for again by itself. */
  onLost(error?: ConnectorError): void;
  /** While it is not held: the store cannot be asked whose it is; without an error it can again. It cannot, either, after a loss with an error. */
  onTrouble?(error?: ConnectorError): void;
  /** Told once that a standby cannot look, until it could. */
  warn(text: string): void;
  /** Default: the machine's. */
  clock?: Pick<Clock, "ticks">;
}

/** What is kept under the key. Its fence says how often the lease has changed hands. */
interface LeaseRecord {
  holder: string;
  /** Of one {@link Lease}, blank once it was given back. */
  run: string;
  /** The holder's `time`. */
  time: number;
  /** Another with each sign of life. */
  beat: number;
}

/**
 * The right to do what only one of several processes may do, kept in a store they share.
 *
 * The holder shows a sign of life every third of `time`. By two thirds without one it counts the lease as lost, from when it began to write the
 * last; a standby takes it when it has seen none for the whole of it, from when it read the last. So the one stops before the other begins,
 * whatever their clocks show – as long as both clocks run: a machine that was suspended may go on for a moment, and then its fence is too low.
 */
export class Lease {
  private readonly time: number;
  private readonly clock: Pick<Clock, "ticks">;
  private readonly run = randomUUID();
  private held: { fence: number; beat: number; until: number } | undefined;
  /** What a standby saw last, and when it saw it first. */
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

  /** The fence while the lease is held, by the clock and not only by what timers have told. */
  get fence(): number | undefined {
    return this.held && this.clock.ticks() < this.held.until ? this.held.fence : undefined;
  }

  /** Begins to try for the lease, until {@link close}. */
  start(): void {
    this.goOn(0);
  }

  /** Gives the lease back, so that a standby takes over at once: to be called when all is written. Bounded; never rejects. */
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
    if (this.held && this.fence === undefined) this.expire(); // the process stood still, and the timer is late, too
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
    const fence = kept ? kept.fence + 1 : Date.now(); // higher than before also when the record was lost, and what was written with it is still there
    if (!(await store.swap(key, this.record(0), fence, kept?.fence))) return false;
    const held = { fence, beat: 0, until: 0 };
    this.holdUntil(held, sent);
    if (this.fence === undefined && !this.closed) this.held = undefined; // the answer took too long; our own record is free to be taken anew
    return this.held !== undefined;
  }

  /** Whether the lease may be taken, from what was read when it was `asked` for. */
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
    return { holder: this.options.holder, run: this.run, time: this.time, beat };
  }
}
