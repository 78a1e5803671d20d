import type { IdSequence } from "../ids";
import type { ObjectSchema, Schema } from "../schema/schema";
import { Table, type Row } from "./table";

/** All records of the org, in memory. */
export class Store {
  private readonly tables = new Map<string, Table>();
  private readonly byPrefix = new Map<string, Table>();
  /** Ids of deleted records that are no longer in the recycle bin. */
  readonly purged = new Set<string>();
  private caseNumber = 1000;

  /** @param ids taken over from the previous store, so that the org never uses an id twice */
  constructor(
    readonly schema: Schema,
    readonly ids: IdSequence,
  ) {
    for (const object of schema.objects) {
      const table = new Table(object);
      this.tables.set(object.name, table);
      this.byPrefix.set(object.keyPrefix, table);
    }
  }

  table(object: ObjectSchema): Table {
    return this.tables.get(object.name)!;
  }

  /** Returns the table whose records have ids with the same prefix as this one. */
  tableOf(id: string): Table | undefined {
    return this.byPrefix.get(id.slice(0, 3));
  }

  /** Returns the record with this id, of any object, deleted or not. */
  get(id: string): Row | undefined {
    return this.tableOf(id)?.get(id);
  }

  /** Returns the next case number, with eight digits as in a new org. */
  nextCaseNumber(): string {
    return String(++this.caseNumber).padStart(8, "0");
  }
}
