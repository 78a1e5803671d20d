import { sleep } from "./sleep";

/** Where a class takes the time from. It is an option, so that a test can bring a clock of its own. */
export interface Clock {
  /** The time of day in ms since 1970. It may be set, also back, so it does not tell how long something takes. */
  now(): number;
  /** ms by a clock that nobody sets and that only runs forward, counted from some moment: for waits, deadlines and durations. */
  ticks(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  ticks: () => performance.now(),
  sleep,
};
