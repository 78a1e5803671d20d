import type { ConnectorError } from "../../common/errors";

/** Exchanges that are remembered; the oldest is forgotten first. */
const MOST = 1_000;

/** Exchanges of single messages that are missing or forbidden. */
export class RefusedExchanges {
  /** The oldest first, which ends first. */
  private readonly held = new Map<string, { error: ConnectorError; until: number }>();

  /** @param heldFor ms in which nothing is sent to an exchange that the broker has closed the channel over: each time costs all others on it a moment */
  constructor(private readonly timing = { heldFor: 5_000 }) {}

  /** The broker has just closed the channel over it. */
  add(exchange: string, error: ConnectorError): void {
    this.held.delete(exchange);
    this.held.set(exchange, { error, until: performance.now() + this.timing.heldFor });
    if (this.held.size <= MOST) return;
    const [oldest] = this.held.keys();
    if (oldest !== undefined) this.held.delete(oldest);
  }

  /** Why nothing is sent to it at present. */
  errorOf(exchange: string): ConnectorError | undefined {
    return this.held.get(exchange)?.error;
  }

  /** Whether there are any; forgets those whose time is over. To be asked before {@link errorOf}. */
  get any(): boolean {
    for (const [exchange, { until }] of this.held) {
      if (until > performance.now()) return true;
      this.held.delete(exchange);
    }
    return false;
  }
}
