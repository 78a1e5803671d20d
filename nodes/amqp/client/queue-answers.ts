import { ConnectorError } from "../../common/errors";
import type { Delivery } from "../../delivery/delivery";
import { flowTracker } from "../../delivery/flow-tracker";
import { describeNode, type NodeName, type Settlement } from "../../delivery/outcome";
import type { Connection } from "./connection";
import type { Taken } from "./taking-channel";
import { Forwarder, type Forwarding } from "./forwarder";
import { MAX_NAME } from "./headers";
import { deadLetterCopy, retryCopy } from "./retry-and-dead-letter";
import { deadLetterQueue, retryQueue, retryQueueName, type QueueType } from "./topology";

/** What is known of the queue that the messages came from. */
export interface AnsweredQueue {
  queue: string;
  queueType: QueueType;
  deadLetterQueue: string;
  /** Make what is missing, or touch nothing. */
  declare: boolean;
  /**
   * Where a message waits for its next attempt: in a delay queue of the broker, or in this process, unacknowledged. The latter for queues
   * that take nothing back (streams) or have no name to come back to (temporary ones).
   */
  waitsIn: "broker" | "process";
}

/** What {@link QueueAnswers} needs. */
export interface QueueAnswersOptions {
  from: AnsweredQueue;
  /** The node that took the messages. */
  node: NodeName;
  /** Copies are published on it. */
  publish: Connection;
  /** Hands a message to the flow again, as the given attempt. */
  again(taken: Taken, attempt: number): void;
  /** ms that a message may wait here. `Infinity` for a queue that takes nothing back. */
  longest: number;
  /** Tells the user, once per text. */
  warn(text: string): void;
  /** @param error why a copy is not taken at present, which will be tried again; `undefined` when none has to wait any more */
  onForwarding(error: ConnectorError | undefined): void;
}

/** Answers the broker by how deliveries were settled: acknowledges, gives back, or puts a copy for retry or dead letters in the place of the message. */
export class QueueAnswers {
  private readonly forwarder: Forwarder;
  private readonly timers = new Set<NodeJS.Timeout>();
  /** Until when what waits in this process may do so, by the clock that nobody sets. */
  private readonly ends = new WeakMap<Taken, number>();
  /** What goes back when the source's pause is over, with what gives it back and the timers that see to it. */
  private readonly returning = new Map<Taken, { back: () => void; timer: NodeJS.Timeout }>();

  constructor(private readonly options: QueueAnswersOptions) {
    const { publish, from, warn, onForwarding, longest } = options;
    this.forwarder = new Forwarder({ connection: publish, declare: from.declare, warn, onForwarding, longest });
  }

  /** Answers a delivery by its settlement. */
  answer({ taken }: Delivery<Taken>, settlement: Settlement): void {
    const { outcome, error, node, attempt, delay = 0 } = settlement;
    switch (outcome) {
      case "accept":
        return taken.window.ack(taken.message.fields.deliveryTag);
      case "release":
        return this.release(taken, attempt, delay);
      case "retry":
        return this.retry(taken, settlement);
      case "dead-letter":
        return this.deadLetter(taken, error ?? deadLettered(), attempt, node);
    }
  }

  /** Puts a copy with the reason on it into the dead-letter queue, then acknowledges the message. @param node where it failed, when a node is to blame */
  deadLetter(taken: Taken, error: ConnectorError, attempts: number, node?: NodeName): void {
    const { queue, deadLetterQueue: target, queueType } = this.options.from;
    const failure = { error, queue, attempts, ...(node ? { node: describeNode(node) } : {}) };
    this.forward(taken, {
      copy: (plain) => deadLetterCopy(taken.message, target, failure, plain),
      queue: (server) => deadLetterQueue(target, queueType, server),
    });
  }

  /** The source's pause is over: what waited for that goes back now. */
  hurry(): void {
    for (const { back } of [...this.returning.values()]) back();
  }

  /** Resolves when no copy is on its way any more. */
  idle(): Promise<void> {
    return this.forwarder.idle();
  }

  /** Ends all waiting; what is unanswered stays open on its window, for the consumer to give back. */
  async close(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    for (const { timer } of this.returning.values()) clearTimeout(timer);
    this.timers.clear();
    this.returning.clear();
    await this.forwarder.close();
  }

  private retry(taken: Taken, settlement: Settlement): void {
    const { queue, waitsIn } = this.options.from;
    const { attempt, delay = 0 } = settlement;
    const here = (): void => this.waitHere(taken, settlement);
    if (waitsIn === "process" || !hasRoomFor(retryQueueName(queue, delay))) return here();
    this.forward(taken, {
      copy: (plain) => retryCopy(taken.message, queue, attempt, delay, plain),
      queue: (server) => retryQueue(queue, delay, server),
      // No delay queue, and none may be made: the message waits here, unacknowledged, and is tried again.
      missing: here,
    });
  }

  /**
   * The next attempt comes after a wait in this process. What waited for longer than the broker allows would be taken back, with all else on its
   * channel, and begin with its first attempt again, for ever: so it ends in time.
   */
  private waitHere(taken: Taken, { attempt, delay = 0, error, node }: Settlement): void {
    const { longest, warn } = this.options;
    const now = performance.now();
    const end = this.ends.get(taken) ?? now + longest;
    this.ends.set(taken, end);
    const left = Math.ceil(end - now);
    if (left <= 1) return this.deadLetter(taken, error ?? deadLettered(), attempt, node);
    if (delay > left) warn(endsInTime(longest));
    this.after(Math.min(delay, left), () => this.again(taken, attempt + 1)); // a timer may be a ms early
  }

  private release(taken: Taken, attempt: number, delay: number): void {
    if (this.options.from.waitsIn === "broker") this.giveBack(taken, delay, () => taken.window.giveBack(taken.message.fields.deliveryTag));
    else this.giveBack(taken, delay, () => this.again(taken, attempt));
  }

  private giveBack(taken: Taken, delay: number, give: () => void): void {
    const back = (): void => {
      clearTimeout(this.returning.get(taken)?.timer);
      this.returning.delete(taken);
      give();
    };
    if (delay > 0) this.returning.set(taken, { back, timer: setTimeout(back, delay) });
    else back();
  }

  private again(taken: Taken, attempt: number): void {
    if (!taken.window.closed) this.options.again(taken, attempt);
  }

  private after(delay: number, action: () => void): void {
    if (delay <= 0) return action();
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      action();
    }, delay);
    this.timers.add(timer);
  }

  /** Outside the flow's context: what the connection does from now on belongs to no delivery. */
  private forward(taken: Taken, forwarding: Omit<Forwarding, "overdue">): void {
    flowTracker.outside(() => this.forwarder.forward(taken, { ...forwarding, overdue: () => this.overdue(taken) }));
  }

  /** Given back, it comes again at once, alone; taken back by the broker, all of its channel would. */
  private overdue(taken: Taken): void {
    taken.window.giveBack(taken.message.fields.deliveryTag);
  }
}

function deadLettered(): ConnectorError {
  return new ConnectorError("SETTLED_BY_FLOW", "Dead-lettered");
}

function endsInTime(longest: number): string {
  const why = "the broker takes back, with all that is in the flow, what is unanswered for longer than its consumer timeout (30 minutes)";
  return `Retries that wait in Node-RED end after ${Math.round(longest / 60_000)} minutes, and what fails then goes to the dead letters: ${why}`;
}

/** A queue that was there may have a name that its delay queue's does not fit behind. */
const hasRoomFor = (name: string): boolean => Buffer.byteLength(name) <= MAX_NAME;
