import { randomBytes } from "node:crypto";
import type { Delivery } from "./delivery";

/** How many of the deliveries that were not accepted are remembered: a few times what brokers hand out at once. */
const RETURNING_KEPT = 20_000;

/**
 * The open deliveries of this process, by token. A token is `<instance>:<source>:<number>`: a plain string that a message
 * can carry through clones, context stores and JSON, where an object with behaviour would be copied and break.
 */
export class DeliveryRegistry {
  /** Tells our tokens from those another process, or this one before a restart, gave out. */
  private readonly instance = randomBytes(6).toString("base64url");
  private readonly open = new Map<string, Delivery>();
  /** Tokens of deliveries that ended unaccepted, oldest first. */
  private readonly returning = new Set<string>();
  private count = 0;

  /** A token no other delivery has had. */
  nextToken(sourceId: string): string {
    this.count += 1;
    return `${this.instance}:${sourceId}:${this.count}`;
  }

  add(delivery: Delivery): void {
    this.open.set(delivery.token, delivery);
  }

  /** @param accepted nothing more is owed for it; else its message comes again, or lies among the dead letters */
  remove(delivery: Delivery, accepted: boolean): void {
    this.open.delete(delivery.token);
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
    return this.open.get(token) ?? (token.startsWith(`${this.instance}:`) ? "closed" : undefined);
  }

  /** All open deliveries, oldest first. */
  all(): Iterable<Delivery> {
    return this.open.values();
  }
}

/** The registry of this process. */
export const registry = new DeliveryRegistry();

/** The token a message carries, if any. */
export function tokenOf(message: object): string | undefined {
  const id: unknown = (message as { delivery?: { id?: unknown } | null }).delivery?.id;
  return typeof id === "string" ? id : undefined;
}
