import { sleep } from "../../common/sleep";

/** Time as a run sees it; tests bring their own. */
export interface Clock {
  /** ms since 1970. */
  now(): number;
  /** ms by a clock that nobody sets. */
  ticks(): number;
  /** Resolves after `ms` milliseconds, at once when `signal` is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The machine's. */
export const systemClock: Clock = {
  now: () => Date.now(),
  ticks: () => performance.now(),
  sleep,
};

/** Lets one through every so often; a pause is not made up for. */
export class Pace {
  private next = 0;

  /** @param rate so many a second; `undefined` for no limit */
  constructor(
    private readonly rate: number | undefined,
    private readonly clock: Clock,
  ) {}

  /** Resolves when it is the next one's turn, or `signal` is aborted. */
  async turn(signal: AbortSignal): Promise<void> {
    if (this.rate === undefined) return;
    const now = this.clock.ticks();
    if (this.next > now) await this.clock.sleep(this.next - now, signal);
    this.next = Math.max(this.next, now) + 1000 / this.rate;
  }
}
