import type { ChannelModel } from "amqplib";
import { counted } from "../../common/counted";
import { errorText } from "../../common/errors";
import type { AckTarget } from "../client/ack-window";
import { LONGEST_OPEN, type Taken } from "../client/taking-channel";
import { lastOffset, offsetOf, timestampArgument } from "./stream-offset";
import type { StreamPosition } from "./stream-position";

/** Where a stream is read from while nothing of it is settled: at its ends, at an offset, or at a time. */
export type StreamStart = "first" | "last" | "next" | number | Date;

/** What {@link StreamReader} needs. */
export interface StreamReaderOptions {
  queue: string;
  start: StreamStart;
  position: StreamPosition;
  /** Messages that are in the flow at once at most. */
  prefetch: number;
  /** Hands a message over. */
  hand(taken: Taken): void;
  /** Gives the channel up, so that reading begins anew where it is settled up to. */
  renew(): void;
  /** The open connection, while there is one. */
  model(): ChannelModel | undefined;
  warn(text: string): void;
  /** ms. Default {@link SILENCE}. */
  silence?: number;
  /** ms that a message may be without an answer. Default {@link LONGEST_OPEN}. */
  longest?: number;
}

/** ms without the one message that a stream must have. */
const SILENCE = 10_000;

/** With so many that wait for room in the flow, no more are asked for: at worst the broker ends the channel, and they are read again. */
const MOST_SURPLUS = 10_000;

/**
 * Reads a stream, which keeps what it has: an acknowledgement only asks for more, so how far it is settled is kept here.
 *
 * A new channel begins at the last settled message, not behind it, and a new consumer on the same channel at the last that came: that one is
 * in the stream unless the stream was cut (then the first that comes is a later one) or is another one of the same name (then the broker,
 * asked for an offset past the end, stays silent for good).
 */
export class StreamReader {
  /** Offsets of what was taken on the present channel and is not settled, by delivery tag, in order. */
  private readonly open = new Map<number, number>();
  /** Tags of those that the broker has its answer for. */
  private readonly answered = new Set<number>();
  private readonly watch: NodeJS.Timeout;
  /** The newest tag, and the one that was it when the watch looked last. */
  private newest = 0;
  private seen = 0;
  private broker: AckTarget | undefined;
  /** Highest offset that was taken on the present channel. */
  private taken: number | undefined;
  /** A stream sends whole chunks: what comes above the prefetch waits here, one chunk at most. */
  private surplus: Taken[] = [];
  private paused = false;
  /** Where reading began is being stored. */
  private storing = false;
  private silence: NodeJS.Timeout | undefined;
  /** The message that the present consumer must meet first, or a later one; `undefined` once it has. */
  private expected: number | undefined;

  constructor(private readonly options: StreamReaderOptions) {
    this.watch = setInterval(() => this.answerOld(), (options.longest ?? LONGEST_OPEN) / 2).unref();
  }

  /** Where the next consumer begins, as a consumer argument. */
  arguments(): Record<string, unknown> {
    this.expected = this.taken ?? this.options.position.offset;
    return { "x-stream-offset": this.expected ?? this.begin() };
  }

  /** A new channel: its answers tell how far the stream is settled. Giving back is for the broker's other queues; on a stream it ends the connection. */
  answers(broker: AckTarget): AckTarget {
    this.lost();
    this.broker = broker;
    return {
      ack: (tag, multiple) => {
        const last = this.answered.size === 0 ? tag : this.lastUnanswered(tag, multiple);
        if (last !== undefined) broker.ack(last, multiple);
        this.settled(tag, multiple);
      },
      nack: (_tag, all) => {
        if (!all) this.options.renew(); // a fault on our side: read again
      },
    };
  }

  /** The broker has taken the consumer on. */
  consuming(): void {
    if (this.expected === undefined || this.paused) return;
    clearTimeout(this.silence);
    this.silence = setTimeout(() => void this.checkEnd(), this.options.silence ?? SILENCE);
  }

  /** A message has come. */
  take(taken: Taken): void {
    const offset = offsetOf(taken.message) as number;
    const tag = taken.message.fields.deliveryTag;
    if (this.taken === undefined && this.options.position.since !== undefined) this.beganAt(offset);
    this.open.set(tag, offset);
    this.taken = offset;
    this.newest = tag;
    const { expected } = this;
    if (expected !== undefined) {
      if (offset >= expected) this.met();
      if (offset <= expected) return taken.window.ack(tag); // settled before, or taken by the consumer before this one
      this.tellGap(expected, offset);
    }
    this.surplus.push(taken);
    this.handOver();
  }

  /** Hands nothing over until {@link resume}. */
  pause(): void {
    this.paused = true;
    clearTimeout(this.silence); // no consumer, no message to wait for
  }

  /** Hands over again. */
  resume(): void {
    this.paused = false;
    this.handOver();
  }

  /** The channel is gone: what is not settled comes again. */
  lost(): void {
    this.open.clear();
    this.answered.clear();
    this.newest = this.seen = 0;
    this.surplus = [];
    this.taken = undefined;
    this.met();
  }

  /** Hands nothing over any more. Resolves when the position is stored. */
  close(): Promise<void> {
    clearInterval(this.watch);
    this.lost();
    return this.options.position.close();
  }

  private begin(): unknown {
    const { position, start } = this.options;
    if (position.since !== undefined) return timestampArgument(position.since);
    // its ends are elsewhere the next time: what comes meanwhile must not be passed over
    if (start === "next" || start === "last") position.beginAt(Date.now());
    return start instanceof Date ? timestampArgument(start.getTime()) : start;
  }

  /**
   * By its time it might not come again: the last chunk is older than the first look at it, and the broker's clock may be behind ours.
   * Stored before anything is in the flow, as the process may be killed then.
   */
  private beganAt(offset: number): void {
    const { position } = this.options;
    if (offset > 0) position.moveTo(offset - 1);
    else position.beginAt(0);
    this.storing = true;
    void position.flush().then(() => {
      this.storing = false;
      this.handOver();
    });
  }

  /**
   * What is open for long, as it waits for its next attempt, its copy, its system or its turn, is acknowledged, which only asks for more: unanswered,
   * it would cost the channel when the broker's consumer timeout is over. How far the stream is settled, that does not change.
   */
  private answerOld(): void {
    const { seen } = this;
    this.seen = this.newest;
    if (this.surplus.length > MOST_SURPLUS) return;
    for (const tag of this.open.keys()) {
      if (tag > seen) return;
      if (this.answered.has(tag)) continue;
      this.answered.add(tag);
      this.broker?.ack(tag, false);
    }
  }

  /** A tag that it has its answer for would be a mistake to the broker. */
  private lastUnanswered(tag: number, multiple: boolean): number | undefined {
    if (!multiple) return this.answered.has(tag) ? undefined : tag;
    let last: number | undefined;
    for (const each of this.open.keys()) {
      if (each > tag) break;
      if (!this.answered.has(each)) last = each;
    }
    return last;
  }

  private settled(tag: number, multiple: boolean): void {
    if (multiple) {
      for (const each of this.open.keys()) {
        if (each > tag) break;
        this.forget(each);
      }
    } else this.forget(tag);
    const [firstOpen] = this.open.values();
    const upTo = firstOpen === undefined ? this.taken : firstOpen - 1;
    if (upTo !== undefined && upTo >= 0) this.options.position.moveTo(upTo);
    this.handOver();
  }

  private forget(tag: number): void {
    this.open.delete(tag);
    this.answered.delete(tag);
  }

  private handOver(): void {
    const { prefetch, hand } = this.options;
    while (!this.paused && !this.storing && this.open.size - this.surplus.length < prefetch) {
      const taken = this.surplus.shift();
      if (!taken) return;
      try {
        hand(taken);
      } catch (error) {
        this.options.warn(errorText(error));
        return this.options.renew();
      }
    }
  }

  /** The wait for the first message is over. */
  private met(): void {
    this.expected = undefined;
    clearTimeout(this.silence);
  }

  private tellGap(settled: number, next: number): void {
    const lost = next - settled - 1;
    const { queue, warn } = this.options;
    if (lost > 0) warn(`Stream ${queue} has lost ${counted(lost, "message")} not read yet, offsets ${settled + 1} to ${next - 1}: it keeps less than what this node was behind`);
  }

  private async checkEnd(): Promise<void> {
    const { expected } = this;
    const { queue, position, warn, renew } = this.options;
    const model = this.options.model();
    const last = model && (await lastOffset(model, queue).catch(() => undefined));
    if (expected === undefined || this.expected !== expected) return; // it has come meanwhile
    if (last === undefined || last >= expected) return this.consuming(); // nothing is proven: the broker may only be slow
    warn(`Stream ${queue} ends at offset ${last}, but was read up to ${expected}: it has been made anew, and is read from its first message`);
    this.lost(); // what was taken before a pause is of the other one, and moves the position no more
    position.beginAt(0);
    renew();
  }
}
