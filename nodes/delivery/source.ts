import { ConnectorError, errorText, goingOn } from "../common/errors";
import { Delivery, type DeliveryOwner, stopVerdict, verdictFor } from "./delivery";
import type { DeliverySettings } from "./delivery-settings";
import { flowTracker } from "./tracker/flow-tracker";
import { describeNode, type SettleMode, type Settlement } from "./outcome";
import { registry } from "./tracker/registry";
import type { RetryPolicy } from "./retry-policy";
import type { TrackedRuntime } from "./runtime";
import { SystemPause } from "./system-pause";

/** ms between two looks for deliveries that stopped nodes hold. */
const LOOK_FOR_STRANDED = 100;

/** Bounds how long deliveries are kept that only wait. After longer, the system they were taken from would take them back, together with others that are being worked on. */
export interface Keeping<T> {
  /** ms that a delivery may be kept while it only waits. */
  longest: number;
  /** When it was taken, by `performance.now()`. */
  since(taken: T): number;
  /** Told when those that only waited were given back. What they waited for may still be as slow, or as far away. */
  onGivenBack(): void;
}

/** What a source brings to {@link DeliverySource}. Times in ms. */
export interface DeliverySourceOptions<T> extends DeliverySettings {
  /** Id of the source's node; stands in tokens and in `msg.delivery.source`. */
  id: string;
  /** Node-RED's runtime (`RED`). */
  runtime: TrackedRuntime;
  /** How long deliveries that only wait are kept. Default: for ever. */
  keeping?: Keeping<T>;
  /** Answers the system the delivery was taken from. Called exactly once per delivery, never for one that was invalidated. */
  onSettle(delivery: Delivery<T>, settlement: Settlement): void;
  /** A node behind waits for its system: take no more. @param reason for the status */
  onHold(reason: string): void;
  /** No node waits for its system any more: take messages again. */
  onResume(): void;
  /** Told why deliveries have waited for their turn for half of the deadline, so that more of them would wait still longer; `undefined` when none does any more. */
  onBehind?(reason: string | undefined): void;
  /** Warns the user. */
  warn(text: string): void;
}

/** The open deliveries of one source node: opens them, has them followed, watches their deadlines, and tells the node how each ended. */
export class DeliverySource<T = unknown> implements DeliveryOwner<T> {
  readonly id: string;
  readonly policy: RetryPolicy;
  readonly settleMode: SettleMode;
  private readonly prefix: string;
  private open_ = 0;
  /** How many sweeps a delivery may see until its deadline. */
  private readonly mostSweeps: number;
  /** After how many sweeps a delivery that waits for its turn is behind. */
  private readonly patience: number;
  private behind = false;
  private held_ = 0;
  private readonly pause: SystemPause;
  private sweep: NodeJS.Timeout | undefined;
  private drained: (() => void) | undefined;
  private closed = false;

  constructor(private readonly options: DeliverySourceOptions<T>) {
    this.id = options.id;
    this.prefix = registry.prefixFor(options.id);
    this.policy = options;
    this.settleMode = options.settle;
    this.pause = new SystemPause(options.runtime.events, { began: (reason) => this.holdBegan(reason), ended: () => this.holdEnded() });
    if (this.settleMode === "flow") flowTracker.acquire(options.runtime);
    // a twentieth of the deadline is precise enough, and cheap enough for a prefetch of thousands
    const every = Math.min(5000, Math.max(20, Math.min(options.deadline, options.keeping?.longest ?? Infinity) / 20));
    this.mostSweeps = Math.ceil(options.deadline / every);
    this.patience = Math.floor(this.mostSweeps / 2);
    this.sweep = setInterval(() => this.look(), every);
    this.sweep.unref();
  }

  /** How many deliveries are open. */
  get openCount(): number {
    return this.open_;
  }

  /** Whether a node behind waits for its system, or the source pauses for that. */
  get held(): boolean {
    return this.held_ > 0;
  }

  /**
   * Opens a delivery for something that the source took. In settle mode `delivery` it is accepted at once.
   *
   * @param taken what `onSettle` needs to answer it
   * @param attempt from 1
   */
  open(taken: T, attempt: number): Delivery<T> {
    const number = registry.nextNumber();
    const delivery = new Delivery<T>(number, `${this.prefix}${number}`, taken, attempt, this);
    this.open_ += 1;
    registry.add(delivery as Delivery);
    if (this.settleMode === "delivery") delivery.settle({ outcome: "accept" });
    return delivery;
  }

  /** Runs the node's `send` so that the message is followed. */
  send(delivery: Delivery<T>, send: () => void): void {
    if (this.settleMode === "flow") flowTracker.follow(delivery as Delivery, send);
    else flowTracker.outside(send);
  }

  /** Closes deliveries without an answer, since the system they were taken from takes them back by itself: its connection is lost, say. @param which default: all */
  invalidate(which: (delivery: Delivery<T>) => boolean = () => true): void {
    for (const delivery of this.openOnes()) {
      if (which(delivery) && delivery.close()) this.forget(delivery, false);
    }
  }

  /**
   * Resolves when every open delivery is settled; after `timeout` ms the rest is released. Before that, a delivery is released when a stopped node that is not
   * ours holds it: the timers of a function have ended with it, so it would be waited for in vain.
   */
  drain(timeout: number): Promise<void> {
    if (this.open_ === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const error = new ConnectorError("FLOW_STOPPED", `Not settled ${timeout} ms after the source was stopped`);
        for (const delivery of this.openOnes()) delivery.settle({ outcome: "release", error });
      }, timeout);
      const looking = setInterval(() => this.releaseStranded(), LOOK_FOR_STRANDED);
      this.drained = () => {
        clearTimeout(timer);
        clearInterval(looking);
        resolve();
      };
    });
  }

  /** Ends the source. To be called after {@link drain}: deliveries that are still open get no answer. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.sweep);
    this.pause.close();
    this.invalidate();
    if (this.settleMode === "flow") flowTracker.release();
  }

  /** For {@link Delivery}: it has ended by `settlement`. */
  settled(delivery: Delivery<T>, settlement: Settlement): void {
    const { outcome, error } = settlement;
    if (outcome === "accept") this.pause.reset();
    if (outcome === "release" && !this.drained) settlement.delay = this.pause.because(error, flowTracker.isDeploying);
    this.tell("answering it failed", () => this.options.onSettle(delivery, settlement));
    this.forget(delivery, outcome === "accept");
  }

  /** A sink waits on behalf of a delivery, or the source itself pauses. */
  holdBegan(reason: string): void {
    this.held_ += 1;
    if (this.held_ === 1) this.tell("pausing failed", () => this.options.onHold(reason));
  }

  /** That wait is over. */
  holdEnded(): void {
    this.held_ -= 1;
    if (this.held_ === 0) this.tell("going on failed", () => this.options.onResume());
  }

  /** Calls back. It runs in timers and between other deliveries, where an exception would end Node-RED or leave those unsettled. */
  private tell(what: string, callBack: () => void): void {
    try {
      callBack();
    } catch (error) {
      this.options.warn(`${what}: ${errorText(error)}`);
    }
  }

  private forget(delivery: Delivery<T>, accepted: boolean): void {
    registry.remove(delivery as Delivery, accepted);
    this.open_ -= 1;
    if (this.open_ === 0) this.drained?.();
  }

  /** Oldest first. Asked for rarely, so no list of them is kept. */
  private openOnes(): Delivery<T>[] {
    return [...registry.all()].filter((delivery) => delivery.isOf(this)) as Delivery<T>[];
  }

  private look(): void {
    const open = this.openOnes();
    for (const delivery of open) {
      if (delivery.waitsInVain) delivery.giveUp();
      else if (delivery.swept(this.patience) > this.mostSweeps && !delivery.isBehind(this.patience)) this.overdue(delivery, this.options.deadline);
    }
    if (!this.drained) this.giveBackWaiting(open);
    this.tellBehind(open.find((delivery) => !delivery.closed && delivery.isBehind(this.patience) && !delivery.isBegun));
  }

  /** One may be kept no longer, and only waits: all that only wait go back, in one pause. So they keep their order, and what is one message by now is worked on once. */
  private giveBackWaiting(open: Delivery<T>[]): void {
    const { keeping } = this.options;
    if (!keeping) return;
    const due = performance.now() - keeping.longest;
    const late = open.filter((delivery) => !delivery.closed && (delivery.held || delivery.stands) && keeping.since(delivery.taken) <= due);
    const first = late.find((delivery) => !isWorkedOn(delivery));
    for (const delivery of late) if (isWorkedOn(delivery)) this.overdue(delivery, keeping.longest); // it would begin anew each time, for ever
    if (!first) return;
    const error = first.held ? away() : new ConnectorError("OVERLOADED", tooSlow(first), { scope: "system" });
    this.pause.because(error, flowTracker.isDeploying); // before the last hold ends, or the source would go on for a moment
    for (const delivery of open) if (delivery.held || (delivery.inLine && !delivery.isBegun)) delivery.settle({ outcome: "release", error });
    this.tell("giving back failed", () => keeping.onGivenBack());
  }

  private releaseStranded(): void {
    for (const delivery of this.openOnes()) {
      const node = flowTracker.strandedAt(delivery as Delivery);
      if (node) delivery.settle(stopVerdict(node));
    }
  }

  private overdue(delivery: Delivery<T>, limit: number): void {
    const holder = delivery.hopsWithin()[0]?.node;
    const where = holder ? `${describeNode(holder)} still holds it` : "no settle node has settled it";
    const error = new ConnectorError("DEADLINE_EXCEEDED", `Not settled within ${limit} ms: ${where}`);
    this.options.warn(goingOn(error.toString(), "it is tried again"));
    delivery.giveUp(verdictFor(error, holder));
  }

  private tellBehind(behind: Delivery<T> | undefined): void {
    const { onBehind } = this.options;
    if (!onBehind || this.behind === (behind !== undefined)) return;
    this.behind = behind !== undefined;
    this.tell("pausing failed", () => onBehind(behind && tooSlow(behind)));
  }
}

function isWorkedOn(delivery: Delivery): boolean {
  return !delivery.held && delivery.isBegun;
}

function away(): ConnectorError {
  return new ConnectorError("DEADLINE_EXCEEDED", "Its system was away for longer than it may be kept");
}

function tooSlow(delivery: Delivery): string {
  const holder = delivery.hopsWithin()[0]?.node;
  return `messages wait long for their turn${holder ? ` at ${describeNode(holder)}` : ""}`;
}
