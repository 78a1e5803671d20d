import type { IdSequence } from "../ids";
import type { ObjectSchema, Schema } from "../schema/schema";
import { Table, type Row } from "./table";

/** All records of the org, in memory. */
export class Store {
  private readonly tables = new Map<string, Table>();
  private readonly byPrefix = new Map<string, Table>();
  /** Ids of deleted records that are out of the recycle bin for good. */
  readonly purged = new Set<string>();
  private caseNumber = 1000;

  /** @param ids handed on from the store before, so that no id comes twice in the life of the org */
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

  /** The table whose records carry the prefix of this id. */
  tableOf(id: string): Table | undefined {
    return this.byPrefix.get(id.slice(0, 3));
  }

  /** The record with this id, whatever its object; deleted ones too. */
  get(id: string): Row | undefined {
    return this.tableOf(id)?.get(id);
  }

  /** The next number of a case, eight digits as in a new org. */
  nextCaseNumber(): string {
    return String(++this.caseNumber).padStart(8, "0");
  }
}
