/**
 * Waits longer after each failure, with jitter, so that many clients do not come back in step. Each delay is drawn evenly from a tenth of the step's cap to the full cap.
 * This is nearly the "full jitter", from 0 to the cap, of Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015.
 */

/** How a {@link BackOff} grows. Times in ms. */
export interface BackOffOptions {
  /** Cap of the first delay. Default 1000. */
  initial?: number;
  /** Largest cap. Default 60000. */
  max?: number;
  /** Growth per failure. Default 2. */
  factor?: number;
  /** Returns random numbers, 0 ≤ x < 1. Replaced in tests. Default `Math.random`. */
  random?: () => number;
}

/** Counts consecutive failures and computes how long to wait before the next attempt. */
export class BackOff {
  private failures = 0;
  private readonly initial: number;
  private readonly max: number;
  private readonly factor: number;
  private readonly random: () => number;

  constructor(options: BackOffOptions = {}) {
    this.initial = options.initial ?? 1000;
    this.max = options.max ?? 60_000;
    this.factor = options.factor ?? 2;
    this.random = options.random ?? Math.random;
  }

  /** Counts one more failure. @returns the delay before the next attempt, in ms; at least a tenth of the cap, so that a refused connect is not repeated in a tight loop */
  next(): number {
    const cap = Math.min(this.max, this.initial * this.factor ** this.failures);
    this.failures += 1;
    return Math.round(cap * (0.1 + 0.9 * this.random()));
  }

  /** To be called after a success: the next delay is the first one again. */
  reset(): void {
    this.failures = 0;
  }
}
