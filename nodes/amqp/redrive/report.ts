import { toConnectorError } from "../../common/errors";

/** What a run has done. The node sends it as `msg.payload`. */
export interface RedriveReport {
  /** Dead letters that went back. */
  moved: number;
  /** Those that had gone back too often and were moved to the parking queue. */
  parked: number;
  /** Those that the filter left out. */
  skipped: number;
  /** Those that could not go back and stayed. */
  failed: number;
  /** How many of those that were there at the start still are: skipped, failed, or not reached. */
  left: number;
  /** Only of a dry run: how many it found. All of them stayed. */
  found?: number;
  dryRun: boolean;
  seconds: number;
  /** Why some failed or the run ended early: the first ten different reasons. */
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
  /** How many dead letters there were at the start, without those that others took. */
  depth = 0;
  private readonly reasons = new Set<string>();

  /** Keeps a reason, unless there are ten already. */
  because(reason: unknown): void {
    if (this.reasons.size < REASONS) this.reasons.add(typeof reason === "string" ? reason : String(toConnectorError(reason)));
  }

  report(dryRun: boolean, ms: number): RedriveReport {
    const { moved, parked, skipped, failed, found, depth } = this;
    const left = depth - moved - parked;
    return { moved, parked, skipped, failed, left, ...(dryRun ? { found } : {}), dryRun, seconds: Math.round(ms) / 1000, errors: [...this.reasons] };
  }
}
