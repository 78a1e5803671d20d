import type { Channel, ChannelModel } from "amqplib";
import { BackOff } from "../../../common/back-off";
import { within } from "../../../common/deadline";
import { isConnectorError, type ConnectorError } from "../../../common/errors";
import type { Connection } from "./connection";
import { endsConnection, isOutOfChannels } from "../errors";

/** How a supervised channel is made, and callbacks for its life. */
export interface ChannelPlan<C extends Channel> {
  connection: Connection;
  create(model: ChannelModel): Promise<C>;
  /** Prepares each new channel (prefetch, consume, …). When it fails the channel is closed and made again later. */
  setup?(channel: C, model: ChannelModel): Promise<void>;
  onUp?(channel: C): void;
  /** The open channel is gone, by an error of its own, with its connection, or given up. Another follows by itself. */
  onDown?(channel: C, error: unknown): void;
  /** Making or preparing a channel has failed. @returns ms until the next try, or `undefined` for the usual back-off */
  onFailed?(error: unknown): number | undefined;
  /** Whether the channel that was lost has been of use: then the next one follows soon, however short its life was. Default: only its age counts. */
  worked?(): boolean;
  /** ms that {@link ChannelPlan.setup} may take. Default {@link ANSWER_TIMEOUT}. */
  answerTimeout?: number;
}

/** ms. A broker may never answer a request, for instance to consume from a quorum queue that has lost its leader (seen with 3.10.8). */
export const ANSWER_TIMEOUT = 30_000;

/** ms. If no channel has been left for longer, the user is told. A shorter time is normal, since each node that starts needs a second channel for a moment, to look at its queue. */
const SHORT_FOR = 5_000;

/** Waits for a request. @returns what it resolves with @throws what it rejects with, or {@link unanswered} when the broker takes longer than `ms` */
export async function answerIn<T>(request: Promise<T>, ms: number): Promise<T> {
  const answer = await within(request.then((value) => ({ value })), ms);
  if (!answer) throw unanswered(ms);
  return answer.value;
}

/** The error of a request for which the broker has taken longer than `ms`. */
export function unanswered(ms: number): Error {
  return new Error(`the broker has taken longer than ${ms / 1000} s to answer`);
}

/** ms. When a channel that lived this long is lost, the back-off starts anew. After one that died sooner (publishing to a missing exchange, say) the wait is longer each time. */
const STABLE_AFTER = 10_000;

/**
 * A channel that is made again whenever it or its connection is lost. The first thing it gets is an `error` listener: an error on a channel without one would end
 * the whole connection (amqplib 2.3.1).
 */
export class SupervisedChannel<C extends Channel> {
  private current: C | undefined;
  private givenUp: C | undefined;
  /** Rises whenever a try that is under way must be dropped; each try knows the generation it began in. */
  private generation = 0;
  /** The generation whose channel is being made. */
  private making: number | undefined;
  /** Set when the broker ended the whole connection while the channel of this generation was being made, which may be the reason. */
  private suspicion: { generation: number; cause: unknown } | undefined;
  /** No try before then, even on a new connection. By `performance.now()`. */
  private notBefore = 0;
  private timer: NodeJS.Timeout | undefined;
  private unsubscribe: (() => void) | undefined;
  private upSince = 0;
  /** Since when the connection has had no channel left for it, by `performance.now()`. */
  private shortSince: number | undefined;
  private readonly backOff = new BackOff({ initial: 200, max: 60_000 });

  constructor(private readonly plan: ChannelPlan<C>) {}

  /** The open channel, while there is one. */
  get channel(): C | undefined {
    return this.current;
  }

  /** Opens the channel as soon as there is a connection, and keeps it open. */
  start(): void {
    if (this.unsubscribe) return;
    const { connection } = this.plan;
    this.unsubscribe = connection.subscribe({ up: () => this.connectionUp(), down: (error) => this.connectionDown(error) });
    connection.open();
    this.begin();
  }

  /** Closes the channel for good, within `deadline` ms. */
  async close(deadline = 2_000): Promise<void> {
    this.abandon();
    this.unsubscribe?.();
    this.unsubscribe = () => undefined;
    const channel = this.current;
    this.current = undefined;
    if (channel) await closeChannel(channel, deadline);
  }

  /**
   * Gives the channel up at once. A new one follows when the broker has closed it, or after `deadline` ms without an answer.
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
   * For some requests the broker ends the whole connection (with 541 for a queue that it does not allow, say) without telling which channel's request it was. So all
   * whose channels were just being made are under suspicion, and try again as slowly as if they had been refused. Meanwhile the others can work.
   */
  private connectionDown({ cause }: ConnectorError): void {
    if (this.making === this.generation && endsConnection(cause)) this.suspicion = { generation: this.generation, cause };
    this.abandon();
  }

  /** Tries now, without waiting for the end of the back-off. */
  private begin(): void {
    this.abandon();
    if (this.current === undefined && this.plan.connection.model) void this.open(this.plan.connection.model, this.generation);
  }

  /** Drops the try that is under way or planned. */
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

  /** The try may be why the connection was ended. @param error what the try failed with, used if it is an error of ours @param cause what the connection was ended with */
  private suspected(error: unknown, cause: unknown): void {
    this.suspicion = undefined;
    this.notBefore = performance.now() + this.failed(isConnectorError(error) && endsConnection(error.cause) ? error : cause);
  }

  private later(delay: number): void {
    this.abandon();
    this.timer = setTimeout(() => this.begin(), delay);
  }
}

/** Closes a channel within `deadline` ms. Does nothing when it is closed already. Never rejects. */
export async function closeChannel(channel: Channel, deadline: number): Promise<void> {
  try {
    await within(channel.close(), deadline);
  } catch {
    // it was closed already
  }
}
