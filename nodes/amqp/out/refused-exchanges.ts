import { BoundedMap } from "../../common/bounded-map";
import type { ConnectorError } from "../../common/errors";

/** How many exchanges are remembered; the oldest is forgotten first. */
const MOST = 1_000;

/** Remembers exchanges that are missing or forbidden, where each message has an exchange of its own. */
export class RefusedExchanges {
  /** By exchange. The oldest comes first, and is the first whose time is over. */
  private readonly held = new BoundedMap<string, { error: ConnectorError; until: number }>(MOST);

  /** @param timing `heldFor`: ms in which nothing is sent to an exchange after the broker has closed the channel over it, since that delays all other messages on the channel */
  constructor(private readonly timing = { heldFor: 5_000 }) {}

  /** The broker has just closed the channel over an exchange. */
  add(exchange: string, error: ConnectorError): void {
    this.held.delete(exchange);
    this.held.set(exchange, { error, until: performance.now() + this.timing.heldFor });
  }

  /** Why nothing is sent to an exchange at present; `undefined` if it may be used. */
  errorOf(exchange: string): ConnectorError | undefined {
    return this.held.get(exchange)?.error;
  }

  /** Whether there are any. Forgets those whose time is over, so it must be asked before {@link errorOf}. */
  get any(): boolean {
    for (const [exchange, { until }] of this.held) {
      if (until > performance.now()) return true;
      this.held.delete(exchange);
    }
    return false;
  }
}
