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
  /** Tells the user, once per text. */
  warn(text: string): void;
  /** A copy is not taken at present; it will be tried again. */
  onWaiting(error: ConnectorError): void;
  /** No copy has to wait any more. */
  onForwarded?(): void;
}

/** Answers the broker by how deliveries were settled: acknowledges, gives back, or puts a copy for retry or dead letters in the place of the message. */
export class QueueAnswers {
  private readonly forwarder: Forwarder;
  private readonly timers = new Set<NodeJS.Timeout>();
  /** What goes back when the source's pause is over, with what gives it back and the timers that see to it. */
  private readonly returning = new Map<Taken, { back: () => void; timer: NodeJS.Timeout }>();

  constructor(private readonly options: QueueAnswersOptions) {
    const { publish, from, warn, onWaiting } = options;
    this.forwarder = new Forwarder({ connection: publish, declare: from.declare, warn, onWaiting, onForwarded: () => options.onForwarded?.() });
  }

  /** Answers a delivery by its settlement. */
  answer({ taken }: Delivery<Taken>, { outcome, error, node, attempt, delay = 0 }: Settlement): void {
    switch (outcome) {
      case "accept":
        return taken.window.ack(taken.message.fields.deliveryTag);
      case "release":
        return this.release(taken, attempt, delay, error?.code === "FLOW_STOPPED");
      case "retry":
        return this.retry(taken, attempt, delay);
      case "dead-letter":
        return this.deadLetter(taken, error ?? new ConnectorError("SETTLED_BY_FLOW", "Dead-lettered"), attempt, node);
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

  private retry(taken: Taken, attempt: number, delay: number): void {
    const { queue, waitsIn } = this.options.from;
    const here = (): void => this.after(delay, () => this.again(taken, attempt + 1));
    if (waitsIn === "process" || !hasRoomFor(retryQueueName(queue, delay))) return here();
    this.forward(taken, {
      copy: (plain) => retryCopy(taken.message, queue, attempt, delay, plain),
      queue: (server) => retryQueue(queue, delay, server),
      // No delay queue, and none may be made: the message waits here, unacknowledged, and is tried again.
      missing: here,
    });
  }

  /** @param stopped the flow has ended: nothing is handed to it any more */
  private release(taken: Taken, attempt: number, delay: number, stopped: boolean): void {
    if (this.options.from.waitsIn === "broker") this.giveBack(taken, delay, () => taken.window.giveBack(taken.message.fields.deliveryTag));
    else if (!stopped) this.giveBack(taken, delay, () => this.again(taken, attempt));
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
  private forward(taken: Taken, forwarding: Forwarding): void {
    flowTracker.outside(() => this.forwarder.forward(taken, forwarding));
  }
}

/** A queue that was there may have a name that its delay queue's does not fit behind. */
const hasRoomFor = (name: string): boolean => Buffer.byteLength(name) <= MAX_NAME;
