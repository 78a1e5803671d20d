import { setTimeout as delay } from "node:timers/promises";
import type { RecordResult } from "./collections";

/** How many more tries a locked record gets. */
const TRIES = 3;

/**
 * Tries locked records again at once; the pauses between the tries double from 50 ms.
 *
 * @param results the results of all records, in order; changed to the result of each record's last try
 * @param again sends the records with these indexes once more. When it rejects, the org is away, and their results stay "locked"
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
