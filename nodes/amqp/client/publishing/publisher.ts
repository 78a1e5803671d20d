import type { ChannelModel, ConfirmChannel, Message } from "amqplib";
import { ConnectorError, errorText } from "../../../common/errors";
import { Sleepers } from "../../../common/sleep";
import { ConfirmWatch } from "./confirm-watch";
import { endingOf, type Ending } from "../ending";
import { channelError } from "../errors";
import { MAX_HEADERS, sizeOfHeaderFrame } from "../headers/headers";
import { Outlet } from "./outlet";
import { blame, blockedFor, encodingError, headersTooLarge, overtaken, targetOf, unavailable, unwanted } from "./publish-faults";
import type { Outgoing, PublisherOptions } from "./publisher-options";
import { markReturned, returnedError, type Returnable } from "./returns";
import { SupervisedChannel } from "../connection/supervised-channel";
import { WaitingLine } from "./waiting-line";

export type { Outgoing, PublisherOptions } from "./publisher-options";

interface Pending extends Returnable {
  readonly finish: (error?: ConnectorError) => void;
  sentAt: number;
}

/** Most bytes of content that may be unconfirmed, so that large messages are not all in the socket's buffer as well. A message that is larger is sent alone. */
const WINDOW_BYTES = 16 * 1024 * 1024;

/** How long, in ms, a message waits for a channel that is just being opened before it fails. */
const GRACE = 1_000;

/**
 * Publishes on a confirm channel of its own. A message succeeds when the broker has confirmed it. It does not fail because of others: a return or a nack fails only the
 * message that it belongs to.
 */
export class Publisher {
  private readonly supervised: SupervisedChannel<ConfirmChannel>;
  private readonly pending = new Set<Pending>();
  private pendingBytes = 0;
  /** Messages that wait for the window, for `drain`, or for the broker to unblock. */
  private readonly line: WaitingLine<Pending>;
  private readonly watch: ConfirmWatch;
  /** The calls that wait for a channel. */
  private readonly waiters = new Sleepers();
  private full = false;
  private closed = false;
  private sweep: NodeJS.Timeout | undefined;
  private unsubscribe: (() => void) | undefined;
  private readonly window: number;
  private readonly confirmTimeout: number;
  private lastError: ConnectorError | undefined;
  /** Most bytes of the frame with headers and properties. If it is larger than agreed, the broker ends the connection. */
  private headerRoom = Infinity;
  private ending: Ending | undefined;
  private outlet: Outlet | undefined;

  constructor(private readonly options: PublisherOptions) {
    this.window = options.window ?? 1_000;
    this.confirmTimeout = options.confirmTimeout ?? 15_000;
    this.watch = new ConfirmWatch({ timeout: this.confirmTimeout });
    this.line = new WaitingLine({ unseen: this.window, isWanted, onUnwanted: ({ finish }) => finish(unwanted()) });
    this.supervised = new SupervisedChannel<ConfirmChannel>({
      connection: options.connection,
      create: (model) => model.createConfirmChannel(),
      setup: (channel, model) => this.setup(channel, model),
      onUp: () => this.up(),
      onDown: (_channel, error) => this.down(error),
      onFailed: (error) => this.failed(error),
      worked: () => this.watch.hasConfirmed,
    });
  }

  /** How many messages are published and not confirmed yet, or wait to be published. */
  get unconfirmed(): number {
    return this.pending.size + this.line.size;
  }

  /** Opens the channel. Publishing calls this itself. */
  start(): void {
    if (this.unsubscribe || this.closed) return;
    this.unsubscribe = this.options.connection.subscribe({ state: ({ kind }) => kind === "connected" && this.pump() });
    // a tenth of the timeout is precise enough, and one timer serves thousands of messages
    const every = Math.max(50, this.confirmTimeout / 10);
    let last = performance.now();
    this.sweep = setInterval(() => {
      const passed = performance.now() - last;
      last += passed;
      if (passed > 2 * every) this.watch.moved(); // this process stood still, not the broker: nothing was sent, and what has arrived is not read yet
      this.checkTimeouts();
    }, every);
    this.supervised.start();
  }

  /** Like {@link send}, but returns a promise that rejects with the error. */
  publish(message: Outgoing): Promise<void> {
    return new Promise((resolve, reject) => this.send(message, (error) => (error ? reject(error) : resolve())));
  }

  /**
   * Sends a message. Messages that are sent in one turn of the event loop keep their order.
   *
   * @param finish called once: without an error when the broker has confirmed the message; otherwise with PUBLISH_RETURNED (mandatory, and no queue took it),
   *   PUBLISH_REJECTED (nack, or not allowed), PUBLISH_UNCONFIRMED (channel closed or no answer in time, so that the message may or may not have arrived; its scope is
   *   `message` if later messages were confirmed), EXCHANGE_UNAVAILABLE, HEADERS_INVALID, PAYLOAD_TOO_LARGE (larger than this broker allows), BROKER_UNAVAILABLE (not sent)
   */
  send(message: Outgoing, finish: (error?: ConnectorError) => void): void {
    if (this.closed) return finish(unavailable("The publisher is closed"));
    this.start();
    const pending: Pending = { message, finish, sentAt: 0, returned: undefined };
    if (this.supervised.channel) this.enqueue(pending);
    else this.ready(GRACE).then(() => this.enqueue(pending), finish);
  }

  /** Resolves when there is a channel to publish on. @throws ConnectorError after `timeout` ms, or when the publisher is closed */
  async ready(timeout?: number): Promise<void> {
    this.start();
    const isUp = this.supervised.channel !== undefined || (await this.waiters.sleep(timeout));
    if (this.closed) throw unavailable("The publisher is closed");
    if (!isUp) throw this.reason();
  }

  /** Closes the channel, within `deadline` ms. Messages that are not confirmed fail with PUBLISH_UNCONFIRMED, so callers should let them finish first. */
  async close(deadline = 2_000): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.sweep);
    this.unsubscribe?.();
    this.waiters.end();
    await this.supervised.close(deadline);
    this.failAll("The publisher was closed before the broker confirmed the message");
  }

  private get blocked(): boolean {
    return this.options.connection.state.kind === "blocked";
  }

  private async setup(channel: ConfirmChannel, model: ChannelModel): Promise<void> {
    const ending = endingOf(model);
    this.watch.begin(ending !== this.ending);
    this.ending = ending;
    this.outlet = new Outlet(channel);
    const { frameMax } = model.connection as unknown as { frameMax: number };
    this.headerRoom = frameMax < 2 * MAX_HEADERS ? frameMax : Infinity; // with a larger frame_max, everything that amqplib can encode fits
    channel.on("return", (message: Message) => markReturned(this.pending, message));
    channel.on("drain", () => {
      this.full = false;
      this.pump();
    });
    await this.options.onChannel?.(channel);
  }

  private up(): void {
    this.full = false;
    this.lastError = undefined;
    this.waiters.wake();
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
    if (state.kind === "blocked") return blockedFor(state.reason); // not even a channel can be opened then
    return this.lastError ?? unavailable("Not connected to the broker");
  }

  private enqueue(pending: Pending): void {
    if (this.line.size === 0 && this.canSend()) this.transmit(pending);
    else this.line.add(pending);
  }

  private canSend(): boolean {
    return this.supervised.channel !== undefined && !this.full && !this.blocked && this.pending.size < this.window && this.pendingBytes < WINDOW_BYTES;
  }

  private pump(): void {
    while (this.line.size > 0 && this.canSend()) this.transmit(this.line.next() as Pending);
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
      // Thrown before a byte was written: the message cannot be encoded, or the channel is closing.
      this.finish(pending, encodingError(error));
    }
  }

  private confirmed(pending: Pending, error: unknown): void {
    if (!this.pending.has(pending)) return; // it has failed already: by a timeout, or because its channel was closed
    if (pending.returned) this.finish(pending, returnedError(pending.message, pending.returned));
    else if (!error) {
      this.watch.confirmed(pending.sentAt, pending.message);
      this.finish(pending);
    } else if (errorText(error) === "message nacked") {
      this.finish(pending, new ConnectorError("PUBLISH_REJECTED", `The broker refused the message to ${targetOf(pending.message)} (nack)`));
      this.refused(pending.message);
    } else return; // "channel closed": `down` is called with the reason
    if (this.line.size > 0) this.pump();
  }

  /** Replaces a channel on which every message is refused, or all to one destination, when no message on it is open any more. */
  private refused(message: Outgoing): void {
    this.watch.refused(message);
    if (this.unconfirmed === 0 && this.watch.givesUpRefusing(message)) this.renew();
  }

  private finish(pending: Pending, error?: ConnectorError): void {
    this.pending.delete(pending);
    this.pendingBytes -= pending.message.content.length;
    pending.finish(error);
  }

  /**
   * Gives up messages without an answer. A silent channel is given up as a whole: its messages may still arrive, and publishing them again on another channel beside it
   * could change their order. It is not silent while it confirms messages or its frames are still being sent, as on a slow line. A single message counts as lost when
   * messages sent a full timeout after it were confirmed.
   */
  private checkTimeouts(): void {
    if (this.pending.size === 0 || this.blocked) return this.restartClock();
    this.giveUpOvertaken();
    if (this.outlet?.isMoving()) this.watch.moved();
    const oldest = this.pending.values().next().value;
    const silence = oldest && this.watch.givesUp(oldest.sentAt);
    if (silence === undefined) return;
    this.failAll(`The broker did not confirm the message within ${silence} ms`);
    this.renew();
  }

  private renew(): void {
    if (this.supervised.channel) void this.supervised.renew(this.supervised.channel);
  }

  private giveUpOvertaken(): void {
    for (const pending of this.pending) {
      if (!this.watch.isOvertaken(pending.sentAt)) break;
      this.finish(pending, overtaken(pending.message, this.confirmTimeout));
    }
    this.pump();
  }

  private restartClock(): void {
    const now = performance.now();
    for (const pending of this.pending) pending.sentAt = now;
  }

  /** Fails all messages. For those that were sent it is uncertain whether they arrived, except for the one over which the broker closed the channel. */
  private failAll(text: string, cause?: ConnectorError): void {
    const sent = [...this.pending];
    const waiting = this.line.clear();
    this.pending.clear();
    this.pendingBytes = 0;
    const guilty = blame(cause, sent.length === 1);
    for (const { message, finish } of sent) finish(guilty(message) ?? new ConnectorError("PUBLISH_UNCONFIRMED", text, { cause }));
    for (const { finish } of waiting) finish(unavailable(text));
  }
}

const isWanted = ({ message }: Pending): boolean => message.isWanted?.() ?? true;
