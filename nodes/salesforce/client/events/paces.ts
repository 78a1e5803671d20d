import { BackOff } from "../../../common/back-off";
import type { ConnectorError } from "../../../common/errors";
import type { StreamOptions } from "./org-streams";

const MINUTE = 60_000;

/** By what is paused: the org is away or too busy; it refuses for good; the day's events are used up. */
export type Pace = "outage" | "refused" | "limit";

/** How long is paused after each kind of failure; longer with each that follows. */
export class Paces {
  private readonly backOffs: Record<Pace, BackOff>;
  /** ms that a connection must have stood for its loss to be a first one. */
  private readonly spell: number;

  constructor({ backOff, refused, limited }: StreamOptions) {
    this.spell = 10 * (backOff?.initial ?? 1_000);
    this.backOffs = {
      outage: new BackOff({ max: 2 * MINUTE, ...backOff }),
      refused: new BackOff({ initial: MINUTE, max: 30 * MINUTE, ...refused }),
      // no jitter below: what counts the day's events must be left alone that long
      limit: new BackOff({ initial: 15 * MINUTE, max: 15 * MINUTE, random: () => 1, ...limited }),
    };
  }

  /** ms until the next try: no shorter than the org asked for. */
  next(pace: Pace, { details }: ConnectorError): number {
    return Math.max(this.backOffs[pace].next(), typeof details.retryAfter === "number" ? details.retryAfter : 0);
  }

  /** A connection is gone: one that had stood for a while is cut time and again, as by a proxy that minds idle ones. @param stood for so long, in ms */
  lost(stood: number): void {
    if (stood > this.spell) this.reset();
  }

  /** It went well. */
  reset(): void {
    for (const backOff of Object.values(this.backOffs)) backOff.reset();
  }
}
