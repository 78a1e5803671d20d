import type { Clock } from "../../common/clock";

/** Limits how many messages pass per second. After a pause it goes on at the same rate, and does not make up for the time that was not used. */
export class Pace {
  private next = 0;

  /** @param rate how many a second; `undefined` for no limit */
  constructor(
    private readonly rate: number | undefined,
    private readonly clock: Pick<Clock, "ticks" | "sleep">,
  ) {}

  /** Resolves when the next message may pass, or when `signal` is aborted. */
  async turn(signal: AbortSignal): Promise<void> {
    if (this.rate === undefined) return;
    const now = this.clock.ticks();
    if (this.next > now) await this.clock.sleep(this.next - now, signal);
    this.next = Math.max(this.next, now) + 1000 / this.rate;
  }
}
