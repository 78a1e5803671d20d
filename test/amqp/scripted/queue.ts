import type { Properties } from "./codec";
import type { Version } from "./server-version";

/** A message in a queue. */
export interface Stored {
  content: Buffer;
  properties: Properties;
  /** As it was published. */
  exchange: string;
  routingKey: string;
  /** Its place in the queue, kept when it comes back. */
  readonly place: number;
  /** What `x-delivery-count` says: failed deliveries of a quorum queue. */
  deliveryCount: number;
  /** What `x-acquired-count` says from 4.3 on: how often it was given out before. */
  acquiredCount: number;
  redelivered: boolean;
}

/** Why a message comes back: the client said so, its channel or connection went, or the client took too long. */
export type Comeback = "nack" | "reject" | "lost" | "timeout";

/** What becomes of a message that leaves its queue for the wrong reason. */
export type Death = "rejected" | "expired" | "delivery_limit";

/** Someone who takes messages from a queue. */
export interface Taker {
  /** Takes for good: it never answers. */
  readonly noAck: boolean;
  /** @returns whether it took the message; not when its prefetch is used up */
  take(message: Stored): boolean;
}

/** A queue of the scripted broker: what is ready, what is out, and how often each message was. */
export class ScriptedQueue {
  readonly ready: Stored[] = [];
  readonly unacked = new Set<Stored>();
  readonly takers: Taker[] = [];
  private places = 0;
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(
    readonly name: string,
    /** Arguments it was declared with. */
    readonly args: Record<string, unknown>,
    private readonly version: Version,
    private readonly onDeath: (queue: ScriptedQueue, message: Stored, reason: Death) => void,
    /** The connection it is exclusive to. */
    readonly owner?: object,
  ) {}

  get type(): string {
    return String(this.args["x-queue-type"] ?? "classic");
  }

  /** The contents of what is ready, oldest first, as text. */
  get contents(): string[] {
    return this.ready.map(({ content }) => content.toString());
  }

  /** Ready and unacknowledged. */
  get size(): number {
    return this.ready.length + this.unacked.size;
  }

  put(message: Pick<Stored, "content" | "properties" | "exchange" | "routingKey">): void {
    const stored: Stored = { ...message, place: (this.places += 1), deliveryCount: 0, acquiredCount: 0, redelivered: false };
    this.ready.push(stored);
    const ttl = this.args["x-message-ttl"];
    if (typeof ttl === "number") this.expireAfter(ttl, stored);
    this.pump();
  }

  /** Gives out what is ready, in turn to all who take. */
  pump(): void {
    for (let message = this.ready[0]; message && this.offer(message); message = this.ready[0]) this.ready.shift();
  }

  /** Takes the oldest message out, without being asked to deliver it. */
  takeOne(noAck: boolean): Stored | undefined {
    const message = this.ready.shift();
    if (!message) return undefined;
    if (!noAck) this.unacked.add(message);
    return message;
  }

  /** Acknowledged: gone for good. */
  remove(message: Stored): void {
    this.unacked.delete(message);
  }

  /**
   * Back to where it was. Before 4.3 each return counts as a failed delivery; from then on a reject and a lost channel do, a nack and
   * the consumer timeout do not. Above the delivery limit, 20 by default since 4.0, it dies.
   */
  comeBack(message: Stored, how: Comeback): void {
    if (!this.unacked.delete(message)) return;
    message.redelivered = true;
    message.acquiredCount += 1;
    if (this.type === "quorum" && (!this.version.atLeast(4, 3) || how === "reject" || how === "lost")) message.deliveryCount += 1;
    if (message.deliveryCount > this.deliveryLimit) return this.die(message, "delivery_limit");
    const at = this.ready.findIndex(({ place }) => place > message.place);
    this.ready.splice(at === -1 ? this.ready.length : at, 0, message);
  }

  /** Ends its timers. */
  close(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }

  die(message: Stored, reason: Death): void {
    this.unacked.delete(message);
    this.onDeath(this, message, reason);
  }

  /** The headers it is delivered with. */
  headersOf({ properties, deliveryCount, acquiredCount }: Stored): Record<string, unknown> {
    if (this.type !== "quorum") return properties.headers ?? {};
    return {
      ...properties.headers,
      ...(deliveryCount > 0 ? { "x-delivery-count": deliveryCount } : {}),
      ...(acquiredCount > 0 && this.version.atLeast(4, 3) ? { "x-acquired-count": acquiredCount } : {}),
    };
  }

  private get deliveryLimit(): number {
    const given = this.args["x-delivery-limit"];
    const limit = typeof given === "number" ? given : this.version.atLeast(4) ? 20 : -1;
    return limit < 0 ? Infinity : limit;
  }

  private offer(message: Stored): boolean {
    for (let turn = 0; turn < this.takers.length; turn += 1) {
      const taker = this.takers.shift() as Taker;
      this.takers.push(taker);
      if (!taker.take(message)) continue;
      if (!taker.noAck) this.unacked.add(message);
      return true;
    }
    return false;
  }

  private expireAfter(ttl: number, message: Stored): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      const at = this.ready.indexOf(message);
      if (at === -1) return;
      this.ready.splice(at, 1);
      this.die(message, "expired");
    }, ttl);
    this.timers.add(timer);
  }
}
