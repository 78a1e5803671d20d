import { performance } from "node:perf_hooks";

/** ms between two beats at most. */
const EVERY = 1_000;
/** ms. What was longer ago explains nothing any more. */
const RECENT = 5_000;

/** How long a process stood still, in ms, and until when, by `performance.now()`. */
export interface StandStill {
  ms: number;
  until: number;
}

/**
 * Notices when the process stood still, as in a function that computes for long: no heartbeat is sent then, and the broker hangs up. Only the time at work
 * counts, for no message is to blame when the machine was asleep, or the process paused, while it waited for something to do.
 */
export class Pulse {
  private timer: NodeJS.Timeout | undefined;
  private last = timeAtWork();
  private latest: StandStill | undefined;

  /** @param least as for {@link begin} */
  constructor(private least: number) {
    this.begin(least);
  }

  /** Begins to beat, or goes on by another measure. @param least ms. What is shorter does not count */
  begin(least: number): void {
    clearInterval(this.timer);
    this.least = least;
    this.timer = setInterval(() => this.beat(), Math.min(EVERY, least / 4)).unref(); // at a heartbeat of 1 s, none that is a little late counts
  }

  /** That it has just stood still. */
  get stoodStill(): StandStill | undefined {
    const now = performance.now();
    const ms = timeAtWork() - this.last;
    if (ms > this.least) return { ms, until: now };
    return this.latest && now - this.latest.until < RECENT ? this.latest : undefined;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private beat(): void {
    this.latest = this.stoodStill;
    this.last = timeAtWork();
  }
}

/** ms that this process has not waited for something to do. */
function timeAtWork(): number {
  return performance.eventLoopUtilization().active;
}
