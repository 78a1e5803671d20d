import { COLLECTIONS } from "./fields";

/** A record: values by field name. The `id` is a number. */
export type EngagementRecord = { id: number } & Record<string, unknown>;

/** The id of the only business unit. */
export const BUSINESS_UNIT_ID = "0Uv000000000001CAA";

/** The records of Account Engagement. */
export class Engagement {
  private readonly records = new Map<string, Map<number, EngagementRecord>>();
  private lastId = 1000;

  declare(declared: Record<string, Record<string, unknown>[]>): void {
    for (const [collection, records] of Object.entries(declared)) {
      const known = Object.hasOwn(COLLECTIONS, collection) ? COLLECTIONS[collection] : undefined;
      if (!known) throw new Error(`accountEngagement: there is no collection ${collection}`);
      for (const record of records) {
        const unknown = Object.keys(record).find((field) => !known.includes(field));
        if (unknown !== undefined) throw new Error(`accountEngagement: ${collection} has no field ${unknown}`);
        this.add(collection, record);
      }
    }
  }

  of(collection: string): Map<number, EngagementRecord> {
    const records = this.records.get(collection) ?? new Map<number, EngagementRecord>();
    this.records.set(collection, records);
    return records;
  }

  add(collection: string, values: Record<string, unknown>): EngagementRecord {
    const record = { ...values, id: ++this.lastId };
    this.of(collection).set(record.id, record);
    return record;
  }
}
