/**
 * Waiting longer after each failure, with full jitter, so that many clients do not come back in step.
 * Full jitter: a delay drawn evenly from 0 to the step's cap (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015).
 */

/** How a {@link BackOff} grows. Times in ms. */
export interface BackOffOptions {
  /** Cap of the first delay. Default 1000. */
  initial?: number;
  /** Largest cap. Default 60000. */
  max?: number;
  /** Growth per failure. Default 2. */
  factor?: number;
  /** Source of randomness, 0 ≤ x < 1; tests replace it. Default `Math.random`. */
  random?: () => number;
}

/** Counts consecutive failures and says how long to wait before the next try. */
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

  /** Delay in ms before the next try; each call counts one more failure. Never under a tenth of the cap, so that a refused connect cannot spin. */
  next(): number {
    const cap = Math.min(this.max, this.initial * this.factor ** this.failures);
    this.failures += 1;
    return Math.round(cap * (0.1 + 0.9 * this.random()));
  }

  /** A try succeeded: start small again. */
  reset(): void {
    this.failures = 0;
  }
}
