import type { Channel, GetMessage } from "amqplib";
import { ConnectorError } from "../../common/errors";
import type { AckWindow } from "../client/ack-window";
import type { Connection } from "../client/connection";
import { windowOf } from "../client/consumer";
import { within } from "../client/deadline";
import { channelError } from "../client/errors";
import { isStream } from "../client/queue-kind";
import { ANSWER_TIMEOUT, SupervisedChannel, unanswered } from "../client/supervised-channel";

/** What a box needs. */
export interface LetterBoxOptions {
  connection: Connection;
  queue: string;
  /** The channel is gone, and the broker takes back what was not acknowledged. The box is of no use any more. */
  onLost(error: ConnectorError): void;
}

/**
 * A dead-letter queue, opened for one run on a channel of its own. What is taken out stays the broker's until it is acknowledged.
 *
 * One message a round trip, in order: a channel answers one request at a time, and several channels would swap neighbours.
 */
export class LetterBox {
  private supervised: SupervisedChannel<Channel> | undefined;
  private window: AckWindow | undefined;
  private lost: ConnectorError | undefined;
  private waiting: NodeJS.Timeout | undefined;

  constructor(private readonly options: LetterBoxOptions) {}

  /**
   * How many messages wait in it.
   *
   * @param patience ms to wait for a connection that is just being made
   * @throws ConnectorError QUEUE_UNAVAILABLE (missing, not ours to read, a stream), BROKER_UNAVAILABLE or BROKER_REFUSED
   */
  open(patience: number): Promise<number> {
    const { connection, queue } = this.options;
    return new Promise((resolve, reject) => {
      this.waiting = setTimeout(() => reject(reasonOf(connection)), connection.state.kind === "refused" ? 0 : patience);
      let depth = 0;
      this.supervised = new SupervisedChannel<Channel>({
        connection,
        create: (model) => model.createChannel(),
        setup: async (channel, model) => {
          depth = (await channel.checkQueue(queue)).messageCount;
          if (await isStream(model, queue)) throw new ConnectorError("QUEUE_UNAVAILABLE", `Queue ${queue} is a stream: nothing can be taken off it`);
          this.window = windowOf(channel);
        },
        onUp: () => {
          clearTimeout(this.waiting);
          resolve(depth);
        },
        onFailed: (error) => void reject(channelError(error, "queue")),
        onDown: (_channel, error) => this.down(error),
      });
      this.supervised.start();
    });
  }

  /** The next message, or `undefined` when there is none. @throws ConnectorError */
  async take(): Promise<GetMessage | undefined> {
    const channel = this.supervised?.channel;
    if (!channel || !this.window || this.window.closed) throw this.lost ?? new ConnectorError("BROKER_UNAVAILABLE", "The channel was closed");
    let message: GetMessage | false | undefined;
    try {
      message = await within(channel.get(this.options.queue), ANSWER_TIMEOUT);
    } catch (error) {
      throw this.lost ?? channelError(error, "queue");
    }
    if (message === undefined) throw new ConnectorError("BROKER_UNAVAILABLE", unanswered(ANSWER_TIMEOUT).message);
    if (message) this.window.take(message.fields.deliveryTag);
    return message || undefined;
  }

  /** Acknowledges a message that was taken. @returns whether it could: not when the broker has taken it back */
  ack(message: GetMessage): boolean {
    if (!this.window || this.window.closed) return false;
    this.window.ack(message.fields.deliveryTag);
    return true;
  }

  /** Gives back what is not acknowledged, and closes the channel: the broker has seen all answers by then. */
  async close(): Promise<void> {
    clearTimeout(this.waiting);
    this.window?.giveBackAll();
    await this.supervised?.close();
    this.window?.close();
  }

  private down(error: unknown): void {
    this.lost = error === undefined ? new ConnectorError("BROKER_UNAVAILABLE", "The connection to the broker was lost") : channelError(error, "queue");
    this.window?.close();
    void this.supervised?.close(); // another channel would know nothing of what was taken on this one
    this.options.onLost(this.lost);
  }
}

/** Why there is no connection. */
function reasonOf({ state }: Connection): ConnectorError {
  return "error" in state ? state.error : new ConnectorError("BROKER_UNAVAILABLE", "Not connected to the broker");
}
