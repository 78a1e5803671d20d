import { within } from "../../common/deadline";
import type { ConnectorError } from "../../common/errors";
import type { Delivery } from "../delivery";
import type { DeliverySettings } from "../delivery-settings";
import { flowTracker } from "../tracker/flow-tracker";
import { flowStopped, type NodeName, type Settlement } from "../outcome";
import type { PoisonWatchOptions } from "../poison/poison-options";
import { PoisonWatch } from "../poison/poison-watch";
import type { Room } from "./room";
import type { TrackedRuntime } from "../runtime";
import { DeliverySource } from "../source";

/** Why a parcel failed. */
export interface Failure {
  error: ConnectorError;
  /** The node that is to blame, if one is. */
  node?: NodeName;
  /** How often it was tried. */
  attempts: number;
  /** To be called when the flow behind the dead letters has finished with it. */
  buried?(): void;
}

/** Rows that go through the flow as one message. Exactly one of `accepted`, `failed` and `released` is called, once. */
export interface Parcel {
  /** How many rows. */
  readonly size: number;
  /** The index of the output it goes to. */
  readonly output: number;
  /** Makes the message. Called for each attempt, since the flow may change the message. */
  message(): object;
  /** A text by which it is known when it is read again. Without it, nobody watches whether it ends the process. */
  fingerprint?(): string;
  /** The flow has finished with it. */
  accepted(): void;
  /** It can never work, or its attempts are used up. */
  failed(failure: Failure): void;
  /** The node was stopped before the flow had finished with it. */
  released(error: ConnectorError): void;
}

/** What {@link RowDeliveries} needs. */
export interface RowDeliveriesOptions {
  settings: DeliverySettings;
  node: NodeName;
  runtime: TrackedRuntime;
  room: Room;
  send(output: number, message: object): void;
  /** Whether a node is behind that output. What is sent to no node would count as finished. */
  isWired(output: number): boolean;
  /** A node behind waits for its system: hand over no more until `onResume`. */
  onHold(reason: string): void;
  onResume(): void;
  /** As a `PoisonWatch` tells. */
  onSearch?(reason: string | undefined): void;
  warn(text: string): void;
  /** Where the {@link PoisonWatch} keeps its marks; without it there is none. A parcel that still waits for its trial when this is closed is told nothing, and is read again. */
  poison?: RowPoison | undefined;
}

/** Where a {@link PoisonWatch} keeps its marks, and how often a parcel may end the process. */
export type RowPoison = Pick<PoisonWatchOptions<Parcel>, "store" | "key" | "limit" | "trial">;

/** ms after which a parcel whose output was not wired is tried again. */
const REWIRED = 500;
/** ms that the store may take to note the end: one that does not answer must not hold up a deploy. */
const LAST_WRITE = 3_000;

interface Wait {
  timer: NodeJS.Timeout;
  again: () => void;
  /** It waits for the end of the source's pause, and not for an attempt of its own. */
  released: boolean;
}

/** Hands parcels to the flow, each as a delivery, and keeps those that are to be retried until it is time: a database or an org keeps no retries for us, as a broker does. */
export class RowDeliveries {
  private readonly source: DeliverySource<Parcel>;
  /** Parcels that wait in this process until they are sent again. */
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

  /** Whether a delivery is that of one of these parcels. */
  isOf(delivery: Delivery): boolean {
    return delivery.isOf(this.source);
  }

  /** Reads the marks of the {@link PoisonWatch}, unless that is done. Must be awaited before the first parcel is handed over. @throws ConnectorError when their store is away */
  async begin(): Promise<void> {
    await this.poison?.begin();
  }

  /** Hands a parcel over for the first time. */
  hand(parcel: Parcel): void {
    this.options.room.take(parcel.size);
    if (this.poison && parcel.fingerprint) this.poison.take(parcel);
    else this.send(parcel, 1);
  }

  /** Releases parcels that need not be worked on any more; those that still wait in a line of a node of ours are dropped there. */
  withdraw(parcels: Iterable<Parcel>, error: ConnectorError): void {
    const all = new Set(parcels);
    if (all.size === 0) return; // a trigger that is several deliveries hears of the end of each
    for (const parcel of all) this.forget(parcel); // first: closing the others may end a pause, and those that wait for its end would be sent once more
    this.source.invalidate(({ taken }) => all.has(taken));
    for (const parcel of all) this.release(parcel, error);
  }

  /** Releases those of the parcels that wait for another attempt. */
  recall(parcels: Iterable<Parcel>, error: ConnectorError): void {
    for (const parcel of parcels) if (this.forget(parcel)) this.release(parcel, error);
  }

  /** Hands nothing over any more, lets the flow finish, and releases the rest. @param end until when, by `performance.now()` */
  async close(end: number): Promise<void> {
    this.closed = true;
    this.poison?.stop();
    this.recall([...this.waiting.keys()], flowStopped());
    await this.source.drain(Math.max(0, end - performance.now()));
    this.source.close();
  }

  /** To be called last, after {@link close}: notes that the process has not ended by any parcel. */
  async end(): Promise<void> {
    if (this.poison) await within(this.poison.end(), LAST_WRITE);
  }

  /** Every parcel is a suspect: what was in hand is read again first, but behind parcels that had been settled, if their position was not stored yet. */
  private poisonWatch(poison: RowPoison): PoisonWatch<Parcel> {
    return new PoisonWatch<Parcel>({
      ...poison,
      fingerprint: (parcel) => parcel.fingerprint?.() ?? "",
      suspects: () => true,
      isOpen: () => true,
      takenOf: (delivery) => {
        const parcel = this.isOf(delivery) ? (delivery.taken as Parcel) : undefined;
        return parcel?.fingerprint && parcel; // a dead letter's flow has no other place to put it
      },
      giveBack: () => undefined, // its delivery is open, and ends by its deadline
      hand: (parcel) => this.send(parcel, 1),
      deadLetter: (parcel, error, times) => {
        this.options.room.leave(parcel.size);
        parcel.failed({ error, attempts: times, buried: () => this.poison?.settled(parcel) });
      },
      ...(this.options.onSearch ? { onSearch: (reason) => this.options.onSearch?.(reason) } : {}),
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

  /** Sends a parcel later. Outside of the flow's context, since the next attempt is no part of this one. */
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
