import { performance } from "node:perf_hooks";

/** Longest time between two beats, in ms. */
const EVERY = 1_000;
/** For how many ms a standstill is reported afterwards. Later, it no longer explains anything. */
const RECENT = 5_000;

/** A standstill of the process: its length in ms, and its end by `performance.now()`. */
export interface StandStill {
  ms: number;
  until: number;
}

/**
 * Notices when the process stood still, for instance in a function that computes for long: no heartbeat is sent then, and the broker closes the connection. Only time
 * in which the event loop was busy counts. If the machine slept or the process was paused while the event loop was idle, no message is the reason.
 */
export class Pulse {
  private timer: NodeJS.Timeout | undefined;
  private last = timeAtWork();
  private latest: StandStill | undefined;

  /** @param least shortest standstill that counts, in ms */
  constructor(private least: number) {
    this.begin(least);
  }

  /** Starts the timer, or continues with another limit. @param least shortest standstill that counts, in ms */
  begin(least: number): void {
    clearInterval(this.timer);
    this.least = least;
    this.timer = setInterval(() => this.beat(), Math.min(EVERY, least / 4)).unref(); // with a quarter of the limit, a beat that is a little late does not count even at a heartbeat of 1 s
  }

  /** The standstill that has just been, or the last one of the past 5 s. `undefined` if there was none. */
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

/** For how many ms the event loop of this process was busy so far. */
function timeAtWork(): number {
  return performance.eventLoopUtilization().active;
}
