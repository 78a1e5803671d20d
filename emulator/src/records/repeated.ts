import { ApiError } from "../api-error";
import type { Field, Scalar } from "../schema/types";
import { indexKey } from "../store/table";

/** Values of an external id that stand more than once in one upsert: none of their records is written. */
export class Repeated {
  private readonly keys = new Set<string>();

  /** @param values of all records of the call */
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

  /** @throws ApiError `DUPLICATE_VALUE` when the value is one of them */
  refuse(value: Scalar): void {
    if (value === null || !this.keys.has(indexKey(this.field, value))) return;
    throw new ApiError("DUPLICATE_VALUE", `Duplicate external id specified: ${String(value)}`, [this.field.name]);
  }
}
