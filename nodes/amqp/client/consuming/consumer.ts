import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { BackOff } from "../../../common/back-off";
import { within } from "../../../common/deadline";
import { ConnectorError, errorText } from "../../../common/errors";
import type { AckWindow } from "./ack-window";
import type { ConsumerOptions } from "./consumer-options";
import { cancelled, notConsuming } from "./consume-faults";
import { channelError, endsConnection } from "../errors";
import { LoadLimit } from "./load-limit";
import { giveBack, TakingChannel, type Taken } from "./taking-channel";

/** Consumes one queue on a channel of its own. After the loss of the connection, the channel or the consumer it goes on by itself. */
export class Consumer {
  private readonly taking: TakingChannel;
  private readonly queueBackOff: BackOff;
  /** For requests over which the broker ends the connection of everybody. */
  private readonly costlyBackOff = new BackOff({ initial: 5_000, max: 300_000 });
  /** Whether it is to consume: it is neither paused nor stopped. */
  private wanted = true;
  private ended = false;
  /** Tag of the consumer on the present channel; `undefined` when there is none. */
  private consuming: string | undefined;
  /** The step by which a consumer is begun or ended just now. */
  private switching: Promise<void> | undefined;
  private tags = 0;
  /** The prefetch of that consumer. */
  private given = 0;
  /** One message at a time, see {@link Consumer.goCarefully}. */
  private careful = false;
  /** Messages above the prefetch, which wait here. They come because the broker does not count for a new consumer what is still open of the one before; so there are fewer than the prefetch. */
  private surplus: Taken[] = [];
  private readonly load: LoadLimit;
  /** Tag of a consumer that is to be replaced by one with a smaller prefetch, since its messages are large. What it is still sent after its cancellation goes back. */
  private overloaded: string | undefined;
  private lastError: ConnectorError | undefined;
  /** Whether the channel that is being set up is to be replaced once it is ready. */
  private stale = false;

  constructor(private readonly options: ConsumerOptions) {
    this.load = new LoadLimit(options.mostBytes);
    this.queueBackOff = options.queueBackOff ?? new BackOff({ initial: 5_000, max: 60_000 });
    this.taking = new TakingChannel({
      connection: options.connection,
      prepare: (_channel, model) => this.prepare(model),
      begin: async (channel, window) => {
        if (this.wanted) await this.consume(channel, window);
      },
      answers: (broker) => this.load.watching(options.answers?.(broker) ?? broker, () => this.answered()),
      onUp: () => this.up(),
      onDown: (error) => this.down(error),
      onFailed: (error) => this.failed(error),
      onLost: (window) => {
        this.surplus = [];
        this.load.clear();
        options.onLost(window);
      },
      answerTimeout: options.answerTimeout,
      preparation: options.preparation,
    });
  }

  /** How many messages were taken and not answered yet. */
  get outstanding(): number {
    return this.taking.outstanding;
  }

  /** Begins to consume as soon as the connection is there. */
  start(): void {
    this.options.onState({ kind: "starting" });
    this.taking.start();
  }

  /** Takes no more messages. Those that were taken stay open. */
  pause(): void {
    this.wanted = false;
    this.reconcile();
  }

  /** Takes messages again. */
  resume(): void {
    if (this.ended) return;
    this.wanted = true;
    this.handOver();
    if (!this.hasRoom) this.tell();
    this.reconcile();
  }

  /**
   * Takes one message at a time from now on: the system behind may still be away, and a quorum queue counts each message that is taken for nothing as
   * delivered once more. Messages above the prefetch go back.
   */
  goCarefully(): void {
    this.careful = true;
    this.giveBackSurplus();
    this.reconcile();
  }

  /** Takes as many messages at a time again as the prefetch says. */
  goFreely(): void {
    if (!this.careful) return;
    this.careful = false;
    this.reconcile();
  }

  /** Replaces the channel by a new one. The broker takes back what is open on the old one, without a message to that effect from us. */
  renew(): void {
    const { channel } = this.taking;
    if (channel) return void this.taking.renew(channel);
    this.stale = true; // messages come before the answer to `consume`, so the first may ask for this
    this.taking.drop();
  }

  /** Takes no more messages, for good. Resolves when the broker sends none any more, or after `deadline` ms. */
  async stop(deadline = 2_000): Promise<void> {
    this.ended = true;
    this.pause();
    const end = performance.now() + deadline; // a clock that nobody sets
    // a consumer that was just beginning begins first, and is ended by the next step
    while (this.switching && performance.now() < end) await within(this.switching, end - performance.now());
  }

  /** Sends what acks wait, gives back what is still open, and closes the channel. */
  async close(): Promise<void> {
    this.ended = true;
    this.wanted = false;
    await this.taking.close();
  }

  private get queue(): string {
    const { queue } = this.options;
    return typeof queue === "string" ? queue : queue();
  }

  private async prepare(model: ChannelModel): Promise<void> {
    this.consuming = undefined;
    this.stale = false;
    await this.options.prepare?.(model);
  }

  private async consume(channel: Channel, window: AckWindow): Promise<void> {
    const { tag } = this.options;
    this.tags += 1;
    const consumerTag = `${tag}-${this.tags}`;
    const handle = (message: ConsumeMessage | null): void => {
      if (message === null) this.cancelledByServer(channel, consumerTag, window);
      else this.received(message, window, consumerTag);
    };
    const { share } = this;
    await channel.prefetch(share, false); // counts for the consumers to come
    this.consuming = consumerTag; // messages come before the answer
    this.given = share;
    await channel.consume(this.queue, handle, { consumerTag, arguments: this.options.arguments?.() ?? {} });
  }

  private received(message: ConsumeMessage, window: AckWindow, consumerTag: string): void {
    if (window.closed) return; // given up: the broker gives it out again
    const { deliveryTag } = message.fields;
    const behind = this.full || this.surplus.length > 0;
    window.take(deliveryTag);
    const taken = { message, window, at: performance.now() };
    if (this.options.chunks) return this.hand(taken);
    const overloaded = this.overloads(taken, consumerTag);
    if (overloaded && consumerTag !== this.consuming) return window.giveBack(deliveryTag);
    if (behind || overloaded) this.surplus.push(taken);
    else this.hand(taken);
    if (overloaded) this.reconcile();
  }

  /** Takes note of a message's size. @returns whether its consumer is sent too many messages of that size, and must be replaced by one with a smaller prefetch */
  private overloads({ message }: Taken, consumerTag: string): boolean {
    if (consumerTag === this.overloaded) return true;
    const before = this.share;
    this.load.take(message.fields.deliveryTag, message.content.length, this.outstanding);
    if (this.share > before) this.reconcile();
    if (this.share >= before) return false;
    this.overloaded = consumerTag;
    this.options.onLarge?.(this.load.room);
    return true;
  }

  private hand(taken: Taken): void {
    try {
      this.options.onMessage(taken);
    } catch (error) {
      // An exception in amqplib's callback would end the connection.
      this.options.onState({ kind: "waiting", error: new ConnectorError("FLOW_ERROR", errorText(error), { cause: error }) });
      giveBack(taken);
    }
  }

  /** Hands over messages that were above the prefetch, as far as there is room now. */
  private handOver(): void {
    while (this.surplus.length > 0 && this.wanted && this.outstanding - this.surplus.length < this.options.prefetch) this.hand(this.surplus.shift() as Taken);
  }

  private giveBackSurplus(): void {
    for (const taken of this.surplus.splice(0)) giveBack(taken);
  }

  /**
   * The queue was deleted, its leader has moved, or (RabbitMQ 4.3) the consumer timeout has struck, and the broker has taken everything back. The channel
   * is replaced, and what was taken on it can no longer be answered from this moment on: until the broker has closed it, a dead letter could otherwise be
   * made of a message that it gives out again.
   */
  private cancelledByServer(channel: Channel, consumerTag: string, window: AckWindow): void {
    if (this.consuming === consumerTag) this.consuming = undefined;
    this.lastError = cancelled(this.queue);
    if (window === this.taking.window) this.taking.drop();
    void this.taking.renew(channel);
  }

  private up(): void {
    if (this.stale) return this.renew();
    this.lastError = undefined;
    this.queueBackOff.reset();
    this.costlyBackOff.reset();
    this.tell();
    this.reconcile(); // pause or resume may have come while it was being set up
  }

  private down(error: unknown): void {
    this.consuming = undefined;
    const cause = error === undefined ? undefined : channelError(error, "queue");
    const fallback = this.lastError ?? new ConnectorError("BROKER_UNAVAILABLE", "The channel was closed");
    this.options.onState({ kind: "waiting", error: cause ?? fallback });
  }

  private failed(error: unknown): number | undefined {
    this.consuming = undefined;
    const cause = notConsuming(this.queue, error);
    const backOff = endsConnection(cause.cause) ? this.costlyBackOff : this.queueBackOff;
    const delay = cause.code === "BROKER_UNAVAILABLE" ? undefined : backOff.next();
    this.options.onState(delay === undefined ? { kind: "waiting", error: cause } : { kind: "waiting", error: cause, delay });
    return delay;
  }

  private tell(): void {
    if (!this.taking.channel) return;
    const atWork = this.consuming !== undefined || (this.wanted && !this.hasRoom); // without room it works, too: an answer makes room for a consumer
    this.options.onState({ kind: atWork ? "consuming" : "paused" });
  }

  /** Begins or ends consumers until what is there is what is wanted, one step after the other. */
  private reconcile(): void {
    // in a microtask: messages that are given back in this turn ask for a step, too
    this.switching ??= Promise.resolve().then(() => this.switchOver()).finally(() => {
      this.switching = undefined;
      if (this.outOfStep()) this.reconcile();
    });
  }

  private async switchOver(): Promise<void> {
    const { channel, window } = this.taking;
    const { consuming } = this;
    if (!channel || !window || !this.outOfStep()) return;
    this.consuming = undefined;
    try {
      if (consuming === undefined) await this.taking.ask(this.consume(channel, window));
      else {
        const cancelled = channel.cancel(consuming);
        if (consuming === this.overloaded) this.giveBackSurplus(); // after the cancellation: they would come again at once
        await this.taking.ask(cancelled, channel);
      }
      if (!this.outOfStep()) this.tell();
    } catch (error) {
      // The request was refused, which has closed the channel, or not answered: the new channel is set up as is wanted by then.
      this.lastError ??= channelError(error, "queue");
      await this.taking.renew(channel, 1_000);
    }
  }

  /** A message was answered: there may be room for one that waits here, or for a new consumer. */
  private answered(): void {
    this.handOver();
    if (this.wanted && this.consuming === undefined) this.reconcile();
  }

  /** Whether the consumer is not what is wanted. */
  private outOfStep(): boolean {
    const { channel, window } = this.taking;
    const { consuming } = this;
    if (!channel || !window) return false;
    if (consuming !== undefined) return !this.wanted || this.given !== this.share || consuming === this.overloaded;
    return this.wanted && this.hasRoom;
  }

  /** The prefetch of a consumer that begins now. */
  private get share(): number {
    return this.careful ? 1 : Math.min(this.options.prefetch, this.load.count);
  }

  /** Whether another consumer may begin. */
  private get hasRoom(): boolean {
    return !this.full && !this.load.tooMuch;
  }

  /** Whether as many messages are open as the prefetch allows. */
  private get full(): boolean {
    return this.outstanding >= this.options.prefetch;
  }
}
