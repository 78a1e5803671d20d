import type { ObjectSchema } from "../schema/schema";
import type { Field, Scalar } from "../schema/types";

/** A stored record: values by field name, as declared. A field that was never set is absent and counts as null. */
export type Row = { Id: string; IsDeleted: boolean } & Record<string, Scalar>;

/** Undoes one change. To undo several, call these functions in reverse order. */
export type Undo = () => void;

/** The records of one object. They are found by id and by each indexed field in constant time. */
export class Table {
  private readonly rows = new Map<string, Row>();
  private readonly indexes = new Map<string, Map<string, Row[]>>();
  private readonly indexed: Field[];
  private live = 0;

  constructor(readonly schema: ObjectSchema) {
    this.indexed = schema.fields.filter((field) => field.indexed && field.type !== "id");
    for (const field of this.indexed) this.indexes.set(field.name, new Map());
  }

  /** Number of records that are not deleted. */
  get size(): number {
    return this.live;
  }

  /** Returns the record with this id (15 or 18 characters), deleted or not. */
  get(id: string): Row | undefined {
    return this.rows.get(id.slice(0, 15));
  }

  /** Returns all records in the order of their creation, including deleted ones. */
  all(): IterableIterator<Row> {
    return this.rows.values();
  }

  /** Returns the last `count` live records, newest first. */
  newest(count: number): Row[] {
    const last: Row[] = [];
    for (const row of this.rows.values()) {
      if (row.IsDeleted) continue;
      last.push(row);
      // The emulator's page asks for this every second, so never hold many more records than are asked for.
      if (last.length >= 2 * count) last.splice(0, count);
    }
    return last.slice(-count).reverse();
  }

  /** Returns the live records with this value in an indexed field. */
  find(field: Field, value: Scalar): readonly Row[] {
    if (value === null) return [];
    if (field.type === "id") {
      const row = this.get(String(value));
      return row && !row.IsDeleted ? [row] : [];
    }
    return this.indexes.get(field.name)?.get(indexKey(field, value)) ?? [];
  }

  insert(row: Row): Undo {
    const key = row.Id.slice(0, 15);
    this.rows.set(key, row);
    this.index(row);
    return () => {
      this.unindex(row);
      this.rows.delete(key);
    };
  }

  update(row: Row, changes: Record<string, Scalar>): Undo {
    const before = { ...row };
    this.unindex(row);
    Object.assign(row, changes);
    this.index(row);
    return () => {
      this.unindex(row);
      for (const name of Object.keys(row)) delete row[name];
      Object.assign(row, before);
      this.index(row);
    };
  }

  /** Marks a record as deleted. `queryAll` still finds it, and other calls get `ENTITY_IS_DELETED`. Its unique values are free again. */
  remove(row: Row, changes: Record<string, Scalar>): Undo {
    return this.update(row, { ...changes, IsDeleted: true });
  }

  private index(row: Row): void {
    if (row.IsDeleted) return;
    this.live++;
    for (const field of this.indexed) {
      const value = row[field.name] ?? null;
      if (value === null) continue;
      const index = this.indexes.get(field.name)!;
      const key = indexKey(field, value);
      const rows = index.get(key);
      if (rows) rows.push(row);
      else index.set(key, [row]);
    }
  }

  private unindex(row: Row): void {
    if (row.IsDeleted) return;
    this.live--;
    for (const field of this.indexed) {
      const value = row[field.name] ?? null;
      if (value === null) continue;
      const index = this.indexes.get(field.name)!;
      const key = indexKey(field, value);
      const rows = index.get(key)?.filter((other) => other !== row) ?? [];
      if (rows.length > 0) index.set(key, rows);
      else index.delete(key);
    }
  }
}

/** Returns the key of a value in an index. Values that differ only in case have the same key unless the field is case-sensitive. */
export function indexKey(field: Field, value: Scalar): string {
  return field.caseSensitive ? String(value) : String(value).toLowerCase();
}
