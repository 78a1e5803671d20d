import { setTimeout as delay } from "node:timers/promises";
import type { RecordResult } from "./collections";

/** Tries in place, after the first. */
const TRIES = 3;

/**
 * Tries those records again in place that were locked; ms between tries double from 50.
 *
 * @param results of all, in order; they become what the last try of each gave
 * @param again sends the records at these places once more. When it rejects, the org went away: the lock is what their messages are told
 */
export async function retryLocked(results: RecordResult[], again: (places: number[]) => Promise<RecordResult[]>): Promise<RecordResult[]> {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const locked = results.flatMap((result, index) => (!result.ok && result.error.code === "ORG_BUSY" ? index : []));
    if (locked.length === 0) break;
    await delay(50 * 2 ** tried);
    const next = await again(locked).catch(() => undefined);
    if (!next) break;
    next.forEach((result, place) => (results[locked[place] as number] = result));
  }
  return results;
}
