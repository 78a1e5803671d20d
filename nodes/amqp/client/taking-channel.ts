import type { Channel, ChannelModel, ConsumeMessage, Message } from "amqplib";
import { AckWindow, type AckTarget } from "./ack-window";
import type { Connection } from "./connection";
import { answerBehind } from "./patient-request";
import { ANSWER_TIMEOUT, answerIn, SupervisedChannel } from "./supervised-channel";

/** A message as taken from a queue, with the window that answers for its channel. */
export interface Taken {
  readonly message: Message;
  readonly window: AckWindow;
  /** When it came, by the clock that nobody sets. */
  readonly at: number;
}

/**
 * ms. The broker takes back what is unanswered for 30 min (its default consumer timeout), and the whole channel with it up to 4.2: nothing is
 * kept for longer than this.
 */
export const LONGEST_OPEN = 25 * 60_000;

/** What is done with each new channel, and who is told of it. */
export interface TakingPlan {
  connection: Connection;
  /** Before anything can be taken. */
  prepare(channel: Channel, model: ChannelModel): Promise<void>;
  /** Begins to take, where messages come by themselves. */
  begin?(channel: Channel, window: AckWindow): Promise<void>;
  /** Stands between the window of a new channel and the broker. */
  answers?(broker: AckTarget): AckTarget;
  onUp(): void;
  /** The channel is gone; another follows by itself. */
  onDown(error: unknown): void;
  /** Making or preparing it failed. @returns ms until the next try, or `undefined` for the usual back-off */
  onFailed(error: unknown): number | undefined;
  /** The channel is gone, and the broker takes back what was open on it. After {@link onDown} or {@link onFailed}. */
  onLost(window: AckWindow): void;
  /** ms until a request the broker does not answer costs the channel. Default {@link ANSWER_TIMEOUT}. */
  answerTimeout?: number;
  /** ms that {@link prepare} may take besides: it makes many requests. Default 0. */
  preparation?: number;
}

/**
 * A channel on which messages are taken, made again whenever it is lost. Each time it has its own {@link AckWindow}: what was taken on a
 * lost one can no longer be answered, and is not.
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

  /** A request of the channel. @param behind the channel, if messages may be on their way on it @throws Error when the broker refuses it, or does not answer in time */
  ask<T>(request: Promise<T>, behind?: Channel): Promise<T> {
    return behind ? answerBehind(request, this.answerTimeout, behind) : answerIn(request, this.answerTimeout);
  }

  /** Gives the channel up for a new one, which follows within `deadline` ms: the broker takes back what is open on it. */
  renew(channel: Channel, deadline?: number): Promise<void> {
    return this.supervised.renew(channel, deadline);
  }

  /** What was taken can no longer be answered, from this moment on. */
  drop(): void {
    const window = this.current;
    this.current = undefined;
    if (!window) return;
    window.close();
    this.plan.onLost(window);
  }

  /** Sends what acks wait, gives back what is still open (else each redeploy would count as a failed delivery), and closes the channel. */
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

/** The window that answers for what is taken on `channel`. */
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

/** On a channel that is closing amqplib throws. There is nothing to answer any more: the broker takes the messages back. */
function unlessClosed(answer: () => void): void {
  try {
    answer();
  } catch {
    // `close` follows and drops the window
  }
}
