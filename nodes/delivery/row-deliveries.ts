import { within } from "../common/deadline";
import type { ConnectorError } from "../common/errors";
import type { Delivery } from "./delivery";
import type { DeliverySettings } from "./delivery-settings";
import { flowTracker } from "./flow-tracker";
import { flowStopped, type NodeName, type Settlement } from "./outcome";
import { PoisonWatch, type PoisonWatchOptions } from "./poison-watch";
import type { Room } from "./room";
import type { TrackedRuntime } from "./runtime";
import { DeliverySource } from "./source";

/** Why a parcel failed. */
export interface Failure {
  error: ConnectorError;
  /** Where, when a node is to blame. */
  node?: NodeName;
  attempts: number;
  /** Wants to know when the flow behind the dead letters has finished with it. */
  buried?(): void;
}

/** Rows that are handed to the flow as one message, and what becomes of them. Told exactly once, by one of the last three. */
export interface Parcel {
  /** How many rows. */
  readonly size: number;
  /** Which output it goes to, from 0. */
  readonly output: number;
  /** The message, made anew for each attempt: the flow may have changed the last one. */
  message(): object;
  /** What it is known by when it is read again. Absent: it is not asked whether it ends the process. */
  fingerprint?(): string;
  /** The flow has finished with it. */
  accepted(): void;
  /** It can never work, or its attempts are used up. */
  failed(failure: Failure): void;
  /** This node is stopped: nobody has worked on it. */
  released(error: ConnectorError): void;
}

/** What {@link RowDeliveries} needs. */
export interface RowDeliveriesOptions {
  settings: DeliverySettings;
  node: NodeName;
  runtime: TrackedRuntime;
  room: Room;
  send(output: number, message: object): void;
  /** Whether what is put out there goes anywhere: into nothing, it would count as finished. */
  isWired(output: number): boolean;
  /** A sink waits for its system: hand over no more. */
  onHold(reason: string): void;
  onResume(): void;
  warn(text: string): void;
  /** Where marks are kept of what ends the process; absent: nobody looks for that. What waits for its trial as this closes is told nothing, and is read again. */
  poison?: Pick<PoisonWatchOptions<Parcel>, "store" | "key">;
}

/** ms between two looks whether a node is wired again, for what must be sent. */
const REWIRED = 500;
/** So often a parcel may end the process. */
const MOST_ENDS = 3;
/** ms that a store may take to note the end: one that says nothing must not hold up a deploy. */
const LAST_WRITE = 3_000;

interface Wait {
  timer: NodeJS.Timeout;
  again: () => void;
  /** Not for an attempt of its own, but for the end of the source's pause. */
  released: boolean;
}

/** Hands parcels to the flow, each as a delivery, and again after a delay as long as its attempts last: the system it was read from keeps no retries for us. */
export class RowDeliveries {
  private readonly source: DeliverySource<Parcel>;
  /** Parcels that wait in the process for their next turn. */
  private readonly waiting = new Map<Parcel, Wait>();
  private readonly poison: PoisonWatch<Parcel> | undefined;
  private closed = false;

  constructor(private readonly options: RowDeliveriesOptions) {
    const { settings, node, runtime } = options;
    this.source = new DeliverySource<Parcel>({
      ...settings,
      id: node.id,
      runtime,
      onSettle: ({ taken }, settlement) => this.settled(taken, settlement),
      onHold: (reason) => {
        this.poison?.pause();
        options.onHold(reason);
      },
      onResume: () => {
        this.poison?.resume();
        for (const { again, released } of [...this.waiting.values()]) if (released) again();
        options.onResume();
      },
      warn: options.warn,
    });
    this.poison = options.poison && this.poisonWatch(options.poison);
  }

  /** How many parcels are not settled for good. */
  get parcels(): number {
    return this.source.openCount + this.waiting.size;
  }

  /** Whether it is that of a parcel. */
  isOf(delivery: Delivery): boolean {
    return delivery.isOf(this.source);
  }

  /** To be awaited before the first parcel is handed over. */
  async begin(): Promise<void> {
    await this.poison?.begin();
  }

  /** Hands a parcel over for the first time. */
  hand(parcel: Parcel): void {
    this.options.room.take(parcel.size);
    if (this.poison && parcel.fingerprint) this.poison.take(parcel);
    else this.send(parcel, 1);
  }

  /** Nobody need work on these any more: what still waits in a line of a node of ours is dropped there. */
  withdraw(parcels: Iterable<Parcel>, error: ConnectorError): void {
    const all = new Set(parcels);
    if (all.size === 0) return; // a trigger that is several deliveries hears of the end of each
    for (const parcel of all) this.forget(parcel); // first: to close others may end a pause, and what waits for that would go out once more
    this.source.invalidate(({ taken }) => all.has(taken));
    for (const parcel of all) this.release(parcel, error);
  }

  /** Those that wait for another attempt get none. */
  recall(parcels: Iterable<Parcel>, error: ConnectorError): void {
    for (const parcel of parcels) if (this.forget(parcel)) this.release(parcel, error);
  }

  /** Hands nothing over any more, and lets the flow finish until `end` by performance.now(), a clock that nobody sets; the rest is released. */
  async close(end: number): Promise<void> {
    this.closed = true;
    this.poison?.stop();
    this.recall([...this.waiting.keys()], flowStopped());
    await this.source.drain(Math.max(0, end - performance.now()));
    this.source.close();
  }

  /** After {@link close}: what is handed over after the next start has ended no process. */
  async end(): Promise<void> {
    if (this.poison) await within(this.poison.end(), LAST_WRITE);
  }

  /** Who is read once more comes first, but not in the first places only: the position may be behind what was settled when the process ended. */
  private poisonWatch(poison: Pick<PoisonWatchOptions<Parcel>, "store" | "key">): PoisonWatch<Parcel> {
    return new PoisonWatch<Parcel>({
      ...poison,
      limit: MOST_ENDS,
      fingerprint: (parcel) => parcel.fingerprint?.() ?? "",
      suspects: () => true,
      isOpen: () => true,
      giveBack: () => undefined, // its delivery is open, and ends by its deadline
      hand: (parcel) => this.send(parcel, 1),
      deadLetter: (parcel, error, times) => {
        this.options.room.leave(parcel.size);
        parcel.failed({ error, attempts: times, buried: () => this.poison?.settled(parcel) });
      },
      warn: this.options.warn,
    });
  }

  private send(parcel: Parcel, attempt: number): void {
    if (!this.options.isWired(parcel.output)) return this.after(parcel, REWIRED, attempt, false);
    const delivery = this.source.open(parcel, attempt);
    const message = { ...parcel.message(), delivery: delivery.info };
    this.source.send(delivery, () => this.options.send(parcel.output, message));
  }

  private settled(parcel: Parcel, { outcome, error, node, attempt, delay = 0 }: Settlement): void {
    this.poison?.settled(parcel);
    if (outcome === "accept") {
      this.options.room.leave(parcel.size);
      parcel.accepted();
      return;
    }
    const reason = error ?? flowStopped();
    // a dead letter that is begun now would go nowhere: its row is read again
    if (this.closed) this.release(parcel, outcome === "dead-letter" ? reason : flowStopped());
    else if (outcome === "dead-letter") {
      this.options.room.leave(parcel.size);
      parcel.failed({ error: reason, attempts: attempt, ...(node ? { node } : {}) });
    } else this.after(parcel, delay, outcome === "retry" ? attempt + 1 : attempt, outcome === "release");
  }

  private release(parcel: Parcel, error: ConnectorError): void {
    this.options.room.leave(parcel.size);
    parcel.released(error);
  }

  /** Outside of the flow's context: the next attempt is no part of this one. */
  private after(parcel: Parcel, delay: number, attempt: number, released: boolean): void {
    flowTracker.outside(() => {
      const again = (): void => {
        if (this.forget(parcel)) this.send(parcel, attempt);
      };
      this.waiting.set(parcel, { again, released, timer: setTimeout(again, delay) });
    });
  }

  private forget(parcel: Parcel): boolean {
    clearTimeout(this.waiting.get(parcel)?.timer);
    return this.waiting.delete(parcel);
  }
}
