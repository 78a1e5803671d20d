import { randomBytes } from "node:crypto";
import type { Delivery } from "./delivery";

/** How many of the deliveries that were not accepted are remembered: a few times what brokers hand out at once. */
const RETURNING_KEPT = 20_000;

/** The latest deliveries, which are looked up by number; a power of two, and more than are open at once as a rule. */
const RECENT = 4096;

/**
 * The open deliveries of this process, by token. A token is `<instance>:<source>:<number>`: a plain string that a message
 * can carry through clones, context stores and JSON, where an object with behaviour would be copied and break.
 *
 * The numbers rise by one, so the latest deliveries lie in a ring. A `Map` through which everything passes is made anew again and again, and in
 * V8 each of its former tables keeps the next alive.
 */
export class DeliveryRegistry {
  /** Tells our tokens from those another process, or this one before a restart, gave out. */
  private readonly prefix = `${randomBytes(6).toString("base64url")}:`;
  private readonly recent: (Delivery | undefined)[] = new Array<Delivery | undefined>(RECENT).fill(undefined);
  /** Those that are open although {@link RECENT} others came after them, oldest first. */
  private readonly lingering = new Map<number, Delivery>();
  /** Tokens of deliveries that ended unaccepted, oldest first. */
  private readonly returning = new Set<string>();
  private count = 0;
  private open_ = 0;

  /** How many deliveries are open. */
  get open(): number {
    return this.open_;
  }

  /** The number of the latest delivery there was; 0 before the first. */
  get newest(): number {
    return this.count;
  }

  /** A number no other delivery has had. */
  nextNumber(): number {
    this.count += 1;
    return this.count;
  }

  /** What the tokens of a source begin with; the number follows. */
  prefixFor(sourceId: string): string {
    return `${this.prefix}${sourceId}:`;
  }

  add(delivery: Delivery): void {
    this.open_ += 1;
    const place = delivery.number % RECENT;
    const displaced = this.recent[place];
    if (displaced) this.lingering.set(displaced.number, displaced);
    this.recent[place] = delivery;
  }

  /** A delivery that was added has ended; once for each. @param accepted nothing more is owed for it; else its message comes again, or lies among the dead letters */
  remove(delivery: Delivery, accepted: boolean): void {
    this.open_ -= 1;
    const place = delivery.number % RECENT;
    if (this.recent[place] === delivery) this.recent[place] = undefined;
    else this.lingering.delete(delivery.number);
    if (accepted) return;
    this.returning.add(delivery.token);
    if (this.returning.size <= RETURNING_KEPT) return;
    for (const oldest of this.returning) {
      this.returning.delete(oldest);
      break;
    }
  }

  /**
   * Whether the delivery of that token was settled without being accepted, so that what still goes round of it may be dropped. Not
   * known for ever: of what came back long ago a copy may be stored twice, but nothing is dropped that does not come back.
   */
  comesBack(token: string): boolean {
    return this.returning.has(token);
  }

  /**
   * The open delivery of that token; `"closed"` when this process gave the token out and the delivery was settled since;
   * `undefined` when the token is not of this process.
   */
  find(token: string): Delivery | "closed" | undefined {
    if (!token.startsWith(this.prefix)) return undefined;
    const number = Number(token.slice(token.lastIndexOf(":") + 1));
    const delivery = this.recent[number % RECENT];
    if (delivery?.token === token) return delivery;
    const lingering = this.lingering.get(number);
    return lingering?.token === token ? lingering : "closed";
  }

  /** All open deliveries, oldest first. */
  *all(): Iterable<Delivery> {
    yield* this.lingering.values();
    for (let number = this.count + 1; number <= this.count + RECENT; number += 1) {
      const delivery = this.recent[number % RECENT];
      if (delivery) yield delivery;
    }
  }
}

/** The registry of this process. */
export const registry = new DeliveryRegistry();

/** The token a message carries, if any. */
export function tokenOf(message: object): string | undefined {
  const id: unknown = (message as { delivery?: { id?: unknown } | null }).delivery?.id;
  return typeof id === "string" ? id : undefined;
}

/** The open delivery of that token, if the flow settles it. */
export function openDeliveryOf(token: string): Delivery | undefined {
  const delivery = registry.find(token);
  return delivery === "closed" || delivery?.mode !== "flow" ? undefined : delivery;
}
