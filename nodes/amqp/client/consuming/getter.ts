import type { Channel, ChannelModel } from "amqplib";
import { BackOff } from "../../../common/back-off";
import { ConnectorError } from "../../../common/errors";
import { Sleepers } from "../../../common/sleep";
import type { AckWindow } from "./ack-window";
import type { Connection } from "../connection/connection";
import { channelError, replyCode } from "../errors";
import { LoadLimit } from "./load-limit";
import { isStream } from "../queue-info";
import { TakingChannel, type Taken } from "./taking-channel";

/** The state of a getter. */
export type GetterState =
  | { kind: "starting" }
  | { kind: "ready" }
  | { kind: "waiting"; error: ConnectorError };

/** What a getter needs. */
export interface GetterOptions {
  connection: Connection;
  queue: string;
  /** Called for each new channel to declare what is missing. Without it the queue must exist. */
  prepare?(model: ChannelModel): Promise<void>;
  /** Bytes of large messages that may be open at the same time. Default: an eighth of the memory that Node-RED may use. */
  mostBytes?: number | undefined;
  /** Called when a channel is gone: the broker takes back the messages that were open on it. */
  onLost(window: AckWindow): void;
  onState(state: GetterState): void;
}

/** Gets single messages from one queue (`basic.get`), on a channel of its own that is opened again whenever it is lost. */
export class Getter {
  private readonly taking: TakingChannel;
  private readonly load: LoadLimit;
  /** The delays between attempts to use a queue that cannot be used. */
  private readonly queueBackOff = new BackOff({ initial: 5_000, max: 60_000 });
  /** Why the queue could not be used at the last attempt. The next channel may find that it can be. */
  private problem: ConnectorError | undefined;
  private lastError: ConnectorError | undefined;
  /** The calls of {@link ready} that wait for the next change. */
  private readonly waiting = new Sleepers();
  private closed = false;

  constructor(private readonly options: GetterOptions) {
    this.load = new LoadLimit(options.mostBytes);
    this.taking = new TakingChannel({
      connection: options.connection,
      prepare: (_channel, model) => this.prepare(model),
      onUp: () => this.up(),
      onDown: (error) => this.down(error),
      onFailed: (error) => this.failed(error),
      answers: (broker) => this.load.watching(broker),
      onLost: (window) => {
        this.load.clear();
        options.onLost(window);
      },
    });
  }

  /** How many messages were taken and not answered yet. */
  get outstanding(): number {
    return this.taking.outstanding;
  }

  /** Whether the messages that are open are so large that one more might be too much for the memory. */
  get tooMuch(): boolean {
    return this.load.tooMuch;
  }

  /** Opens the channel as soon as the connection is up. */
  start(): void {
    this.options.onState({ kind: "starting" });
    this.taking.start();
  }

  /**
   * Resolves when messages can be taken.
   *
   * @param until until when to wait for the connection, by `performance.now()`
   * @throws ConnectorError at once if the queue cannot be used; when the time is up, if there is no connection
   */
  async ready(until: number): Promise<void> {
    while (!this.taking.channel) {
      if (this.problem) throw this.problem;
      if (this.closed || !(await this.waiting.sleep(Math.max(0, until - performance.now())))) throw this.unavailable();
    }
  }

  /**
   * Takes the next message; returns `undefined` when the queue is empty. Messages are taken one by one: amqplib (2.3.1) sends one request at a time on a channel, and
   * with several channels the order would be lost.
   *
   * @throws ConnectorError QUEUE_UNAVAILABLE or BROKER_UNAVAILABLE. The channel is gone then, and the messages that were taken on it are lost to this process
   */
  async take(): Promise<Taken | undefined> {
    const { channel, window } = this.taking;
    if (!channel || !window) throw this.unavailable();
    try {
      const message = await this.taking.ask(channel.get(this.options.queue));
      if (message === false) return undefined;
      if (window.closed) throw new Error("channel closed");
      const { deliveryTag } = message.fields;
      window.take(deliveryTag);
      this.load.take(deliveryTag, message.content.length, this.outstanding);
      return { message, window, at: performance.now() };
    } catch (cause) {
      throw await this.refused(channel, cause);
    }
  }

  /** Takes no more messages: the calls of {@link ready} that wait reject. */
  stop(): void {
    this.closed = true;
    this.waiting.wake();
  }

  /** Sends the acks that wait, gives back the messages that are still open, and closes the channel. */
  async close(): Promise<void> {
    this.stop();
    await this.taking.close();
  }

  private async prepare(model: ChannelModel): Promise<void> {
    await this.options.prepare?.(model);
    if (await isStream(model, this.options.queue)) {
      throw new ConnectorError("QUEUE_UNAVAILABLE", `Queue ${this.options.queue} is a stream, from which single messages cannot be got: read it with amqp in`);
    }
  }

  private async refused(channel: Channel, cause: unknown): Promise<ConnectorError> {
    let error = channelError(cause, "queue");
    const code = replyCode(cause);
    if (code === 405 && /single active consumer/.test(error.message)) {
      const why = `Queue ${this.options.queue} gives its messages to its single active consumer only: take them with amqp in`;
      error = new ConnectorError("QUEUE_UNAVAILABLE", why, { cause, details: error.details });
    }
    this.lastError = error;
    // a queue that is only missing is declared again with the next channel
    const mended = code === 404 && this.options.prepare !== undefined;
    if (error.code === "QUEUE_UNAVAILABLE" && !mended) this.problem = error;
    await this.taking.renew(channel, 1_000); // in case the broker has not closed the channel itself
    return error;
  }

  private up(): void {
    this.problem = this.lastError = undefined;
    this.queueBackOff.reset();
    this.options.onState({ kind: "ready" });
    this.waiting.wake();
  }

  private down(error: unknown): void {
    this.lastError ??= error === undefined ? new ConnectorError("BROKER_UNAVAILABLE", "The channel was closed") : channelError(error, "queue");
    this.options.onState({ kind: "waiting", error: this.lastError });
    this.waiting.wake();
  }

  private failed(error: unknown): number | undefined {
    const cause = (this.lastError = channelError(error, "queue"));
    this.problem = cause.code === "BROKER_UNAVAILABLE" ? undefined : cause;
    const delay = this.problem ? this.queueBackOff.next() : undefined;
    this.options.onState({ kind: "waiting", error: cause });
    this.waiting.wake();
    return delay;
  }

  private unavailable(): ConnectorError {
    const { state } = this.options.connection;
    if (state.kind === "reconnecting" || state.kind === "refused") return state.error;
    return this.lastError ?? new ConnectorError("BROKER_UNAVAILABLE", "Not connected to the broker");
  }
}
