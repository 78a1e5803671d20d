import { randomUUID } from "node:crypto";
import type { Channel, ConsumeMessage } from "amqplib";
import { ConnectorError } from "../../common/errors";
import { Sleepers } from "../../common/sleep";
import type { AckWindow } from "../client/ack-window";
import type { Connection, ConnectionState } from "../client/connection";
import { windowOf } from "../client/taking-channel";
import { channelError } from "../client/errors";
import { answerBehind } from "../client/patient-request";
import { isStream } from "../client/queue-kind";
import { ANSWER_TIMEOUT, answerIn, SupervisedChannel } from "../client/supervised-channel";

/** What a box needs. */
export interface LetterBoxOptions {
  connection: Connection;
  queue: string;
  /** So many are on their way to us at most; what is held does not count. */
  ahead: number;
  /** The channel is gone, and the broker takes back what was not acknowledged. The box is of no use any more. */
  onLost(error: ConnectorError): void;
  /** ms without a message, though there are some, until others are taken to have them all. Default 10000. */
  stallAfter?: number;
  /** ms until a request the broker does not answer ends it. Default 30000. */
  answerTimeout?: number;
}

/** ms without a message until the broker is asked whether there is one left. */
const LOOK_AGAIN = 250;
/** ms that it must say no for: what it has just handed out counts as gone before it arrives. */
const EMPTY_FOR = 1_000;
/** ms to wait at most until all that was given back counts again; others may have taken it by then. */
const BACK_WITHIN = 2_000;

/**
 * A dead-letter queue, opened for one run on a channel of its own. What is taken out stays the broker's until it is acknowledged.
 *
 * It consumes rather than asking for one message after the other, which would cost a round trip each (seen: 164/s on a busy machine).
 * What is held fills the consumer's prefetch; another consumer on the same channel then takes its place, and the messages stay open. It ends
 * when nothing is on its way to it: a quorum queue puts that behind the others (seen with 3.10.8).
 */
export class LetterBox {
  private supervised: SupervisedChannel<Channel> | undefined;
  private window: AckWindow | undefined;
  private readonly arrived: ConsumeMessage[] = [];
  /** The last tag of each consumer, in their order. */
  private readonly lastTags = new Map<string | undefined, number>();
  private consumer: string | undefined;
  /** Messages of the present consumer that are not acknowledged: with so many as it may have, none is on its way. */
  private withUs = 0;
  /** Those of them that are held. */
  private held = 0;
  /** Messages that were taken, and neither acknowledged nor held yet. */
  private inHand = 0;
  private ended: ConnectorError | "interrupted" | undefined;
  private readonly takers = new Sleepers();
  private giveUp: NodeJS.Timeout | undefined;
  private unsubscribe: (() => void) | undefined;

  constructor(private readonly options: LetterBoxOptions) {}

  /**
   * How many messages wait in it.
   *
   * @param patience ms to wait for a connection that is just being made
   * @throws ConnectorError QUEUE_UNAVAILABLE (missing, not ours to read, a stream), BROKER_UNAVAILABLE or BROKER_REFUSED
   */
  open(patience: number): Promise<number> {
    const { connection, queue, ahead } = this.options;
    return new Promise((resolve, reject) => {
      this.giveUp = setTimeout(() => reject(reasonOf(connection)), patience);
      const refused = ({ kind }: ConnectionState): void => void (kind === "refused" && reject(reasonOf(connection))); // no waiting mends that
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
        // what is in hand may fill the prefetch: then it is us that it waits for
        waited = this.inHand > 0 ? 0 : waited + LOOK_AGAIN;
        if (waited >= stallAfter) throw new ConnectorError("QUEUE_UNAVAILABLE", `Queue ${queue} gives out nothing: another consumer has it`);
      }
    }
  }

  /** Acknowledges a message that was taken. @returns whether it could: not when the broker has taken it back */
  ack(message: ConsumeMessage): boolean {
    this.inHand -= 1;
    if (message.fields.consumerTag === this.consumer) this.withUs -= 1;
    if (!this.window || this.window.closed) return false;
    this.window.ack(message.fields.deliveryTag);
    return true;
  }

  /** A message that was taken stays open until the box is closed. */
  hold(message: ConsumeMessage): void {
    this.inHand -= 1;
    if (message.fields.consumerTag === this.consumer) this.held += 1;
  }

  /** Whoever waits for a message waits no longer. */
  interrupt(): void {
    this.ended ??= "interrupted";
    this.takers.wake();
  }

  /** Gives back what is not acknowledged, and closes the channel: the broker has seen all answers by then. */
  async close(): Promise<void> {
    this.opened();
    this.interrupt();
    // before anything is given back, or it would come again at once
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

  /** What is on its way as its consumer ends, a quorum queue puts behind the others. */
  private async untilFull(): Promise<void> {
    const end = performance.now() + EMPTY_FOR;
    while (this.consumer !== undefined && this.withUs < this.options.ahead && performance.now() < end && (await this.depth(EMPTY_FOR)) > 0) await pause();
  }

  /**
   * What each consumer had, when that of those before it is back: given all at once, a quorum queue puts it back consumer by consumer in an
   * order of its own (seen with 3.10.8).
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

  /** Quorum queues take a moment: who starts another run at once would find nothing. */
  private async untilThere(count: number, end: number): Promise<void> {
    while (performance.now() < end && (await this.depth(BACK_WITHIN)) < count) await pause();
  }

  private async depth(deadline?: number): Promise<number> {
    return (await this.request((channel) => channel.checkQueue(this.options.queue), deadline)).messageCount;
  }

  /** @param deadline in ms; without one, what is on its way may come before the answer */
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
    void this.supervised?.close(); // another channel would know nothing of what was taken on this one
    this.end(error === undefined ? new ConnectorError("BROKER_UNAVAILABLE", "The connection to the broker was lost") : channelError(error, "queue"));
  }

  private end(error: ConnectorError): void {
    this.ended ??= error;
    this.takers.wake();
    this.options.onLost(error);
  }
}

/** Until it is worth asking the broker again. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

/** Why there is no connection. */
function reasonOf({ state }: Connection): ConnectorError {
  return "error" in state ? state.error : new ConnectorError("BROKER_UNAVAILABLE", "Not connected to the broker");
}
