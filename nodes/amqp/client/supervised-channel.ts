import type { Channel, ChannelModel } from "amqplib";
import { BackOff } from "../../common/back-off";
import { within } from "../../common/deadline";
import { isConnectorError, type ConnectorError } from "../../common/errors";
import type { Connection } from "./connection";
import { endsConnection, isOutOfChannels } from "./errors";

/** How to make a channel and what to do with it. */
export interface ChannelPlan<C extends Channel> {
  connection: Connection;
  create(model: ChannelModel): Promise<C>;
  /** Prepares each new channel (prefetch, consume, …). When it fails the channel is closed and made again later. */
  setup?(channel: C, model: ChannelModel): Promise<void>;
  onUp?(channel: C): void;
  /** The channel is gone, by an error of its own or with its connection. Another follows by itself. */
  onDown?(channel: C, error: unknown): void;
  /** Making or preparing it failed. @returns ms until the next try, or `undefined` for the usual back-off */
  onFailed?(error: unknown): number | undefined;
  /** Whether the open channel has been of use: then the next follows soon, however short this one's life. Default: only its age counts. */
  worked?(): boolean;
  /** ms that {@link ChannelPlan.setup} may take. Default {@link ANSWER_TIMEOUT}. */
  answerTimeout?: number;
}

/** In ms. A broker may leave a request unanswered for good: consuming a quorum queue that has lost its leader does (seen with 3.10.8). */
export const ANSWER_TIMEOUT = 30_000;

/** ms for which there may be no channel left: as nodes begin and look at their queues, each needs a second one for a moment. */
const SHORT_FOR = 5_000;

/** What a request resolves with. @throws what it rejects with, and {@link unanswered} when it takes the broker longer than `ms` */
export async function answerIn<T>(request: Promise<T>, ms: number): Promise<T> {
  const answer = await within(request.then((value) => ({ value })), ms);
  if (!answer) throw unanswered(ms);
  return answer.value;
}

/** What requests end with that have taken the broker longer than `ms`. */
export function unanswered(ms: number): Error {
  return new Error(`the broker has taken longer than ${ms / 1000} s to answer`);
}

/** A channel that lived this long starts its back-off anew; one that dies at once (a publish to a missing exchange, over and over) waits longer each time. */
const STABLE_AFTER = 10_000;

/**
 * One channel of one user, made again whenever it or its connection is lost. An error on it stays on it: a channel without an
 * `error` listener takes the whole connection with it (amqplib 2.3.1), so it gets one before anything else.
 */
export class SupervisedChannel<C extends Channel> {
  private current: C | undefined;
  private givenUp: C | undefined;
  /** Raised whenever what is under way has become pointless. */
  private generation = 0;
  /** The generation whose channel is being made. */
  private making: number | undefined;
  /** Why the broker ended the whole connection while this generation's channel was being made. */
  private suspicion: { generation: number; cause: unknown } | undefined;
  /** Not even a new connection is a reason to try before. In ms, by the clock that nobody sets. */
  private notBefore = 0;
  private timer: NodeJS.Timeout | undefined;
  private unsubscribe: (() => void) | undefined;
  private upSince = 0;
  /** Since when there has been no channel left for it. */
  private shortSince: number | undefined;
  private readonly backOff = new BackOff({ initial: 200, max: 60_000 });

  constructor(private readonly plan: ChannelPlan<C>) {}

  /** The open channel, while there is one. */
  get channel(): C | undefined {
    return this.current;
  }

  /** Opens it as soon as the connection is there, and keeps it open. */
  start(): void {
    if (this.unsubscribe) return;
    const { connection } = this.plan;
    this.unsubscribe = connection.subscribe({ up: () => this.connectionUp(), down: (error) => this.connectionDown(error) });
    connection.open();
    this.begin();
  }

  /** Closes it for good, within `deadline` ms. */
  async close(deadline = 2_000): Promise<void> {
    this.abandon();
    this.unsubscribe?.();
    this.unsubscribe = () => undefined;
    const channel = this.current;
    this.current = undefined;
    if (channel) await closeChannel(channel, deadline);
  }

  /**
   * Gives the channel up, from this moment on, for a new one. That follows when the broker has closed the old one, or after `deadline` ms
   * when it never answers.
   */
  async renew(channel: C, deadline = 2_000): Promise<void> {
    this.givenUp = channel;
    const { generation } = this;
    const wasOpen = this.current === channel;
    if (wasOpen) {
      this.current = undefined;
      this.plan.onDown?.(channel, undefined);
    }
    await closeChannel(channel, deadline);
    if (wasOpen && generation === this.generation) this.again();
  }

  private connectionUp(): void {
    const wait = this.notBefore - performance.now();
    if (wait > 0) this.later(wait);
    else this.begin();
  }

  /**
   * Over some requests the broker ends the connection of everybody (541, say, for a queue it does not allow) and does not say over whose.
   * Whoever was just asking for something is under suspicion, and asks again as slowly as if it had been refused: who is not to
   * blame then gets through, and the others' connection lives.
   */
  private connectionDown({ cause }: ConnectorError): void {
    if (this.making === this.generation && endsConnection(cause)) this.suspicion = { generation: this.generation, cause };
    this.abandon();
  }

  /** Tries now instead of when the back-off ends. */
  private begin(): void {
    this.abandon();
    if (this.current === undefined && this.plan.connection.model) void this.open(this.plan.connection.model, this.generation);
  }

  private abandon(): void {
    this.generation += 1;
    clearTimeout(this.timer);
  }

  private async open(model: ChannelModel, generation: number): Promise<void> {
    let channel: C | undefined;
    let error: unknown;
    let closed = false;
    this.making = generation;
    const { setup, answerTimeout = ANSWER_TIMEOUT } = this.plan;
    try {
      const made = (channel = await this.plan.create(model));
      made.on("error", (cause) => (error = cause));
      made.on("close", () => {
        closed = true;
        if (this.current === made) this.lost(made, error);
      });
      await answerIn(Promise.resolve(setup?.(made, model)), answerTimeout);
      if (closed || this.givenUp === made) throw new Error("channel closed");
      if (generation === this.generation) return this.established(made);
    } catch (cause) {
      if (generation === this.generation) this.failed(error ?? cause);
      else if (generation === this.suspicion?.generation) this.suspected(cause, this.suspicion.cause);
    }
    if (channel && !closed) await closeChannel(channel, 2_000);
  }

  private established(channel: C): void {
    this.current = channel;
    this.making = undefined;
    this.shortSince = undefined;
    this.upSince = performance.now();
    this.plan.onUp?.(channel);
  }

  private lost(channel: C, error: unknown): void {
    this.current = undefined;
    this.again();
    this.plan.onDown?.(channel, error);
  }

  private again(): void {
    if (performance.now() - this.upSince > STABLE_AFTER || this.plan.worked?.()) this.backOff.reset();
    this.later(this.backOff.next());
  }

  private failed(error: unknown): number {
    this.shortSince = isOutOfChannels(error) ? (this.shortSince ?? performance.now()) : undefined;
    if (this.shortSince !== undefined && performance.now() - this.shortSince > SHORT_FOR) this.plan.connection.outOfChannels();
    const delay = this.plan.onFailed?.(error) ?? this.backOff.next();
    this.later(delay);
    return delay;
  }

  /** @param error what ended the preparation: it only tells what is wrong when it is an error of ours */
  private suspected(error: unknown, cause: unknown): void {
    this.suspicion = undefined;
    this.notBefore = performance.now() + this.failed(isConnectorError(error) && endsConnection(error.cause) ? error : cause);
  }

  private later(delay: number): void {
    this.abandon();
    this.timer = setTimeout(() => this.begin(), delay);
  }
}

/** Closes a channel within `deadline` ms; one that is closed already is fine. */
export async function closeChannel(channel: Channel, deadline: number): Promise<void> {
  try {
    await within(channel.close(), deadline);
  } catch {
    // closed already: all we wanted
  }
}
