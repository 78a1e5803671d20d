import type { ChannelModel } from "amqplib";
import { counted } from "../../common/counted";
import { errorText } from "../../common/errors";
import type { AckTarget } from "../client/consuming/ack-window";
import { LONGEST_OPEN, type Taken } from "../client/consuming/taking-channel";
import { firstOffset, lastOffset, offsetOf, timestampArgument } from "./stream-offset";
import type { StreamPosition } from "./stream-position";

/** From where a stream is read while nothing of it is settled: its first or last chunk, what comes next, an offset, or a time. */
export type StreamStart = "first" | "last" | "next" | number | Date;

/** What {@link StreamReader} needs. */
export interface StreamReaderOptions {
  queue: string;
  start: StreamStart;
  position: StreamPosition;
  /** How many messages may be in the flow at once. */
  prefetch: number;
  /** Sends a message into the flow. */
  hand(taken: Taken): void;
  /** Gives the channel up, so that reading starts again from the last settled message. */
  renew(): void;
  /** The open connection, while there is one. */
  model(): ChannelModel | undefined;
  warn(text: string): void;
  /** ms without the expected message after which the end of the stream is looked up. Default {@link SILENCE}. */
  silence?: number;
  /** ms that a message may stay unacknowledged. Default {@link LONGEST_OPEN}. */
  longest?: number;
}

/** A message of the stream. */
interface Come {
  readonly offset: number;
  readonly content: Buffer;
}

/** ms to wait for the message that the stream must have, see {@link StreamReader}. */
const SILENCE = 10_000;

/** ms without another look after one that found nothing lost. A look opens a channel and reads a chunk, and some streams have a gap every few messages. */
const LOOK_PAUSE = 1_000;

/** With so many messages waiting for room in the flow, no more are asked for. At worst the broker then closes the channel, and they are read again. */
const MOST_SURPLUS = 10_000;

/**
 * Reads a stream. A stream keeps its messages, and an acknowledgement only asks for more of them, so how far it is settled is remembered here.
 *
 * The first consumer on a channel begins at the last settled message, not behind it; a further one on the same channel at the last message that came. That message must
 * be in the stream, with two exceptions: the stream was cut (then a later message comes first), or it was deleted and made anew. Then either the broker is asked for an
 * offset past the end, and sends nothing until there is one, or it sends a message with another content.
 */
export class StreamReader {
  /** The messages that came on the present channel and are not settled, by delivery tag, in order. */
  private readonly open = new Map<number, Come>();
  /** Tags of those that are acknowledged to the broker although they are not settled. */
  private readonly answered = new Set<number>();
  private readonly watch: NodeJS.Timeout;
  /** The newest tag now, and the newest when {@link answerOld} ran last. */
  private newest = 0;
  private seen = 0;
  private broker: AckTarget | undefined;
  /** The latest message that came on the present channel. */
  private latest: Come | undefined;
  /** Messages that wait for room in the flow. There may be some, since the broker sends whole chunks, even above the prefetch. */
  private surplus: Taken[] = [];
  private paused = false;
  /** The offset at which reading began is being stored. */
  private storing = false;
  /** The first offset of the stream is being looked up. */
  private looking = false;
  /** When it may be looked up again, by `performance.now()`. */
  private nextLook = 0;
  private silence: NodeJS.Timeout | undefined;
  /** The offset that must come first to the present consumer, or a later one; `undefined` once one has come. */
  private expected: number | undefined;

  constructor(private readonly options: StreamReaderOptions) {
    this.watch = setInterval(() => this.answerOld(), (options.longest ?? LONGEST_OPEN) / 2).unref();
  }

  /** The argument that tells the broker where the next consumer begins. */
  arguments(): Record<string, unknown> {
    this.expected = this.latest?.offset ?? this.options.position.offset;
    return { "x-stream-offset": this.expected ?? this.begin() };
  }

  /** There is a new channel. Its window's acks tell how far the stream is settled; nacks are not sent on, since on a stream they would end the connection. */
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
        if (!all) this.options.renew(); // a message is given back: it is read again on a new channel
      },
    };
  }

  /** The consumer has started. */
  consuming(): void {
    if (this.expected === undefined || this.paused) return;
    clearTimeout(this.silence);
    this.silence = setTimeout(() => void this.checkEnd(), this.options.silence ?? SILENCE);
  }

  /** A message has come. */
  take(taken: Taken): void {
    const offset = offsetOf(taken.message) as number;
    const tag = taken.message.fields.deliveryTag;
    const { content } = taken.message;
    const { position } = this.options;
    const before = this.latest?.offset ?? position.offset;
    if (this.latest === undefined && position.since !== undefined) this.beganAt(offset);
    this.open.set(tag, (this.latest = { offset, content }));
    this.newest = tag;
    const { expected } = this;
    if (expected !== undefined) {
      if (offset === position.offset && position.isOther(content)) return this.startOver(`has another message at offset ${offset} than the one that was read there`);
      if (offset >= expected) this.met();
      if (offset <= expected) return taken.window.ack(tag); // it was settled before, or came to the consumer before this one
    }
    if (before !== undefined && offset > before + 1) void this.lookAtGap(before + 1, offset);
    this.surplus.push(taken);
    this.handOver();
  }

  /** Sends no messages into the flow until {@link resume}. */
  pause(): void {
    this.paused = true;
    clearTimeout(this.silence); // without a consumer no message can come
  }

  /** Sends messages into the flow again. */
  resume(): void {
    this.paused = false;
    this.handOver();
  }

  /** The channel is gone. What is not settled comes again on the next one. */
  lost(): void {
    this.open.clear();
    this.answered.clear();
    this.newest = this.seen = 0;
    this.surplus = [];
    this.latest = undefined;
    this.met();
  }

  /** Ends the reader. Resolves when the position is stored. */
  close(): Promise<void> {
    clearInterval(this.watch);
    this.lost();
    return this.options.position.close();
  }

  /** The consumer argument for a stream of which nothing is settled. */
  private begin(): unknown {
    const { position, start } = this.options;
    if (position.since !== undefined) return timestampArgument(position.since);
    // The end of the stream will be elsewhere the next time, so the present time is kept: messages that come in between must not be skipped
    if (start === "next" || start === "last") position.beginAt(Date.now());
    return start instanceof Date ? timestampArgument(start.getTime()) : start;
  }

  /**
   * Replaces the time at which reading began by the first offset that came. By that time, the same message might not come again: the last chunk is older than that, and the
   * broker's clock may be behind ours. It is stored before anything is in the flow, as the process may be killed then.
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
   * Acknowledges messages that have been open for long (they wait for an attempt, a copy, a system or their turn), since the broker would close the channel when its
   * consumer timeout is over. On a stream this only asks for more messages; how far it is settled does not change.
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

  /** The tag to send for an acknowledgement, if any: one that is acknowledged already would be an error to the broker. */
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
    const here = this.open.get(tag);
    if (multiple) {
      for (const each of this.open.keys()) {
        if (each > tag) break;
        this.forget(each);
      }
    } else this.forget(tag);
    const [firstOpen] = this.open.values();
    const upTo = firstOpen === undefined ? this.latest?.offset : firstOpen.offset - 1;
    const known = [here, this.latest].find((come) => come?.offset === upTo);
    if (upTo !== undefined && upTo >= 0) this.options.position.moveTo(upTo, known?.content);
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

  /** The expected message has come, or is no longer expected. */
  private met(): void {
    this.expected = undefined;
    clearTimeout(this.silence);
  }

  /**
   * Tells when the stream has dropped messages before they were read. Not each gap is such a loss: the positions that other clients store in a stream have offsets, too.
   *
   * @param from the offset that was to come next @param to the one that has come
   */
  private async lookAtGap(from: number, to: number): Promise<void> {
    const model = this.options.model();
    if (!model || this.looking || performance.now() < this.nextLook) return;
    this.looking = true;
    const { queue, warn } = this.options;
    const first = await firstOffset(model, queue).catch(() => undefined);
    this.looking = false;
    if (first !== undefined && first <= from) return void (this.nextLook = performance.now() + LOOK_PAUSE);
    const last = Math.min(first ?? to, to) - 1;
    const lost = first === undefined ? "may have lost" : "has lost"; // it could not be looked up, as when the connection has just ended
    warn(`Stream ${queue} ${lost} ${counted(last - from + 1, "message")} not read yet, offsets ${from} to ${last}: it keeps less than what this node was behind`);
  }

  private async checkEnd(): Promise<void> {
    const { expected } = this;
    const { queue } = this.options;
    const model = this.options.model();
    const last = model && (await lastOffset(model, queue).catch(() => undefined));
    if (expected === undefined || this.expected !== expected) return; // it has come in the meantime
    if (last === undefined || last >= expected) return this.consuming(); // the broker may only be slow
    this.startOver(`ends at offset ${last}, but was read up to ${expected}`);
  }

  private startOver(why: string): void {
    const { queue, position, warn, renew } = this.options;
    warn(`Stream ${queue} ${why}: it has been made anew, and is read from its first message`);
    this.lost(); // what came before belongs to the former stream, and must no longer move the position
    position.beginAt(0);
    renew();
  }
}
