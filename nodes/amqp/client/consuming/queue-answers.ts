import { ConnectorError } from "../../../common/errors";
import type { Delivery } from "../../../delivery/delivery";
import { flowTracker } from "../../../delivery/tracker/flow-tracker";
import { describeNode, type NodeName, type Settlement } from "../../../delivery/outcome";
import type { Connection } from "../connection/connection";
import { giveBack, type Taken } from "./taking-channel";
import { Forwarder, type Forwarding } from "./forwarder";
import { MAX_NAME } from "../headers/headers";
import { deadLetterCopy, retryCopy } from "./retry-and-dead-letter";
import { deadLetterQueue, retryQueue, retryQueueName, type QueueType } from "../topology";

/** The queue that the messages come from. */
export interface AnsweredQueue {
  queue: string;
  queueType: QueueType;
  deadLetterQueue: string;
  /** Whether missing queues may be declared. False: the node only uses what exists. */
  declare: boolean;
  /**
   * Where a message waits for its next attempt: in a delay queue of the broker, or in this process, unacknowledged. It is the process for streams, which take nothing
   * back, and for temporary queues, which have no name to which a delay queue could return a message.
   */
  waitsIn: "broker" | "process";
}

/** What {@link QueueAnswers} needs. */
export interface QueueAnswersOptions {
  from: AnsweredQueue;
  /** The node that took the messages. */
  node: NodeName;
  /** The connection on which copies are published. */
  publish: Connection;
  /** Hands a message to the flow again. @param attempt the number of that attempt */
  again(taken: Taken, attempt: number): void;
  /** ms that a message may wait in this process. `Infinity` for a queue that takes nothing back. */
  longest: number;
  /** Warns the user, once for each text. */
  warn(text: string): void;
  /** Called when copies have to wait. @param error why the broker takes a copy not yet; it is published again later. `undefined` when no copy waits any more */
  onForwarding(error: ConnectorError | undefined): void;
}

/** Answers the broker according to how deliveries were settled: acknowledges, gives back, or replaces the message by a copy for a retry or for the dead letters. */
export class QueueAnswers {
  private readonly forwarder: Forwarder;
  private readonly timers = new Set<NodeJS.Timeout>();
  /** Until when a message may wait in this process, by `performance.now()`. */
  private readonly ends = new WeakMap<Taken, number>();
  /** Messages that are given back after a delay, each with the function that does so and its timer. */
  private readonly returning = new Map<Taken, { back: () => void; timer: NodeJS.Timeout }>();

  constructor(private readonly options: QueueAnswersOptions) {
    const { publish, from, warn, onForwarding, longest } = options;
    this.forwarder = new Forwarder({ connection: publish, declare: from.declare, warn, onForwarding, longest });
  }

  /** Answers the broker for a settled delivery. */
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

  /** Puts a copy with the reason in its headers into the dead-letter queue, then acknowledges the message. @param node the node at which it failed, if it was one */
  deadLetter(taken: Taken, error: ConnectorError, attempts: number, node?: NodeName): void {
    const { queue, deadLetterQueue: target, queueType } = this.options.from;
    const failure = { error, queue, attempts, ...(node ? { node: describeNode(node) } : {}) };
    this.forward(taken, {
      copy: (plain) => deadLetterCopy(taken.message, target, failure, plain),
      queue: (server) => deadLetterQueue(target, queueType, server),
    });
  }

  /** Gives back at once the messages that wait for that: the source's pause is over. */
  hurry(): void {
    for (const { back } of [...this.returning.values()]) back();
  }

  /** Resolves when no copy is on its way. */
  idle(): Promise<void> {
    return this.forwarder.idle();
  }

  /** Ends all waiting. Unanswered messages stay open, and the consumer gives them back. */
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
    const isNameTooLong = Buffer.byteLength(retryQueueName(queue, delay)) > MAX_NAME; // the name of an existing queue may be so long that there is no room for the ending
    if (waitsIn === "process" || isNameTooLong) return here();
    this.forward(taken, {
      copy: (plain) => retryCopy(taken.message, queue, attempt, delay, plain),
      queue: (server) => retryQueue(queue, delay, server),
      // There is no delay queue, and none may be declared: the message waits here, unacknowledged, for its next attempt.
      missing: here,
    });
  }

  /**
   * Makes the next attempt after a wait in this process. If a message waited for longer than the broker's consumer timeout, the broker would take it back, with all others
   * on its channel, and the message would begin again with its first attempt, without end. So it is dead-lettered when `longest` is over.
   */
  private waitHere(taken: Taken, { attempt, delay = 0, error, node }: Settlement): void {
    const { longest, warn } = this.options;
    const now = performance.now();
    const end = this.ends.get(taken) ?? now + longest;
    this.ends.set(taken, end);
    const left = Math.ceil(end - now);
    if (left <= 1) return this.deadLetter(taken, error ?? deadLettered(), attempt, node);
    if (delay > left) warn(endsInTime(longest));
    this.after(Math.min(delay, left), () => this.again(taken, attempt + 1)); // with 1 ms or less left it ends, since a timer may fire 1 ms early
  }

  private release(taken: Taken, attempt: number, delay: number): void {
    const back = (): void => {
      clearTimeout(this.returning.get(taken)?.timer);
      this.returning.delete(taken);
      if (this.options.from.waitsIn === "broker") giveBack(taken);
      else this.again(taken, attempt);
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

  /** Forwards outside the flow's context, because what the connection does from now on belongs to no delivery. */
  private forward(taken: Taken, forwarding: Forwarding): void {
    flowTracker.outside(() => this.forwarder.forward(taken, forwarding));
  }
}

function deadLettered(): ConnectorError {
  return new ConnectorError("SETTLED_BY_FLOW", "Dead-lettered");
}

function endsInTime(longest: number): string {
  const why = "the broker takes back, with all that is in the flow, what is unanswered for longer than its consumer timeout (30 minutes)";
  return `Retries that wait in Node-RED end after ${Math.round(longest / 60_000)} minutes, and what fails then goes to the dead letters: ${why}`;
}
