import type { BusEvent, Channel } from "../events/bus-event";
import type { Org } from "../org";
import type { AvroEvent, EventCodec } from "./event-codec";
import type { ConsumerEvent } from "./messages";
import { encodeReplayId } from "./replay-id";
import { RpcError } from "./rpc-error";

/** Most events that a client can have requested and not yet received. */
const MAX_PENDING = 100;

/** Most bytes of events in one message. A client takes no message over 4 MB. */
const MAX_BATCH_BYTES = 3 * 1024 * 1024;

/** Receives what a {@link Delivery} delivers. */
export interface Recipient {
  /** Sends events. @param pending how many requested events are still to come */
  deliver(events: ConsumerEvent[], latestReplayId: Buffer, pending: number): void;
  /** Ends the stream, because no events were requested in time. */
  end(): void;
  /** Ends the stream with an error. */
  fail(error: unknown): void;
}

/** The times of a delivery, in ms. */
export interface DeliveryTimers {
  /** When there was nothing to deliver for so long, an empty message with the latest replay id is sent. */
  keepAlive: number;
  /** When no events were requested for so long, the stream ends. */
  fetchTimeout: number;
}

/** Delivers the events of a channel in order, as many as are requested, but at most {@link MAX_PENDING} ahead. */
export class Delivery {
  private pending = 0;
  /** Whether the bus may hold events after {@link cursor} that are not in the queue. */
  private behind = true;
  private queue: AvroEvent[] = [];
  private scheduled: NodeJS.Immediate | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly unfollow: () => void;

  /** @param cursor replay id after which the events are delivered */
  constructor(
    private readonly org: Org,
    private readonly codec: EventCodec,
    readonly channel: Channel,
    private cursor: number,
    private readonly timers: DeliveryTimers,
    private readonly recipient: Recipient,
  ) {
    this.unfollow = org.events.follow((event) => this.take(event));
  }

  /** The present state, for the control API. */
  get state(): { topic: string; pending: number; replayId: number } {
    return { topic: this.channel.name, pending: this.pending, replayId: this.cursor };
  }

  /** Replay id of the event delivered last or, before that, the one after which the delivery begins. */
  get replayId(): Buffer {
    return encodeReplayId(this.cursor);
  }

  /** Requests `count` more events. @throws RpcError when the number is not above 0 */
  request(count: number): void {
    if (count <= 0) throw RpcError.of("subscription.fetch.requested.events.invalid");
    this.pending = Math.min(this.pending + count, MAX_PENDING);
    if (this.behind) this.schedule();
    this.arm();
  }

  close(): void {
    this.unfollow();
    clearImmediate(this.scheduled);
    clearTimeout(this.timer);
    this.queue = [];
  }

  private take(event: BusEvent): void {
    if (this.behind || !this.channel.has(event)) return;
    if (this.queue.length >= this.pending) {
      this.behind = true;
      return;
    }
    this.queue.push(event as AvroEvent);
    this.schedule();
  }

  /** Delivers in the next turn. By then the bus has passed on all events that it holds, so that none of those read from it comes a second time. */
  private schedule(): void {
    this.scheduled ??= setImmediate(() => {
      this.scheduled = undefined;
      try {
        if (this.behind && this.pending > this.queue.length) this.catchUp();
        this.flush();
      } catch (error) {
        this.recipient.fail(error);
      }
    });
  }

  private catchUp(): void {
    const last = this.queue.at(-1)?.replayId ?? this.cursor;
    const found = this.org.events.read(this.channel, last) as AvroEvent[];
    const room = this.pending - this.queue.length;
    this.behind = found.length > room;
    this.queue.push(...found.slice(0, room));
  }

  private flush(): void {
    let batch: ConsumerEvent[] = [];
    let bytes = 0;
    let limit: RpcError | undefined;
    for (const event of this.queue) {
      if (!this.org.limits.use("DailyDeliveredPlatformEvents")) {
        limit = RpcError.of("subscription.limit.exceeded");
        break;
      }
      const { schemaId, payload } = this.codec.encode(event);
      if (batch.length > 0 && bytes + payload.length > MAX_BATCH_BYTES) {
        this.send(batch);
        batch = [];
        bytes = 0;
      }
      this.cursor = event.replayId;
      batch.push({ event: { id: event.eventUuid, schemaId, payload }, replayId: this.replayId });
      bytes += payload.length;
    }
    this.queue = [];
    if (batch.length > 0) this.send(batch);
    if (limit) throw limit;
  }

  private send(events: ConsumerEvent[]): void {
    this.pending -= events.length;
    this.arm();
    this.recipient.deliver(events, this.replayId, this.pending);
  }

  /** Restarts the timer: of the keep-alive, or of the end of the stream when no events are requested. */
  private arm(): void {
    clearTimeout(this.timer);
    this.timer = this.pending > 0 ? setTimeout(() => this.keepAlive(), this.timers.keepAlive) : setTimeout(() => this.recipient.end(), this.timers.fetchTimeout);
  }

  private keepAlive(): void {
    this.arm();
    if (this.behind || this.queue.length > 0) return;
    // All events so far were delivered, so a client may go on after this replay id. An old replay id of a quiet channel would expire.
    this.cursor = Math.max(this.cursor, this.org.events.latest);
    this.recipient.deliver([], this.replayId, this.pending);
  }
}
