import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { BackOff } from "../../common/back-off";
import { within } from "../../common/deadline";
import { ConnectorError, errorText } from "../../common/errors";
import type { AckWindow } from "./ack-window";
import type { ConsumerOptions } from "./consumer-options";
import { cancelled, notConsuming } from "./consume-faults";
import { channelError, endsConnection } from "./errors";
import { LoadLimit } from "./load-limit";
import { TakingChannel, type Taken } from "./taking-channel";

/** Consumes one queue on a channel of its own, and goes on by itself after the connection, the channel or the consumer is lost. */
export class Consumer {
  private readonly taking: TakingChannel;
  private readonly queueBackOff: BackOff;
  /** For what takes the connection away from everybody. */
  private readonly costlyBackOff = new BackOff({ initial: 5_000, max: 300_000 });
  private wanted = true;
  private ended = false;
  /** Tag of the consumer that runs on the present channel. */
  private consuming: string | undefined;
  private switching: Promise<void> | undefined;
  private tags = 0;
  /** How many messages that consumer is sent at once. */
  private given = 0;
  /** One message at a time, see {@link Consumer.goCarefully}. */
  private careful = false;
  /** Above the prefetch: the broker does not count to a new consumer what is still open of the one before. So they are less than the prefetch. */
  private surplus: Taken[] = [];
  private readonly load: LoadLimit;
  /** Tag of the consumer that is to be sent fewer messages, since they are large: what else it is sent goes back once it is told to end. */
  private overloaded: string | undefined;
  private lastError: ConnectorError | undefined;

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

  /** Messages taken and not answered yet. */
  get outstanding(): number {
    return this.taking.outstanding;
  }

  /** Begins to consume as soon as the connection is there. */
  start(): void {
    this.options.onState({ kind: "starting" });
    this.taking.start();
  }

  /** Takes no more; what was taken stays open. */
  pause(): void {
    this.wanted = false;
    this.reconcile();
  }

  /** Takes again. */
  resume(): void {
    if (this.ended) return;
    this.wanted = true;
    this.handOver();
    if (!this.hasRoom) this.tell();
    this.reconcile();
  }

  /**
   * One message at a time from now on: the system behind may be away still, and each that is taken for nothing counts as a delivery of a quorum
   * queue. What is above the prefetch goes back.
   */
  goCarefully(): void {
    this.careful = true;
    this.giveBackSurplus();
    this.reconcile();
  }

  /** As many at a time again as the prefetch says. */
  goFreely(): void {
    if (!this.careful) return;
    this.careful = false;
    this.reconcile();
  }

  /** Gives the channel up for a new one: the broker takes back what is open on it, without a give-back being said. */
  renew(): void {
    const { channel } = this.taking;
    if (channel) void this.taking.renew(channel);
  }

  /** Takes no more, for good. Resolves when the broker sends nothing any more, after `deadline` ms at the latest. */
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

  /** Whether messages of that consumer are too many, since they are large: another is to be sent fewer. */
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
      taken.window.giveBack(taken.message.fields.deliveryTag);
    }
  }

  /** Hands over what was above the prefetch, as far as there is room now. */
  private handOver(): void {
    while (this.surplus.length > 0 && this.wanted && this.outstanding - this.surplus.length < this.options.prefetch) this.hand(this.surplus.shift() as Taken);
  }

  private giveBackSurplus(): void {
    for (const { message, window } of this.surplus.splice(0)) window.giveBack(message.fields.deliveryTag);
  }

  /**
   * The queue was deleted, its leader moved, or (4.3) the consumer timeout struck: the broker has taken everything back. A new channel
   * makes a clean start; the old tags must not be used on it. They end at once: until the broker has closed the old channel, a dead
   * letter could be made of a message that it gives out again.
   */
  private cancelledByServer(channel: Channel, consumerTag: string, window: AckWindow): void {
    if (this.consuming === consumerTag) this.consuming = undefined;
    this.lastError = cancelled(this.queue);
    if (window === this.taking.window) this.taking.drop();
    void this.taking.renew(channel);
  }

  private up(): void {
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
    const atWork = this.consuming !== undefined || (this.wanted && !this.hasRoom); // an answer makes room for a consumer
    this.options.onState({ kind: atWork ? "consuming" : "paused" });
  }

  /** Brings the consumer to what is wanted, one step after the other. */
  private reconcile(): void {
    // not in this turn: what it gives back asks for a step, too
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
        if (consuming === this.overloaded) this.giveBackSurplus(); // behind that: it would come again at once
        await this.taking.ask(cancelled, channel);
      }
      if (!this.outOfStep()) this.tell();
    } catch (error) {
      // Refused, which has closed the channel, or unanswered: a new one is made, and set up as it is wanted by then.
      this.lastError ??= channelError(error, "queue");
      await this.taking.renew(channel, 1_000);
    }
  }

  /** There may be room again, for what waits here and for a new consumer. */
  private answered(): void {
    this.handOver();
    if (this.wanted && this.consuming === undefined) this.reconcile();
  }

  private outOfStep(): boolean {
    const { channel, window } = this.taking;
    const { consuming } = this;
    if (!channel || !window) return false;
    if (consuming !== undefined) return !this.wanted || this.given !== this.share || consuming === this.overloaded;
    return this.wanted && this.hasRoom;
  }

  /** How many messages the broker may send a consumer that begins now. */
  private get share(): number {
    return this.careful ? 1 : Math.min(this.options.prefetch, this.load.count);
  }

  /** Whether another consumer may begin. */
  private get hasRoom(): boolean {
    return !this.full && !this.load.tooMuch;
  }

  private get full(): boolean {
    return this.outstanding >= this.options.prefetch;
  }
}
