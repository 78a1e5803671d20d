import type { RecordResult } from "./collections";

/** ms that a size is kept to: automation that was mended since takes more again. */
const KEPT = 3_600_000;

/** What triggers and flows say that have used up what the platform grants one transaction, in which all records of a call are together. */
const OVER_LIMIT = /\bLimitException\b|\bToo many [a-z ]+: \d+|\bApex (?:CPU time limit exceeded|heap size too large)|exceeded the maximum number of (?:SOQL|DML)/i;

/** Whether a record was refused since the org's automation could not do with it and those beside it at once: nothing of it was stored, and fewer may pass. */
export function isOverLimit(result: RecordResult | undefined): boolean {
  return result?.ok === false && result.error.code === "ORG_REFUSED" && OVER_LIMIT.test(result.error.message);
}

/** How many records of an object the org's automation does with in one call, as far as it has failed over more. */
export class CallSizes {
  private readonly known = new Map<string, { most: number; until: number }>();

  /** Infinity while it has never failed. */
  most(object: string): number {
    const found = this.known.get(object.toLowerCase());
    return found && found.until > performance.now() ? found.most : Infinity;
  }

  /** It has failed over more than these, and has done with so many. */
  learn(object: string, most: number): void {
    this.known.set(object.toLowerCase(), { most, until: performance.now() + KEPT });
  }
}
