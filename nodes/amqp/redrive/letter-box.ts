import { randomUUID } from "node:crypto";
import type { Channel, ConsumeMessage } from "amqplib";
import { ConnectorError } from "../../common/errors";
import { Sleepers } from "../../common/sleep";
import type { AckWindow } from "../client/consuming/ack-window";
import type { Connection, ConnectionState } from "../client/connection/connection";
import { windowOf } from "../client/consuming/taking-channel";
import { channelError } from "../client/errors";
import { answerBehind } from "../client/consuming/patient-request";
import { isStream } from "../client/queue-info";
import { ANSWER_TIMEOUT, answerIn, SupervisedChannel } from "../client/connection/supervised-channel";

/** What a box needs. */
export interface LetterBoxOptions {
  connection: Connection;
  queue: string;
  /** How many messages that are not held the broker may have sent us without an acknowledgement. */
  ahead: number;
  /** The channel is gone, and the broker takes back what was not acknowledged. The box cannot be used any more. */
  onLost(error: ConnectorError): void;
  /** ms without a message, though the queue has some, after which {@link LetterBox.take} fails since another consumer must have them. Default 10000. */
  stallAfter?: number;
  /** ms to wait for the broker's answer to a request. Default 30000. */
  answerTimeout?: number;
}

/** ms without a message after which the broker is asked whether the queue has one left. */
const LOOK_AGAIN = 250;
/** ms for which the broker must say no. One answer is not enough, since a message that is just on its way here no longer counts. */
const EMPTY_FOR = 1_000;
/** ms to wait at most until all messages that were given back are in the queue again. Other consumers may take them before that is seen. */
const BACK_WITHIN = 2_000;

/**
 * A dead-letter queue, opened for one run on a channel of its own. Messages that are taken stay in the queue until they are acknowledged.
 *
 * It consumes, since to ask for one message at a time would cost a round trip each (seen: 164/s on a busy machine). Held messages use up the consumer's prefetch. When
 * they are half of it, that consumer is cancelled and another one takes its place on the same channel, where held messages stay open. A consumer is cancelled only when
 * no message is on its way to it, since a quorum queue would put that one behind the others (seen with 3.10.8).
 */
export class LetterBox {
  private supervised: SupervisedChannel<Channel> | undefined;
  private window: AckWindow | undefined;
  private readonly arrived: ConsumeMessage[] = [];
  /** The last delivery tag of each consumer, by consumer tag, oldest consumer first. */
  private readonly lastTags = new Map<string | undefined, number>();
  private consumer: string | undefined;
  /** How many messages of the present consumer have come and are not acknowledged. When it equals the prefetch, none is on its way. */
  private withUs = 0;
  /** How many of those are held. */
  private held = 0;
  /** How many messages were taken and are neither acknowledged nor held yet. */
  private inHand = 0;
  private ended: ConnectorError | "interrupted" | undefined;
  private readonly takers = new Sleepers();
  private giveUp: NodeJS.Timeout | undefined;
  private unsubscribe: (() => void) | undefined;

  constructor(private readonly options: LetterBoxOptions) {}

  /**
   * Opens the channel.
   *
   * @param patience ms to wait for a connection that is being made
   * @returns how many messages are in the queue
   * @throws ConnectorError QUEUE_UNAVAILABLE (missing, no right to read it, a stream), BROKER_UNAVAILABLE or BROKER_REFUSED
   */
  open(patience: number): Promise<number> {
    const { connection, queue, ahead } = this.options;
    return new Promise((resolve, reject) => {
      this.giveUp = setTimeout(() => reject(reasonOf(connection)), patience);
      const refused = ({ kind }: ConnectionState): void => void (kind === "refused" && reject(reasonOf(connection))); // waiting would not help
      this.unsubscribe = connection.subscribe({ state: refused });
      let depth = 0;
      this.supervised = new SupervisedChannel<Channel>({
        connection,
        create: (model) => model.createChannel(),
        setup: async (channel, model) => {
          depth = (await channel.checkQueue(queue)).messageCount;
          if (await isStream(model, queue)) throw new ConnectorError("QUEUE_UNAVAILABLE", `Queue ${queue} is a stream: nothing can be taken off it`);
          await channel.prefetch(ahead, false);
          this.window = windowOf(channel);
        },
        onUp: () => {
          this.opened();
          resolve(depth);
        },
        onFailed: (error) => void reject(channelError(error, "queue")),
        onDown: (_channel, error) => this.down(error),
      });
      this.supervised.start();
      refused(connection.state);
    });
  }

  /** The next message; `undefined` when there is none, or the box was interrupted. @throws ConnectorError */
  async take(): Promise<ConsumeMessage | undefined> {
    const { ahead, queue, stallAfter = 10_000 } = this.options;
    for (let waited = 0, empty = 0; ; ) {
      if (this.ended === "interrupted") return undefined;
      if (this.ended) throw this.ended;
      const message = this.arrived.shift();
      if (message) {
        this.inHand += 1;
        return message;
      }
      if (this.consumer === undefined) await this.consume();
      else if (this.held * 2 >= ahead && this.withUs >= ahead) await this.cancel();
      else if (!(await this.takers.sleep(LOOK_AGAIN))) {
        empty = (await this.depth()) === 0 ? empty + LOOK_AGAIN : 0;
        if (empty >= EMPTY_FOR && this.arrived.length === 0) return undefined;
        // if messages are in hand, they may fill the prefetch, so that the broker waits for us
        waited = this.inHand > 0 ? 0 : waited + LOOK_AGAIN;
        if (waited >= stallAfter) throw new ConnectorError("QUEUE_UNAVAILABLE", `Queue ${queue} gives out nothing: another consumer has it`);
      }
    }
  }

  /** Acknowledges a message that was taken. @returns false when the channel is gone, so that the broker has taken the message back */
  ack(message: ConsumeMessage): boolean {
    this.inHand -= 1;
    if (message.fields.consumerTag === this.consumer) this.withUs -= 1;
    if (!this.window || this.window.closed) return false;
    this.window.ack(message.fields.deliveryTag);
    return true;
  }

  /** Keeps a message that was taken unacknowledged until the box is closed. */
  hold(message: ConsumeMessage): void {
    this.inHand -= 1;
    if (message.fields.consumerTag === this.consumer) this.held += 1;
  }

  /** Makes {@link take} resolve with `undefined`, now and from now on. */
  interrupt(): void {
    this.ended ??= "interrupted";
    this.takers.wake();
  }

  /** Gives back what is not acknowledged and closes the channel. When it resolves, the broker has seen all acknowledgements. */
  async close(): Promise<void> {
    this.opened();
    this.interrupt();
    // cancelled before anything is given back, which would otherwise be sent to us again at once
    await this.untilFull().then(() => this.cancel()).catch(() => undefined);
    await this.giveBack().catch(() => undefined);
    await this.supervised?.close();
    this.window?.close();
  }

  private async consume(): Promise<void> {
    const consumerTag = (this.consumer = `node-red-redrive-${randomUUID()}`);
    this.held = this.withUs = 0;
    await this.request((channel) => channel.consume(this.options.queue, (message) => this.received(message), { consumerTag }));
  }

  private async cancel(): Promise<void> {
    const tag = this.consumer;
    this.consumer = undefined;
    if (tag !== undefined) await this.request((channel) => channel.cancel(tag), 2_000);
  }

  private received(message: ConsumeMessage | null): void {
    if (message) {
      const { consumerTag, deliveryTag } = message.fields;
      this.window?.take(deliveryTag);
      this.lastTags.set(consumerTag, deliveryTag);
      if (consumerTag === this.consumer) this.withUs += 1;
      this.arrived.push(message);
    } else {
      this.end(new ConnectorError("QUEUE_UNAVAILABLE", `The broker ended the consumer of queue ${this.options.queue}: it was deleted or has moved`));
    }
    this.takers.wake();
  }

  /** Waits until no message is on its way to the consumer, since a quorum queue would put those behind the others when the consumer ends. */
  private async untilFull(): Promise<void> {
    const end = performance.now() + EMPTY_FOR;
    while (this.consumer !== undefined && this.withUs < this.options.ahead && performance.now() < end && (await this.depth(EMPTY_FOR)) > 0) await pause();
  }

  /**
   * Gives back what each consumer had, one consumer after the other, each when the messages of those before are in the queue again. Given back all at once, a
   * quorum queue would put them back consumer by consumer in an order of its own (seen with 3.10.8).
   */
  private async giveBack(): Promise<void> {
    const { window } = this;
    window?.flush();
    if (!window || window.outstanding === 0) return;
    try {
      const end = performance.now() + BACK_WITHIN;
      let there = await this.depth(BACK_WITHIN);
      for (const last of this.lastTags.values()) {
        const given = window.giveBackUpTo(last);
        there += given;
        if (given > 0) await this.untilThere(there, end);
      }
    } finally {
      window.giveBackAll();
    }
  }

  /** Waits until the queue has `count` messages again. Quorum queues take a moment, and another run that is started at once would find nothing. */
  private async untilThere(count: number, end: number): Promise<void> {
    while (performance.now() < end && (await this.depth(BACK_WITHIN)) < count) await pause();
  }

  private async depth(deadline?: number): Promise<number> {
    return (await this.request((channel) => channel.checkQueue(this.options.queue), deadline)).messageCount;
  }

  /** Makes a request on the channel. @param deadline ms; without one, the usual time counts from when messages that are ahead of the answer have come */
  private async request<T>(ask: (channel: Channel) => Promise<T>, deadline?: number): Promise<T> {
    const { answerTimeout = ANSWER_TIMEOUT } = this.options;
    const channel = this.supervised?.channel;
    if (!channel) throw new ConnectorError("BROKER_UNAVAILABLE", "The channel was closed");
    try {
      return await (deadline === undefined ? answerBehind(ask(channel), answerTimeout, channel) : answerIn(ask(channel), deadline));
    } catch (error) {
      throw channelError(error, "queue");
    }
  }

  private opened(): void {
    clearTimeout(this.giveUp);
    this.unsubscribe?.();
  }

  private down(error: unknown): void {
    this.window?.close();
    void this.supervised?.close(); // no other channel is to follow, since what was taken on this one is lost with it
    this.end(error === undefined ? new ConnectorError("BROKER_UNAVAILABLE", "The connection to the broker was lost") : channelError(error, "queue"));
  }

  private end(error: ConnectorError): void {
    this.ended ??= error;
    this.takers.wake();
    this.options.onLost(error);
  }
}

/** The time between two questions to the broker. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

/** The error that tells why there is no connection. */
function reasonOf({ state }: Connection): ConnectorError {
  return "error" in state ? state.error : new ConnectorError("BROKER_UNAVAILABLE", "Not connected to the broker");
}
