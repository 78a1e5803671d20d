/** How often and after which delays a failed delivery is tried again. Times in ms. */
export interface RetryPolicy {
  /** Attempts after the first. Default 5; 0 for none. */
  retries: number;
  /** Delay before the second attempt; doubles with each. Default 1000. */
  retryDelay: number;
  /** No delay grows past this. Default 300000. */
  retryMaxDelay: number;
}

/** The defaults: 5 retries after 1, 2, 4, 8 and 16 s. */
export const DEFAULT_RETRY_POLICY: Readonly<RetryPolicy> = { retries: 5, retryDelay: 1000, retryMaxDelay: 300_000 };

/**
 * The delay before attempt 2, 3, … in order: doubling and capped, so that equal delays can share one delay queue.
 *
 * @returns as many delays as there are retries
 */
export function retryDelays(policy: RetryPolicy): number[] {
  return Array.from({ length: policy.retries }, (_, index) => delayOf(policy, index + 1));
}

/** The delay after the attempt numbered `attempt` (from 1) failed, or `undefined` when attempts are used up. */
export function delayAfter(policy: RetryPolicy, attempt: number): number | undefined {
  return attempt > policy.retries ? undefined : delayOf(policy, attempt);
}

function delayOf({ retryDelay, retryMaxDelay }: RetryPolicy, attempt: number): number {
  return Math.min(retryMaxDelay, retryDelay * 2 ** (attempt - 1));
}
