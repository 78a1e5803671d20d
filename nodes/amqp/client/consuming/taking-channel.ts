import type { Channel, ChannelModel, ConsumeMessage, Message } from "amqplib";
import { AckWindow, type AckTarget } from "./ack-window";
import type { Connection } from "../connection/connection";
import { answerBehind } from "./patient-request";
import { ANSWER_TIMEOUT, answerIn, SupervisedChannel } from "../connection/supervised-channel";

/** A message taken from a queue, with the window that acknowledges messages on its channel. */
export interface Taken {
  readonly message: Message;
  readonly window: AckWindow;
  /** When it came, by `performance.now()`. */
  readonly at: number;
}

/**
 * ms for which a message is kept unacknowledged at most. After 30 min (its default consumer timeout) the broker takes a message back, and up to RabbitMQ 4.2 closes the
 * whole channel.
 */
export const LONGEST_OPEN = 25 * 60_000;

/** Gives a message back: the broker delivers it again. Does nothing when it was answered before, or its channel is gone. */
export function giveBack({ message, window }: Taken): void {
  window.giveBack(message.fields.deliveryTag);
}

/** What is done with each new channel, and callbacks for its life. */
export interface TakingPlan {
  connection: Connection;
  /** Called with each new channel before anything can be taken on it. */
  prepare(channel: Channel, model: ChannelModel): Promise<void>;
  /** Starts to consume. Left out where each message is asked for. */
  begin?(channel: Channel, window: AckWindow): Promise<void>;
  /** Puts something between the window of a new channel and the broker. */
  answers?(broker: AckTarget): AckTarget;
  onUp(): void;
  /** The channel is gone; another follows by itself. */
  onDown(error: unknown): void;
  /** Making or preparing it failed. @returns ms until the next try, or `undefined` for the usual back-off */
  onFailed(error: unknown): number | undefined;
  /** The channel is gone, and the broker takes back what was open on it. Called after {@link onDown} or {@link onFailed}. */
  onLost(window: AckWindow): void;
  /** ms after which a channel is given up when the broker does not answer a request. Default {@link ANSWER_TIMEOUT}. */
  answerTimeout?: number;
  /** ms that {@link prepare} may take in addition, for its many requests. Default 0. */
  preparation?: number;
}

/**
 * A channel on which messages are taken, made again whenever it is lost. Each new channel has its own {@link AckWindow}, since messages can only be acknowledged on
 * the channel that they came on.
 */
export class TakingChannel {
  private readonly supervised: SupervisedChannel<Channel>;
  private readonly answerTimeout: number;
  private current: AckWindow | undefined;

  constructor(private readonly plan: TakingPlan) {
    this.answerTimeout = plan.answerTimeout ?? ANSWER_TIMEOUT;
    this.supervised = new SupervisedChannel<Channel>({
      connection: plan.connection,
      create: (model) => model.createChannel(),
      setup: (channel, model) => this.setup(channel, model),
      onUp: () => plan.onUp(),
      onDown: (_channel, error) => {
        plan.onDown(error);
        this.drop();
      },
      onFailed: (error) => {
        const delay = plan.onFailed(error);
        this.drop();
        return delay;
      },
      answerTimeout: this.answerTimeout + (plan.preparation ?? 0),
    });
  }

  /** The channel, once it is ready and while it lasts. */
  get channel(): Channel | undefined {
    return this.supervised.channel;
  }

  /** The window of the newest channel, which may not be ready yet. */
  get window(): AckWindow | undefined {
    return this.current;
  }

  /** Messages taken and not answered yet. */
  get outstanding(): number {
    return this.current?.outstanding ?? 0;
  }

  /** Opens the channel as soon as the connection is there. */
  start(): void {
    this.supervised.start();
  }

  /** Waits for a request on the channel. @param behind the channel, if messages may come before the answer @throws Error when the broker refuses or does not answer in time */
  ask<T>(request: Promise<T>, behind?: Channel): Promise<T> {
    return behind ? answerBehind(request, this.answerTimeout, behind) : answerIn(request, this.answerTimeout);
  }

  /** Gives the channel up for a new one, which follows within `deadline` ms. The broker takes back what is open on the old one. */
  renew(channel: Channel, deadline?: number): Promise<void> {
    return this.supervised.renew(channel, deadline);
  }

  /** Closes the window: what was taken can no longer be acknowledged. */
  drop(): void {
    const window = this.current;
    this.current = undefined;
    if (!window) return;
    window.close();
    this.plan.onLost(window);
  }

  /** Sends the acks that wait, gives back what is still open (else the broker would count it as a failed delivery), and closes the channel. */
  async close(): Promise<void> {
    const window = this.current;
    this.current = undefined;
    window?.giveBackAll();
    await this.supervised.close();
    window?.close();
  }

  private async setup(channel: Channel, model: ChannelModel): Promise<void> {
    this.drop(); // the window of a channel that was lost before it was ready
    await this.plan.prepare(channel, model);
    const broker = answersTo(channel);
    const window = (this.current = new AckWindow(this.plan.answers?.(broker) ?? broker));
    await this.plan.begin?.(channel, window);
  }
}

/** Makes a window for what is taken on `channel`. */
export function windowOf(channel: Channel): AckWindow {
  return new AckWindow(answersTo(channel));
}

function answersTo(channel: Channel): AckTarget {
  const message = (deliveryTag: number): ConsumeMessage => ({ fields: { deliveryTag } }) as ConsumeMessage;
  return {
    ack: (tag, multiple) => unlessClosed(() => channel.ack(message(tag), multiple)),
    nack: (tag, multiple, requeue) => unlessClosed(() => channel.nack(message(tag), multiple, requeue)),
  };
}

/** Ignores the error that amqplib throws on a channel that is closing: the broker takes the messages back anyway. */
function unlessClosed(answer: () => void): void {
  try {
    answer();
  } catch {
    // the event `close` follows, and then the window is dropped
  }
}
