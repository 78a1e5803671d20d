import { within } from "../../common/deadline";
import { errorText, toConnectorError, type ConnectorError } from "../../common/errors";
import { eachOnce } from "../../common/once";
import type { Delivery } from "../../delivery/delivery";
import type { DeliverySettings } from "../../delivery/delivery-settings";
import type { NodeName, Outcome } from "../../delivery/outcome";
import type { TrackedRuntime } from "../../delivery/runtime";
import { DeliverySource } from "../../delivery/source";
import { decode, decodeInSlices, LARGE } from "../../format/format";
import type { FormatSettings } from "../../format/settings";
import type { AckWindow } from "./ack-window";
import type { Connection } from "./connection";
import { LONGEST_OPEN, type Taken } from "./taking-channel";
import { DecodeLine } from "./decode-line";
import { QueueAnswers, type AnsweredQueue } from "./queue-answers";
import { queueMessage, type QueueMessage } from "./queue-message";
import { attemptOf } from "./retry-and-dead-letter";

/** How what is taken from a queue is read, handed to the flow and settled. */
export interface QueueDeliverySettings extends DeliverySettings, FormatSettings {}

/** A message and its content. */
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
  /** Copies for retry and dead letters are published on it. */
  publish: Connection;
  /** @param taken what the message was made of */
  send(message: QueueMessage, taken: Taken): void;
  /** Told of each delivery once it is settled. Not of those that {@link QueueDeliveries.lost} closes. */
  onSettled?(taken: Taken, outcome: Outcome): void;
  warn(text: string): void;
  /** A sink waits for its system: take no more. */
  onHold(reason: string): void;
  /** No sink waits any more. */
  onResume(): void;
  /** As a source's. */
  onBehind?(reason: string | undefined): void;
  /** @param error why a copy is not taken by the broker at present, which will be tried again; `undefined` when none has to wait any more */
  onForwarding(error: ConnectorError | undefined): void;
  /**
   * What waited for its system or its turn has gone back to the queue, because one of it had been here for as long as a message may: more would wait as long. Without
   * this it waits on until the broker takes it back: what was taken for a trigger must not be back before that is.
   */
  onGivenBack?(): void;
  /** ms that a message may wait in this process. Default {@link LONGEST_OPEN}, or the deadline if that is longer. */
  longest?: number | undefined;
}

/** What a node takes from a queue, from the broker's hands into the flow and back: decodes, opens deliveries, and answers by how each was settled. */
export class QueueDeliveries {
  private readonly source: DeliverySource<Taken>;
  private readonly answers: QueueAnswers;
  /** Large messages, and what came behind them. */
  private readonly line: DecodeLine<Decoded>;
  private stopped = false;
  /** Tells the user once per text: each reconnect looks at the queues again. */
  readonly warnOnce: (text: string) => void;

  constructor(private readonly options: QueueDeliveriesOptions) {
    const { settings, node, runtime } = options;
    const longest = options.longest ?? Math.max(LONGEST_OPEN, settings.deadline); // who has raised the one has raised the broker's timeout
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
        // a pause that a deploy ends early leaves nothing waiting for the time it would have taken
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

  /** Deliveries of the flow that are not settled. */
  get openCount(): number {
    return this.source.openCount;
  }

  /** What was taken for a delivery of this queue. */
  takenOf(delivery: Delivery): Taken | undefined {
    return delivery.isOf(this.source) ? (delivery.taken as Taken) : undefined;
  }

  /**
   * Hands a message to the flow; one that cannot be decoded becomes a dead letter, its bytes untouched. A large one may take its time,
   * and those that come behind it wait for their turn.
   *
   * @param attempt default: what the message says
   */
  received(taken: Taken, attempt = attemptOf(taken.message)): void {
    if (this.line.busy || taken.message.content.length > LARGE) return this.line.add(taken, attempt);
    const decoded = this.decodeAtOnce(taken, attempt);
    if (decoded) this.handOver(decoded, attempt);
  }

  /**
   * The first half of {@link received}: what is to be handed over, or `undefined` when there is nothing: it has become a dead letter, or
   * was lost or stopped meanwhile. A promise only for content that is decoded in slices.
   */
  decode(taken: Taken, attempt = attemptOf(taken.message)): Decoded | undefined | Promise<Decoded | undefined> {
    return this.decodeInSlices(taken, attempt) ?? this.decodeAtOnce(taken, attempt);
  }

  /** The second half of {@link received}. */
  handOver({ taken, payload }: Decoded, attempt = attemptOf(taken.message)): void {
    const { from, send } = this.options;
    if (!from.declare && comesBack(taken)) this.warnOnce(countedText(from.queue));
    const delivery = this.source.open(taken, attempt);
    const outgoing = queueMessage(taken.message, from.queue, payload, delivery.info);
    this.source.send(delivery, () => send(outgoing, taken));
  }

  /** Hands nothing over until {@link resume} of what waits behind a large message. */
  pause(): void {
    this.line.pause();
  }

  /** Hands over again. */
  resume(): void {
    this.line.resume();
  }

  /** The node closes: what is not handed over yet stays open on its window, to be given back with it. */
  stop(): void {
    this.stopped = true;
    this.line.stop();
  }

  /** The message never reaches the flow: it becomes a dead letter, by this node's verdict. */
  deadLetter(taken: Taken, error: ConnectorError, attempt = attemptOf(taken.message)): void {
    this.answers.deadLetter(taken, error, attempt, this.options.node);
    this.options.onSettled?.(taken, "dead-letter");
  }

  /** The channel is gone, and the broker takes back what was open on it. */
  lost(window: AckWindow): void {
    this.line.lost(window);
    this.source.invalidate((delivery: Delivery<Taken>) => delivery.taken.window === window);
  }

  /** Lets the flow, and then the copies on their way, finish until `end` by performance.now(). */
  async drain(end: number): Promise<void> {
    this.stop();
    await this.source.drain(Math.max(0, end - performance.now()));
    await within(this.answers.idle(), Math.max(0, end - performance.now()));
  }

  /** After {@link drain}: ends what still waits, at once. What is unanswered stays open on its window, to be given back with it; it need not wait for this. */
  async close(): Promise<void> {
    const closed = this.answers.close();
    this.source.close();
    await closed;
  }

  /**
   * What waited would have been taken back by the broker, and with it, up to 4.2, all else on its channel; to be given out at once and wait again. In
   * its queue others may take it, and what is here and undecoded goes there, too.
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
    // its channel takes no answer any more, or gives it back: not even one that cannot be read is a dead letter then
    const gone = (): boolean => this.stopped || taken.window.closed;
    return decodeInSlices(message.content, format, message.properties, formatOptions, gone)?.then(
      (payload) => (gone() ? undefined : { taken, payload }),
      (error: unknown) => {
        if (!gone()) this.deadLetter(taken, toConnectorError(error, "FORMAT_INVALID"), attempt);
        return undefined;
      },
    );
  }

  /** One that has not reached the flow. */
  private giveBack(taken: Taken): void {
    taken.window.giveBack(taken.message.fields.deliveryTag);
    this.options.onSettled?.(taken, "release");
  }

  /** A fault on our side: the broker gives the message out again. */
  private failed(taken: Taken, error: unknown): void {
    this.options.warn(errorText(error));
    this.giveBack(taken);
  }
}

/** Whether a quorum queue says that it has given the message out before. */
function comesBack({ message: { fields, properties } }: Taken): boolean {
  return fields.redelivered && Number(properties.headers?.["x-delivery-count"]) > 0;
}

/** A queue that is not to be touched cannot be asked for its limit either. */
function countedText(queue: string): string {
  const what = `Queue ${queue} counts how often a message comes back (x-delivery-count), and up to RabbitMQ 4.2 each redeploy gives back what is in the flow`;
  return `${what}. If it has a delivery limit (20 from 4.0 on, unless set otherwise) and no dead-letter exchange, the broker drops messages that reach the limit: lift it, or give the queue a dead-letter exchange, by a policy`;
}
