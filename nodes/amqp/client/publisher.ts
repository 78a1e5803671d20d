import type { ChannelModel, ConfirmChannel, Message, Options } from "amqplib";
import { ConnectorError, errorText } from "../../common/errors";
import type { Connection } from "./connection";
import { endingOf, type Ending } from "./ending";
import { channelError } from "./errors";
import { MAX_HEADERS, sizeOfHeaderFrame } from "./headers";
import { Outlet } from "./outlet";
import { blame, blockedFor, encodingError, targetOf, unavailable } from "./publish-faults";
import { markReturned, returnedError, type Returnable } from "./returns";
import { SupervisedChannel } from "./supervised-channel";

/** One message to publish. */
export interface Outgoing {
  /** "" is the default exchange: the routing key is a queue's name. */
  exchange: string;
  routingKey: string;
  content: Buffer;
  /** Properties; headers sanitised before. With `mandatory`, a message no queue takes is an error. */
  options: Options.Publish;
  /** Asked when it is its turn. Default: it is. */
  isWanted?(): boolean;
}

/** What a publisher needs. */
export interface PublisherOptions {
  connection: Connection;
  /**
   * ms until a message without an answer counts as lost. Default 15000. Does not run while the broker blocks the connection. Twice as long each
   * time that a channel has confirmed nothing at all, up to {@link MOST_PATIENCE} times.
   */
  confirmTimeout?: number;
  /** Unconfirmed messages at most, and no more than {@link WINDOW_BYTES} of them; more wait. Default 1000: beyond it a plain script gains nothing (20,301/s classic, 46,687/s quorum). */
  window?: number;
  /** Prepares each new channel before anything is published on it. When it fails, the channel is made again later. */
  onChannel?(channel: ConfirmChannel): Promise<unknown>;
  /** The channel is gone or could not be made; another follows by itself. */
  onDown?(error: ConnectorError): void;
  onUp?(): void;
}

interface Pending extends Returnable {
  readonly finish: (error?: ConnectorError) => void;
  sentAt: number;
}

/** Content that may be unconfirmed, in bytes, so that large messages do not all stand in the socket's buffer as well. One larger goes alone. */
const WINDOW_BYTES = 16 * 1024 * 1024;

/** How long a publish waits for a channel that is just being made, before it says there is none. */
const GRACE = 1_000;

/**
 * So many times longer than at first, at most, a channel may be silent after others that were. A quorum queue that has lost its majority keeps each
 * copy it is sent, and has them all when the majority is back (RabbitMQ 3.10.8): 240 of each message in an hour, and so 19.
 */
const MOST_PATIENCE = 16;

/**
 * ms without a confirm, from when on a refusal costs the channel. One that first publishes to a quorum queue just as that has lost its leader
 * may be refused everything for long (RabbitMQ 3.10.8 on a busy machine: 7,491 nacks in two minutes); a new channel asks anew for the leader.
 */
const REFUSING = 10_000;

/**
 * Publishes on a confirm channel of its own. A message is done when the broker has confirmed it, and fails by its own fault alone:
 * a return is matched to the message it belongs to, a nack is the nacked one's.
 */
export class Publisher {
  private readonly supervised: SupervisedChannel<ConfirmChannel>;
  private readonly pending = new Set<Pending>();
  private pendingBytes = 0;
  /** Messages that wait for the window, for `drain`, or for the broker to unblock. */
  private readonly queue: Pending[] = [];
  /** With so many waiting, it is looked for some that need not wait any longer. */
  private tidyAbove = 0;
  private readonly waiters = new Set<(error?: ConnectorError) => void>();
  private full = false;
  private closed = false;
  private sweep: NodeJS.Timeout | undefined;
  private unsubscribe: (() => void) | undefined;
  private readonly window: number;
  private readonly confirmTimeout: number;
  private lastError: ConnectorError | undefined;
  /** When the present channel has last confirmed a message, and when one was last given up for refusing. */
  private confirmedAt = 0;
  private renewedAt = 0;
  /** When the youngest of its confirmed messages was sent. */
  private confirmedUntil = 0;
  /** Bytes that a content header may take: an own frame, which the broker ends the connection over when it is larger than agreed. */
  private headerRoom = Infinity;
  /** By how much a silent channel is given longer than the first: grows until something is confirmed. */
  private patience = 1;
  private ending: Ending | undefined;
  private outlet: Outlet | undefined;
  /** When the line was last seen to take some of what the present channel is to send. */
  private movedAt = 0;

  constructor(private readonly options: PublisherOptions) {
    this.window = options.window ?? 1_000;
    this.confirmTimeout = options.confirmTimeout ?? 15_000;
    this.supervised = new SupervisedChannel<ConfirmChannel>({
      connection: options.connection,
      create: (model) => model.createConfirmChannel(),
      setup: (channel, model) => this.setup(channel, model),
      onUp: () => this.up(),
      onDown: (_channel, error) => this.down(error),
      onFailed: (error) => this.failed(error),
      worked: () => this.confirmedAt > 0,
    });
  }

  /** Published and not confirmed yet, or waiting to be published. */
  get unconfirmed(): number {
    return this.pending.size + this.queue.length;
  }

  /** Opens the channel. Publishing does it by itself. */
  start(): void {
    if (this.unsubscribe) return;
    this.unsubscribe = this.options.connection.subscribe({ state: ({ kind }) => kind === "connected" && this.pump() });
    // a tenth is precise enough, and one timer is enough for thousands of messages
    this.sweep = setInterval(() => this.checkTimeouts(), Math.max(50, this.confirmTimeout / 10));
    this.supervised.start();
  }

  /** {@link send} as a promise, which rejects with the error. */
  publish(message: Outgoing): Promise<void> {
    return new Promise((resolve, reject) => this.send(message, (error) => (error ? reject(error) : resolve())));
  }

  /**
   * Sends a message. What is sent in one turn is sent in that order.
   *
   * @param finish called once: without an error when the broker has confirmed the message; otherwise with PUBLISH_RETURNED (mandatory, and
   *   no queue took it), PUBLISH_REJECTED (nack, or not allowed), PUBLISH_UNCONFIRMED (channel closed or no answer in time: it may or may not
   *   have arrived; of scope message when others have been confirmed meanwhile), EXCHANGE_UNAVAILABLE, HEADERS_INVALID, PAYLOAD_TOO_LARGE
   *   (this broker takes less), BROKER_UNAVAILABLE (not sent)
   */
  send(message: Outgoing, finish: (error?: ConnectorError) => void): void {
    if (this.closed) return finish(unavailable("The publisher is closed"));
    this.start();
    const pending: Pending = { message, finish, sentAt: 0, returned: undefined };
    if (this.supervised.channel) this.enqueue(pending);
    else this.ready(GRACE).then(() => this.enqueue(pending), finish);
  }

  /** Resolves when there is a channel to publish on. @throws ConnectorError after `timeout` ms, or when the publisher is closed */
  ready(timeout?: number): Promise<void> {
    if (this.closed) return Promise.reject(unavailable("The publisher is closed"));
    this.start();
    if (this.supervised.channel) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (error?: ConnectorError): void => {
        clearTimeout(timer);
        this.waiters.delete(settle);
        if (error) reject(error);
        else resolve();
      };
      const timer = timeout === undefined ? undefined : setTimeout(() => settle(this.reason()), timeout);
      this.waiters.add(settle);
    });
  }

  /** Closes the channel. What is not confirmed fails with PUBLISH_UNCONFIRMED; let it finish first. */
  async close(deadline = 2_000): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.sweep);
    this.unsubscribe?.();
    await this.supervised.close(deadline);
    this.failAll("The publisher was closed before the broker confirmed the message");
    for (const wake of [...this.waiters]) wake(unavailable("The publisher is closed"));
  }

  private get blocked(): boolean {
    return this.options.connection.state.kind === "blocked";
  }

  private async setup(channel: ConfirmChannel, model: ChannelModel): Promise<void> {
    this.ending = endingOf(model);
    this.outlet = new Outlet(channel);
    const { frameMax } = model.connection as unknown as { frameMax: number };
    this.headerRoom = frameMax < 2 * MAX_HEADERS ? frameMax : Infinity; // all that can be encoded fits
    channel.on("return", (message: Message) => markReturned(this.pending, message));
    channel.on("drain", () => {
      this.full = false;
      this.pump();
    });
    await this.options.onChannel?.(channel);
  }

  private up(): void {
    this.full = false;
    this.confirmedAt = this.confirmedUntil = this.movedAt = 0;
    this.lastError = undefined;
    for (const wake of [...this.waiters]) wake();
    this.options.onUp?.();
    this.pump();
  }

  private down(error: unknown): void {
    const reason = error ?? this.ending?.error;
    const cause = reason === undefined ? undefined : channelError(reason, "exchange");
    this.lastError = cause;
    this.failAll(cause?.message ?? "The channel was closed before the broker confirmed the message", cause);
    this.options.onDown?.(cause ?? unavailable("The channel was closed"));
  }

  private failed(error: unknown): undefined {
    this.lastError = channelError(error, "exchange");
    this.options.onDown?.(this.lastError);
    return undefined;
  }

  private reason(): ConnectorError {
    const { state } = this.options.connection;
    if ("error" in state) return state.error;
    if (state.kind === "blocked") return blockedFor(state.reason); // not even a channel can be made
    return this.lastError ?? unavailable("Not connected to the broker");
  }

  private enqueue(pending: Pending): void {
    if (this.queue.length === 0 && this.canSend()) this.transmit(pending);
    else {
      this.queue.push(pending);
      if (this.queue.length > this.tidyAbove) this.tidy();
    }
  }

  /** The broker may block for hours: meanwhile it takes back what waits for its copy, and gives it out again to wait for another. */
  private tidy(): void {
    const waiting = this.queue.splice(0);
    this.queue.push(...waiting.filter(isWanted));
    this.tidyAbove = Math.max(this.window, 2 * this.queue.length);
    for (const pending of waiting) if (!isWanted(pending)) pending.finish(unwanted());
  }

  private canSend(): boolean {
    return this.supervised.channel !== undefined && !this.full && !this.blocked && this.pending.size < this.window && this.pendingBytes < WINDOW_BYTES;
  }

  private pump(): void {
    while (this.queue.length > 0 && this.canSend()) this.transmit(this.queue.shift() as Pending);
  }

  private transmit(pending: Pending): void {
    const { channel } = this.supervised;
    if (!channel) return pending.finish(this.reason());
    if (!isWanted(pending)) return pending.finish(unwanted());
    const { exchange, routingKey, content, options } = pending.message;
    if (this.headerRoom < Infinity && sizeOfHeaderFrame(options) > this.headerRoom) return pending.finish(headersTooLarge(this.headerRoom));
    pending.sentAt = performance.now();
    this.pending.add(pending);
    this.pendingBytes += content.length;
    try {
      this.full = !channel.publish(exchange, routingKey, content, options, (error: unknown) => this.confirmed(pending, error));
    } catch (error) {
      // Thrown before a byte was written: what it holds cannot be encoded, or the channel is closing.
      this.finish(pending, encodingError(error));
    }
  }

  private confirmed(pending: Pending, error: unknown): void {
    if (!this.pending.has(pending)) return; // failed before: timed out, or its channel closed
    if (pending.returned) this.finish(pending, returnedError(pending.message, pending.returned));
    else if (!error) {
      this.confirmedAt = performance.now();
      this.patience = 1;
      if (pending.sentAt > this.confirmedUntil) this.confirmedUntil = pending.sentAt;
      this.finish(pending);
    } else if (errorText(error) === "message nacked") {
      this.finish(pending, new ConnectorError("PUBLISH_REJECTED", `The broker refused the message to ${targetOf(pending.message)} (nack)`));
      this.refused();
    } else return; // "channel closed": `down` comes with the reason
    if (this.queue.length > 0) this.pump();
  }

  /** Gives up a channel that does nothing but refuse, once nothing on it is uncertain. */
  private refused(): void {
    const { channel } = this.supervised;
    const now = performance.now();
    if (!channel || this.unconfirmed > 0 || now - Math.max(this.confirmedAt, this.renewedAt) < REFUSING) return;
    this.renewedAt = now;
    void this.supervised.renew(channel);
  }

  private finish(pending: Pending, error?: ConnectorError): void {
    this.pending.delete(pending);
    this.pendingBytes -= pending.message.content.length;
    pending.finish(error);
  }

  /**
   * A silent channel is given up as a whole: its messages may still arrive, and publishing them again beside it could swap their order. While
   * it confirms, or the line still takes what it is to send, its oldest message may be no further than a slow line; one that was overtaken for
   * so long is lost alone.
   */
  private checkTimeouts(): void {
    if (this.pending.size === 0 || this.blocked) return this.restartClock();
    this.giveUpOvertaken();
    if (this.outlet?.isMoving()) this.movedAt = performance.now();
    const oldest = this.pending.values().next().value;
    const allowed = this.confirmTimeout * this.patience;
    if (!oldest || performance.now() - Math.max(oldest.sentAt, this.confirmedAt, this.movedAt) < allowed) return;
    if (this.confirmedAt === 0) this.patience = Math.min(MOST_PATIENCE, this.patience * 2);
    this.failAll(`The broker did not confirm the message within ${allowed} ms`);
    if (this.supervised.channel) void this.supervised.renew(this.supervised.channel);
  }

  /** Of a queue without a majority, say, while others confirm. */
  private giveUpOvertaken(): void {
    for (const pending of this.pending) {
      if (pending.sentAt + this.confirmTimeout >= this.confirmedUntil) break;
      const text = `The broker did not confirm the message to ${targetOf(pending.message)}, though it confirmed what was sent ${this.confirmTimeout} ms later`;
      this.finish(pending, new ConnectorError("PUBLISH_UNCONFIRMED", text, { scope: "message" }));
    }
    this.pump();
  }

  private restartClock(): void {
    const now = performance.now();
    for (const pending of this.pending) pending.sentAt = now;
  }

  /** Everything on its way is uncertain, except what the broker closed the channel over. */
  private failAll(text: string, cause?: ConnectorError): void {
    const sent = [...this.pending];
    const waiting = this.queue.splice(0);
    this.pending.clear();
    this.pendingBytes = 0;
    const guilty = blame(cause, sent.length === 1);
    for (const { message, finish } of sent) finish(guilty(message) ?? new ConnectorError("PUBLISH_UNCONFIRMED", text, { cause }));
    for (const { finish } of waiting) finish(unavailable(text));
  }
}

const isWanted = ({ message }: Pending): boolean => message.isWanted?.() ?? true;

function unwanted(): ConnectorError {
  return unavailable("The message is not to be sent any more");
}

function headersTooLarge(room: number): ConnectorError {
  return new ConnectorError("HEADERS_INVALID", `The headers and properties do not fit into a frame: this broker takes ${room} bytes (frame_max)`);
}
