import type { ConnectorError } from "../../common/errors";

/** ms for which nothing is sent to an exchange that the broker has closed the channel over: each time costs all others on it a moment. */
const HELD = 5_000;
/** Exchanges that are remembered; the oldest is forgotten first. */
const MOST = 1_000;

/** Exchanges of single messages that are missing or forbidden. */
export class RefusedExchanges {
  private readonly held = new Map<string, { error: ConnectorError; until: number }>();

  /** The broker has just closed the channel over it. */
  add(exchange: string, error: ConnectorError): void {
    this.held.delete(exchange);
    this.held.set(exchange, { error, until: Date.now() + HELD });
    if (this.held.size <= MOST) return;
    for (const oldest of this.held.keys()) {
      this.held.delete(oldest);
      break;
    }
  }

  /** Why nothing is sent to it at present. */
  errorOf(exchange: string): ConnectorError | undefined {
    const found = this.held.get(exchange);
    if (!found) return undefined;
    if (found.until > Date.now()) return found.error;
    this.held.delete(exchange);
    return undefined;
  }

  /** Whether there are any. */
  get any(): boolean {
    return this.held.size > 0;
  }
}
