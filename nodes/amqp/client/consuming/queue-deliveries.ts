import { within } from "../../../common/deadline";
import { errorText, toConnectorError, type ConnectorError } from "../../../common/errors";
import { eachOnce } from "../../../common/once";
import type { Delivery } from "../../../delivery/delivery";
import type { DeliverySettings } from "../../../delivery/delivery-settings";
import type { NodeName, Outcome } from "../../../delivery/outcome";
import type { TrackedRuntime } from "../../../delivery/runtime";
import { DeliverySource } from "../../../delivery/source";
import { decode, decodeInSlices, LARGE } from "../../../format/format";
import type { FormatSettings } from "../../../format/settings";
import type { AckWindow } from "./ack-window";
import type { Connection } from "../connection/connection";
import { giveBack, LONGEST_OPEN, type Taken } from "./taking-channel";
import { DecodeLine } from "./decode-line";
import { QueueAnswers, type AnsweredQueue } from "./queue-answers";
import { queueMessage, type QueueMessage } from "./queue-message";
import { attemptOf } from "./retry-and-dead-letter";

/** How messages from a queue are decoded, handed to the flow and settled. */
export interface QueueDeliverySettings extends DeliverySettings, FormatSettings {}

/** A message and its decoded content. */
export interface Decoded {
  readonly taken: Taken;
  readonly payload: unknown;
}

/** What {@link QueueDeliveries} needs. */
export interface QueueDeliveriesOptions {
  from: AnsweredQueue;
  settings: QueueDeliverySettings;
  node: NodeName;
  runtime: TrackedRuntime;
  /** The connection on which copies for retry and dead letters are published. */
  publish: Connection;
  /** Sends a message into the flow. @param taken the broker's message that it was made of */
  send(message: QueueMessage, taken: Taken): void;
  /** Called for each settled delivery, and for messages that are answered without reaching the flow. Not called for those that {@link QueueDeliveries.lost} closes. */
  onSettled?(taken: Taken, outcome: Outcome): void;
  warn(text: string): void;
  /** Called when a sink waits for its system: no more messages are to be taken. */
  onHold(reason: string): void;
  /** Called when no sink waits any more. */
  onResume(): void;
  /** As `onBehind` of a `DeliverySource`. */
  onBehind?(reason: string | undefined): void;
  /** Called when copies have to wait. @param error why the broker takes a copy not yet; it is published again later. `undefined` when no copy waits any more */
  onForwarding(error: ConnectorError | undefined): void;
  /**
   * Called when messages that waited for a system or for their turn were given back to the queue, because one of them had been here for `longest` ms. If more were taken,
   * they would wait as long. Without this function, messages are not given back but wait until the broker takes them back: a message that was taken for a trigger must not
   * be back in the queue before the trigger is back in its own.
   */
  onGivenBack?(): void;
  /** ms that a message may wait in this process. Default {@link LONGEST_OPEN}, or the deadline of deliveries if that is longer. */
  longest?: number | undefined;
}

/** Takes messages of a queue from the broker to the flow and back: decodes them, opens deliveries, and answers the broker according to how each was settled. */
export class QueueDeliveries {
  private readonly source: DeliverySource<Taken>;
  private readonly answers: QueueAnswers;
  /** Large messages, and those that arrived after them. */
  private readonly line: DecodeLine<Decoded>;
  private stopped = false;
  /** Warns the user, once for each text, since the queues are checked again at each reconnect. */
  readonly warnOnce: (text: string) => void;

  constructor(private readonly options: QueueDeliveriesOptions) {
    const { settings, node, runtime } = options;
    const longest = options.longest ?? Math.max(LONGEST_OPEN, settings.deadline); // a user with a longer deadline has raised the broker's consumer timeout as well
    this.warnOnce = eachOnce((text) => options.warn(text));
    this.source = new DeliverySource<Taken>({
      ...settings,
      id: node.id,
      runtime,
      ...(options.onGivenBack && options.from.waitsIn === "broker" ? { keeping: { longest, since: ({ at }) => at, onGivenBack: () => this.givenBack() } } : {}),
      onSettle: (delivery, settlement) => {
        this.answers.answer(delivery, settlement);
        options.onSettled?.(delivery.taken, settlement.outcome);
      },
      onHold: options.onHold,
      onResume: () => {
        // when a deploy ends a pause early, messages must not wait for the time that it would have taken
        this.answers.hurry();
        options.onResume();
      },
      onBehind: options.onBehind,
      warn: options.warn,
    });
    this.answers = new QueueAnswers({
      from: options.from,
      node,
      publish: options.publish,
      again: (taken, attempt) => {
        if (!this.stopped) this.received(taken, attempt);
      },
      warn: this.warnOnce,
      onForwarding: options.onForwarding,
      longest,
    });
    this.line = new DecodeLine<Decoded>({
      decode: (taken, attempt) => this.decode(taken, attempt),
      handOver: (decoded, attempt) => this.handOver(decoded, attempt),
      failed: (taken, error) => this.failed(taken, error),
    });
  }

  /** How many deliveries of the flow are not settled. */
  get openCount(): number {
    return this.source.openCount;
  }

  /** Returns the message of a delivery; `undefined` for a delivery of another source. */
  takenOf(delivery: Delivery): Taken | undefined {
    return delivery.isOf(this.source) ? (delivery.taken as Taken) : undefined;
  }

  /**
   * Hands a message to the flow. If it cannot be decoded, it becomes a dead letter with its bytes unchanged. A large message is decoded in slices, and those that arrive
   * after it wait for their turn.
   *
   * @param attempt the number of this attempt. Default: the number in the message's headers, see `attemptOf`
   */
  received(taken: Taken, attempt = attemptOf(taken.message)): void {
    if (this.line.busy || taken.message.content.length > LARGE) return this.line.add(taken, attempt);
    const decoded = this.decodeAtOnce(taken, attempt);
    if (decoded) this.handOver(decoded, attempt);
  }

  /**
   * Decodes a message, the first half of {@link received}. Returns `undefined` when there is nothing to hand over, because the message has become a dead letter, its
   * channel was lost or the node was stopped. Returns a promise only for content that is decoded in slices.
   */
  decode(taken: Taken, attempt = attemptOf(taken.message)): Decoded | undefined | Promise<Decoded | undefined> {
    return this.decodeInSlices(taken, attempt) ?? this.decodeAtOnce(taken, attempt);
  }

  /** Hands a decoded message to the flow, the second half of {@link received}. */
  handOver({ taken, payload }: Decoded, attempt = attemptOf(taken.message)): void {
    const { from, send } = this.options;
    if (!from.declare && comesBack(taken)) this.warnOnce(countedText(from.queue));
    const delivery = this.source.open(taken, attempt);
    const outgoing = queueMessage(taken.message, from.queue, payload, delivery.info);
    this.source.send(delivery, () => send(outgoing, taken));
  }

  /** Until {@link resume}, hands over none of the messages that wait behind a large one. */
  pause(): void {
    this.line.pause();
  }

  /** Continues to hand over after {@link pause}. */
  resume(): void {
    this.line.resume();
  }

  /** Stops handing over, because the node closes. Messages that are not handed over yet stay open and are given back with their window. */
  stop(): void {
    this.stopped = true;
    this.line.stop();
  }

  /** Dead-letters a message that does not reach the flow. The copy names this node as the one at which it failed. */
  deadLetter(taken: Taken, error: ConnectorError, attempt = attemptOf(taken.message)): void {
    this.answers.deadLetter(taken, error, attempt, this.options.node);
    this.options.onSettled?.(taken, "dead-letter");
  }

  /** Closes the deliveries of a channel that is gone: the broker takes back the messages that were open on it. */
  lost(window: AckWindow): void {
    this.line.lost(window);
    this.source.invalidate((delivery: Delivery<Taken>) => delivery.taken.window === window);
  }

  /** Waits for the flow, and then for the copies on their way, until `end` (by `performance.now()`) at the latest. */
  async drain(end: number): Promise<void> {
    this.stop();
    await this.source.drain(Math.max(0, end - performance.now()));
    await within(this.answers.idle(), Math.max(0, end - performance.now()));
  }

  /** Ends at once what still waits; called after {@link drain}. Unanswered messages stay open and are given back with their window, which need not wait for this. */
  async close(): Promise<void> {
    const closed = this.answers.close();
    this.source.close();
    await closed;
  }

  /**
   * Gives the messages back that are not decoded yet, after those that waited in the flow. The broker would otherwise take back what has waited too long, up to 4.2 with
   * all else on its channel, and deliver it again at once, to wait again. In the queue, other consumers can take it.
   */
  private givenBack(): void {
    for (const taken of this.line.clear()) this.giveBack(taken);
    this.options.onGivenBack?.();
  }

  private decodeAtOnce(taken: Taken, attempt: number): Decoded | undefined {
    const { message } = taken;
    const { format, formatOptions } = this.options.settings;
    try {
      return { taken, payload: decode(message.content, format, message.properties, formatOptions) };
    } catch (error) {
      this.deadLetter(taken, toConnectorError(error, "FORMAT_INVALID"), attempt);
      return undefined;
    }
  }

  private decodeInSlices(taken: Taken, attempt: number): Promise<Decoded | undefined> | undefined {
    const { message } = taken;
    const { format, formatOptions } = this.options.settings;
    // whether the channel takes no answer any more or the message is given back: even if it cannot be decoded, it must not become a dead letter then
    const gone = (): boolean => this.stopped || taken.window.closed;
    return decodeInSlices(message.content, format, message.properties, formatOptions, gone)?.then(
      (payload) => (gone() ? undefined : { taken, payload }),
      (error: unknown) => {
        if (!gone()) this.deadLetter(taken, toConnectorError(error, "FORMAT_INVALID"), attempt);
        return undefined;
      },
    );
  }

  /** Gives back a message that has not reached the flow. */
  private giveBack(taken: Taken): void {
    giveBack(taken);
    this.options.onSettled?.(taken, "release");
  }

  /** Gives a message back after an error in our own code, so that the broker delivers it again. */
  private failed(taken: Taken, error: unknown): void {
    this.options.warn(errorText(error));
    this.giveBack(taken);
  }
}

/** Whether the headers of a quorum queue show that it has delivered the message before. */
function comesBack({ message: { fields, properties } }: Taken): boolean {
  return fields.redelivered && Number(properties.headers?.["x-delivery-count"]) > 0;
}

/** Returns the warning that a quorum queue may drop messages. Whether it has a limit is unknown, as a node that only uses what exists cannot find out. */
function countedText(queue: string): string {
  const what = `Queue ${queue} counts how often a message comes back (x-delivery-count), and up to RabbitMQ 4.2 each redeploy gives back what is in the flow`;
  return `${what}. If it has a delivery limit (20 from 4.0 on, unless set otherwise) and no dead-letter exchange, the broker drops messages that reach the limit: lift it, or give the queue a dead-letter exchange, by a policy`;
}
