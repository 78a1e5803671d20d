import { BackOff } from "../../../common/back-off";
import type { ConnectorError } from "../../../common/errors";
import type { StreamOptions } from "./org-streams";

const MINUTE = 60_000;

/** Why there is a pause. `outage`: the org is away or too busy; `refused`: it refuses until someone fixes something; `limit`: the day's events are used up. */
export type Pace = "outage" | "refused" | "limit";

/** How long to pause after each kind of failure: longer with each one in a row. */
export class Paces {
  private readonly backOffs: Record<Pace, BackOff>;
  /** A connection that stood for more ms than this worked well: after its loss, pauses begin with the shortest again. */
  private readonly spell: number;

  constructor({ backOff, refused, limited }: StreamOptions) {
    this.spell = 10 * (backOff?.initial ?? 1_000);
    this.backOffs = {
      outage: new BackOff({ max: 2 * MINUTE, ...backOff }),
      refused: new BackOff({ initial: MINUTE, max: 30 * MINUTE, ...refused }),
      // without jitter, so that a pause is never shorter: the count of the day's events needs that time
      limit: new BackOff({ initial: 15 * MINUTE, max: 15 * MINUTE, random: () => 1, ...limited }),
    };
  }

  /** ms until the next try, at least as many as the org asked for. */
  next(pace: Pace, { details }: ConnectorError): number {
    return Math.max(this.backOffs[pace].next(), typeof details.retryAfter === "number" ? details.retryAfter : 0);
  }

  /**
   * A connection was lost. One that stood for a while was cut by something like a proxy that closes idle ones, so the next pause is short.
   *
   * @param stood how many ms it stood
   */
  lost(stood: number): void {
    if (stood > this.spell) this.reset();
  }

  /** A try went well: pauses begin with the shortest again. */
  reset(): void {
    for (const backOff of Object.values(this.backOffs)) backOff.reset();
  }
}
