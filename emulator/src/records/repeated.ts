import { ApiError } from "../api-error";
import type { Field, Scalar } from "../schema/types";
import { indexKey } from "../store/table";

/** The values of an external id that occur more than once in an upsert. None of their records is written. */
export class Repeated {
  private readonly keys = new Set<string>();

  /** @param values the values of all records of the call */
  constructor(
    private readonly field: Field,
    values: Iterable<Scalar | undefined>,
  ) {
    const seen = new Set<string>();
    for (const value of values) {
      if (value === null || value === undefined) continue;
      const key = indexKey(field, value);
      if (seen.has(key)) this.keys.add(key);
      seen.add(key);
    }
  }

  /** Refuses a value that occurs more than once. @throws ApiError `DUPLICATE_VALUE` */
  refuse(value: Scalar): void {
    if (value === null || !this.keys.has(indexKey(this.field, value))) return;
    throw new ApiError("DUPLICATE_VALUE", `Duplicate external id specified: ${String(value)}`, [this.field.name]);
  }
}
