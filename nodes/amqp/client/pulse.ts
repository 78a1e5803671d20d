/** ms between two beats. */
const EVERY = 1_000;
/** ms. What was longer ago explains nothing any more. */
const RECENT = 5_000;

/** Notices when the process stood still, as in a function that computes for long: no heartbeat is sent then, and the broker hangs up. */
export class Pulse {
  private readonly timer = setInterval(() => this.beat(), EVERY).unref();
  private last = performance.now();
  private longest = { ms: 0, until: 0 };

  /** ms that it has just stood still at the longest. */
  get stoodStill(): number {
    const now = performance.now();
    return Math.max(now - this.last, now - this.longest.until < RECENT ? this.longest.ms : 0);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private beat(): void {
    const now = performance.now();
    const ms = now - this.last;
    if (ms >= this.longest.ms || now - this.longest.until >= RECENT) this.longest = { ms, until: now };
    this.last = now;
  }
}
