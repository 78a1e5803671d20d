import { randomBytes } from "node:crypto";
import type { Delivery } from "../delivery";
import type { FlowContext, FlowNode } from "./hop";
import { covers } from "./scope";

/** How many tokens of deliveries that were not accepted are remembered: a few times as many as brokers hand out at once. */
const RETURNING_KEPT = 20_000;

/** Size of the ring that holds the latest deliveries. A power of two, and more than are usually open at once. */
const RECENT = 4096;

/**
 * The open deliveries of this process, by token. A token is `<instance>:<source>:<number>`: a plain string, which survives clones, context stores and JSON,
 * where an object with methods would not.
 *
 * The numbers rise by one, so the latest deliveries are kept in a ring, by number. A `Map` with so many additions and removals would be rehashed again and again,
 * and in V8 each of its former tables keeps the next alive.
 */
export class DeliveryRegistry {
  /** Begins all our tokens. Random, so that tokens of another process, or of this one before a restart, are not taken for ours. */
  private readonly prefix = `${randomBytes(6).toString("base64url")}:`;
  private readonly recent: (Delivery | undefined)[] = new Array<Delivery | undefined>(RECENT).fill(undefined);
  /** Deliveries that are still open when their place in the ring is needed for another, oldest first. */
  private readonly lingering = new Map<number, Delivery>();
  /** Tokens of deliveries that have ended without being accepted, oldest first. At most {@link RETURNING_KEPT}. */
  private readonly returning = new Set<string>();
  private count = 0;
  private open_ = 0;

  /** How many deliveries are open. */
  get open(): number {
    return this.open_;
  }

  /** The number of the latest delivery; 0 before the first. */
  get newest(): number {
    return this.count;
  }

  /** The number for a new delivery. */
  nextNumber(): number {
    this.count += 1;
    return this.count;
  }

  /** The part of a source's tokens that comes before the number. */
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

  /** To be called once for each delivery, when it has ended. @param accepted whether its message is done with; else it comes again, or is among the dead letters */
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
   * Whether the delivery with that token has ended without being accepted. Its message comes again or is a dead letter, so copies that are still in the flow may be
   * dropped. The token is forgotten after {@link RETURNING_KEPT} others: then a copy may be stored twice, but none is dropped wrongly.
   */
  comesBack(token: string): boolean {
    return this.returning.has(token);
  }

  /**
   * The open delivery with that token; `"closed"` when the token is of this process but its delivery has ended; `undefined` when it is not of this process.
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

/** The token that a message carries in `msg.delivery.id`, if any. */
export function tokenOf(message: object): string | undefined {
  const id: unknown = (message as { delivery?: { id?: unknown } | null }).delivery?.id;
  return typeof id === "string" ? id : undefined;
}

/**
 * Finds out to which scope a message with that token belongs. A copy of a joined message has the token of only one of its deliveries: then the group counts in which
 * the code runs, or of which the sender has a message in its hands.
 *
 * @param running context of the code that runs
 */
export function contextOf(token: string | undefined, running: FlowContext | undefined, sender: FlowNode | undefined): FlowContext | undefined {
  const delivery = token === undefined ? undefined : openDeliveryOf(token);
  if (!delivery || (running && !running.scope.closed && covers(running.scope, delivery.scope))) return running;
  return (sender && delivery.groupAt(sender)) ?? delivery;
}

/** The open delivery with that token, if its settle mode is `flow`. */
function openDeliveryOf(token: string): Delivery | undefined {
  const delivery = registry.find(token);
  return delivery === "closed" || delivery?.mode !== "flow" ? undefined : delivery;
}
