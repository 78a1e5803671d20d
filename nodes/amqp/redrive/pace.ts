import type { Clock } from "../../common/clock";

/** Lets one through every so often. After a pause it goes on at the same rate: what was not sent meanwhile is not made up for. */
export class Pace {
  private next = 0;

  /** @param rate how many a second; `undefined` for no limit */
  constructor(
    private readonly rate: number | undefined,
    private readonly clock: Pick<Clock, "ticks" | "sleep">,
  ) {}

  /** Resolves when the next one may go, or when `signal` is aborted. */
  async turn(signal: AbortSignal): Promise<void> {
    if (this.rate === undefined) return;
    const now = this.clock.ticks();
    if (this.next > now) await this.clock.sleep(this.next - now, signal);
    this.next = Math.max(this.next, now) + 1000 / this.rate;
  }
}
