import type { RecordResult } from "./collections";

/** ms for which a size is kept. After that more records are tried again, as the automation may have been fixed. */
const KEPT = 3_600_000;

/** Texts of triggers and flows that have exceeded the platform's limits for one transaction. All records of a call are in one transaction. */
const OVER_LIMIT = /\bLimitException\b|\bToo many [a-z ]+: \d+|\bApex (?:CPU time limit exceeded|heap size too large)|exceeded the maximum number of (?:SOQL|DML)/i;

/** Whether a record was refused because the call had too many records for the org's automation. The record was not stored, and a call with fewer records may pass. */
export function isOverLimit(result: RecordResult | undefined): boolean {
  return result?.ok === false && result.error.code === "ORG_REFUSED" && OVER_LIMIT.test(result.error.message);
}

/** Remembers how many records of an object the org's automation can handle in one call, once it has failed with more. */
export class CallSizes {
  private readonly known = new Map<string, { most: number; until: number }>();

  /** How many records of an object one call may have; `Infinity` while no call was too large. */
  most(object: string): number {
    const found = this.known.get(object.toLowerCase());
    return found && found.until > performance.now() ? found.most : Infinity;
  }

  /** To be called when a call with so many records has passed, after one with more has failed. */
  learn(object: string, most: number): void {
    this.known.set(object.toLowerCase(), { most, until: performance.now() + KEPT });
  }
}
