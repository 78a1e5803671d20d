import { randomBytes } from "node:crypto";
import type { Delivery } from "./delivery";

/**
 * The open deliveries of this process, by token. A token is `<instance>:<source>:<number>`: a plain string that a message
 * can carry through clones, context stores and JSON, where an object with behaviour would be copied and break.
 */
export class DeliveryRegistry {
  /** Tells our tokens from those another process, or this one before a restart, gave out. */
  private readonly instance = randomBytes(6).toString("base64url");
  private readonly open = new Map<string, Delivery>();
  private count = 0;

  /** A token no other delivery has had. */
  nextToken(sourceId: string): string {
    this.count += 1;
    return `${this.instance}:${sourceId}:${this.count}`;
  }

  add(delivery: Delivery): void {
    this.open.set(delivery.token, delivery);
  }

  remove(delivery: Delivery): void {
    this.open.delete(delivery.token);
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
