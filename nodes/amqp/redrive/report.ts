import { toConnectorError } from "../../common/errors";

/** What a run did, as it comes out of the node in `msg.payload`. */
export interface RedriveReport {
  /** Dead letters that went back. */
  moved: number;
  /** Those that had gone back too often, and went to the parking queue. */
  parked: number;
  /** Those the filter left out. */
  skipped: number;
  /** Those that could not go back, and stayed. */
  failed: number;
  /** Of those that were there at the start, how many still are: skipped, failed, and not reached. */
  left: number;
  /** A dry run: how many it found, all of which stayed. */
  found?: number;
  dryRun: boolean;
  seconds: number;
  /** Why some failed, or the run ended early: the first ten reasons that differ. */
  errors: string[];
}

const REASONS = 10;

/** Counts what a run does. */
export class Tally {
  moved = 0;
  parked = 0;
  skipped = 0;
  failed = 0;
  found = 0;
  /** Dead letters there were at the start, as far as nobody else took them. */
  depth = 0;
  private readonly reasons = new Set<string>();

  /** Keeps why, if it is among the first. */
  because(reason: unknown): void {
    if (this.reasons.size < REASONS) this.reasons.add(typeof reason === "string" ? reason : String(toConnectorError(reason)));
  }

  report(dryRun: boolean, ms: number): RedriveReport {
    const { moved, parked, skipped, failed, found, depth } = this;
    const left = depth - moved - parked;
    return { moved, parked, skipped, failed, left, ...(dryRun ? { found } : {}), dryRun, seconds: Math.round(ms) / 1000, errors: [...this.reasons] };
  }
}
