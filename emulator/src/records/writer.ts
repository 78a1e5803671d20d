import { ApiError, notFound } from "../api-error";
import { formatDateTime } from "../dates";
import { parseId } from "../ids";
import { checkStreamingChannel } from "../events/generic";
import { publish } from "../events/publish";
import { checkPushTopic } from "../events/push-topics";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Field, Scalar } from "../schema/types";
import type { Row, Table, Undo } from "../store/table";
import { derive } from "./automation";
import { publishFile } from "./content";
import { checkOwnership } from "./ownership";
import type { RecordInput } from "./reader";
import { checkRules } from "./rules";
import { checkRequired, checkValue, checkWriteable, malformedId, type Changes } from "./validation";

/** Checks of the records of some objects, besides those by field. */
const SPECIAL_CHECKS: Partial<Record<string, (org: Org, row: Row) => void>> = { PushTopic: checkPushTopic, StreamingChannel: checkStreamingChannel };

/** An entry of `errors` that is not an error. */
export interface SaveNote {
  statusCode: string;
  message: string;
  fields: string[];
}

/** Who writes, and what the headers of the request ask for. */
export interface WriteContext {
  userId: string;
  /** `Sforce-Duplicate-Rule-Header: allowSave=true`. */
  allowDuplicates: boolean;
  /** `Sforce-Auto-Assign`: `TRUE` (also if there is no such header), `FALSE`, or the id of an assignment rule. */
  autoAssign: string;
  /** How many records are written in one transaction. Default 1. */
  together?: number;
  /** The EventUuid of a published event. Default: a random one. */
  eventUuid?: string;
  /** The origin in change events. Empty for a write that is not a call of the API. */
  origin: string;
}

/**
 * Writes records one by one, each completely or not at all, and can undo all its writes. All refusals are {@link ApiError}s.
 */
export class Writer {
  private readonly undo: Undo[] = [];
  /** EventUuids of published events, by the ids of these events. */
  private readonly enqueued = new Map<string, string>();

  constructor(
    private readonly org: Org,
    private readonly context: WriteContext,
  ) {}

  /** Creates a record. @returns its id */
  create(object: ObjectSchema, input: RecordInput): string {
    if (!object.createable) throw new ApiError("INVALID_TYPE_FOR_OPERATION", `entity type ${object.name} does not support create`, []);
    const changes = this.changes(object, input);
    for (const field of changes.keys()) {
      if (field.type === "id") throw new ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"]);
    }
    checkWriteable(changes, "create");
    for (const field of object.fields) {
      if (field.defaultValue !== null && !changes.has(field)) changes.set(field, field.defaultValue);
    }
    checkRequired(object.fields, changes, "create");
    const values = this.checkValues(object, changes);
    if (object.platformEvent) return this.publish(object, values);
    const owner = object.field("OwnerId");
    if (owner && (values["OwnerId"] ?? null) === null) values["OwnerId"] = this.context.userId;

    const row = this.fresh(object, values);
    this.checkWhole(object, row);
    this.assign(object, row);
    Object.assign(row, derive(this.org.store, object, row, String(row["CreatedDate"])));
    this.put(object, row);
    if (object.name === "ContentVersion") this.undo.push(...publishFile(this.org, row));
    return row.Id;
  }

  /** Returns the `errors` of a written record. Those of an event say that it is enqueued and with which EventUuid it will be delivered. */
  notesOf(id: string): SaveNote[] {
    const eventUuid = this.enqueued.get(id);
    return eventUuid === undefined ? [] : [{ statusCode: "OPERATION_ENQUEUED", message: eventUuid, fields: [] }];
  }

  /** Updates the record with this id. */
  update(object: ObjectSchema, id: string, input: RecordInput): void {
    const row = this.existing(object, id);
    const changes = this.changes(object, input);
    for (const field of changes.keys()) if (field.type === "id") changes.delete(field);
    checkWriteable(changes, "update");
    checkRequired(object.fields, changes, "update");
    this.refuseLocked(row.Id);
    const values = this.checkValues(object, changes, row);
    const now = formatDateTime(this.org.now());
    const next: Row = { ...row, ...values, ...this.modified(now) };
    this.checkWhole(object, next);
    this.assign(object, next);
    const owner: Record<string, Scalar> = next["OwnerId"] === row["OwnerId"] ? {} : { OwnerId: next["OwnerId"] ?? null };
    const derived = derive(this.org.store, object, next, now);
    this.set(object, row, { ...values, ...owner, ...derived, ...this.modified(now) });
  }

  /**
   * Updates the record that has `value` in `field`, or creates one. If the field is `Id`, a record without an id is created.
   *
   * @param updateOnly whether an unknown value is the error `NOT_FOUND` rather than a new record
   */
  upsert(object: ObjectSchema, field: Field, value: Scalar, input: RecordInput, updateOnly = false): { id: string; created: boolean } {
    if (value === null && field.type === "id" && !updateOnly) {
      return { id: this.create(object, { ...input, values: new Map([...input.values].filter(([key]) => key !== field)) }), created: true };
    }
    if (value === null) throw new ApiError("MISSING_ARGUMENT", `${field.name} not specified`, []);
    const found = this.org.store.table(object).find(field, checkValue(field, value));
    if (found.length > 1) throw new AmbiguousExternalId(field, found);
    const row = found[0];
    if (row) {
      this.update(object, row.Id, input);
      return { id: row.Id, created: false };
    }
    if (updateOnly || field.type === "id") throw notFound();
    return { id: this.create(object, { ...input, values: new Map(input.values).set(field, value) }), created: true };
  }

  delete(object: ObjectSchema, id: string): void {
    const row = this.existing(object, id);
    this.refuseLocked(row.Id);
    this.undo.push(...this.org.changes.deleted(object, row, this.context));
    this.undo.push(this.org.store.table(object).remove(row, this.modified(formatDateTime(this.org.now()))));
  }

  /** Restores a deleted record from the recycle bin, unless a live record has one of its unique values. */
  undelete(row: Row): void {
    const { schema } = this.org.store.tableOf(row.Id)!;
    if (!row.IsDeleted || this.org.store.purged.has(row.Id)) throw new ApiError("UNDELETE_FAILED", "Entity is not in the recycle bin", []);
    const table = this.org.store.table(schema);
    for (const field of schema.fields) {
      const value = row[field.name] ?? null;
      if (field.unique && value !== null) this.checkUnique(table, field, value, row);
    }
    this.undo.push(table.update(row, { ...this.modified(formatDateTime(this.org.now())), IsDeleted: false }));
    this.undo.push(...this.org.changes.appeared(schema, row, "UNDELETE", this.context));
  }

  /** Changes a record without the checks of a client's write, as the org itself does in a merge, a conversion or an approval. */
  change(row: Row, changes: Record<string, Scalar>): void {
    this.set(this.org.store.tableOf(row.Id)!.schema, row, { ...changes, ...this.modified(formatDateTime(this.org.now())) });
  }

  /** Inserts a record that the org itself creates, without the checks of a client's write. */
  insert(object: ObjectSchema, values: Record<string, Scalar>): Row {
    const row = this.fresh(object, values);
    this.put(object, row);
    return row;
  }

  /** Removes a deleted record from the recycle bin, so that it cannot be restored. */
  purge(row: Row): void {
    const { purged } = this.org.store;
    if (!row.IsDeleted || purged.has(row.Id)) throw new ApiError("INVALID_ID_FIELD", "Record is not in the recycle bin", []);
    purged.add(row.Id);
    this.undo.push(() => purged.delete(row.Id));
  }

  /** Carries out several writes that belong together. If one is refused, all are undone. */
  together<T>(work: () => T): T {
    const before = this.undo.length;
    try {
      return work();
    } catch (error) {
      this.backTo(before);
      throw error;
    }
  }

  /** Undoes everything that this writer has written. */
  rollBack(): void {
    this.backTo(0);
  }

  private backTo(length: number): void {
    for (const undo of this.undo.splice(length).reverse()) undo();
  }

  private put(object: ObjectSchema, row: Row): void {
    this.undo.push(this.org.store.table(object).insert(row), ...this.org.changes.appeared(object, row, "CREATE", this.context));
  }

  private set(object: ObjectSchema, row: Row, values: Record<string, Scalar>): void {
    const changed = new Set(Object.keys(values).filter((name) => (row[name] ?? null) !== values[name]));
    this.undo.push(this.org.store.table(object).update(row, values), ...this.org.changes.updated(object, row, changed, this.context));
  }

  /** Makes the checks for which the whole record is needed, and perhaps others. */
  private checkWhole(object: ObjectSchema, row: Row): void {
    SPECIAL_CHECKS[object.name]?.(this.org, row);
    checkRules(this.org, object, row, this.context);
    this.org.duplicates.check(object, row, this.context.allowDuplicates);
  }

  /** Sets the owner by an assignment rule. These rules run after all checks, when a record is created and when it is updated. */
  private assign(object: ObjectSchema, row: Row): void {
    const owner = this.org.assignment.ownerOf(object, row, this.context.autoAssign);
    if (owner !== undefined) row["OwnerId"] = owner;
  }

  private publish(object: ObjectSchema, values: Record<string, Scalar>): string {
    const { id, eventUuid, undo } = publish(this.org, object, values, this.context.userId, this.context.eventUuid);
    this.undo.push(undo);
    this.enqueued.set(id, eventUuid);
    return id;
  }

  private fresh(object: ObjectSchema, values: Record<string, Scalar>): Row {
    const now = formatDateTime(this.org.now());
    const system = { CreatedDate: now, CreatedById: this.context.userId, ...this.modified(now) };
    return { Id: this.org.store.ids.next(object.keyPrefix), IsDeleted: false, ...values, ...system } as Row;
  }

  private modified(now: string): Record<string, Scalar> {
    return { LastModifiedDate: now, LastModifiedById: this.context.userId, SystemModstamp: now };
  }

  /** Returns the live record with this id. @throws ApiError when there is none */
  private existing(object: ObjectSchema, id: string): Row {
    if (object.platformEvent) throw new ApiError("INVALID_TYPE_FOR_OPERATION", `entity type ${object.name} does not support update`);
    const long = parseId(id);
    if (long === undefined || !long.startsWith(object.keyPrefix)) throw malformedId({ label: `${object.label} ID`, name: "Id" }, id);
    const row = this.org.store.table(object).get(long);
    if (!row) throw notFound();
    if (row.IsDeleted) throw new ApiError("ENTITY_IS_DELETED", "entity is deleted", []);
    return row;
  }

  /** Returns the values of an input, with the ids of the parents that it names by external ids. */
  private changes(object: ObjectSchema, input: RecordInput): Changes {
    const changes: Changes = new Map(input.values);
    for (const { field, parent, externalId, value } of input.parents) {
      const found = this.org.store.table(parent).find(externalId, value);
      if (found.length > 1) throw new AmbiguousExternalId(externalId, found);
      if (!found[0]) {
        const place = `for field ${externalId.name} in entity ${parent.name}`;
        throw new ApiError("INVALID_FIELD", `Foreign key external ID: ${String(value).toLowerCase()} not found ${place}`, []);
      }
      if (changes.has(field)) throw new ApiError("INVALID_FIELD", `${object.name}: ${field.name} is given twice`, [field.name]);
      changes.set(field, found[0].Id);
    }
    return changes;
  }

  private checkValues(object: ObjectSchema, changes: Changes, row?: Row): Record<string, Scalar> {
    const values: Record<string, Scalar> = {};
    for (const [field, value] of changes) values[field.name] = checkValue(field, value);
    for (const [field] of changes) {
      const value = values[field.name] ?? null;
      if (value === null) continue;
      if (field.type === "reference") this.checkReference(field, String(value));
      if (field.unique) this.checkUnique(this.org.store.table(object), field, value, row);
    }
    checkOwnership(this.org, object, values);
    return values;
  }

  private checkReference(field: Field, id: string): void {
    const table = this.org.store.tableOf(id);
    if (!table || !field.referenceTo.includes(table.schema.name)) throw malformedId(field, id);
    const parent = table.get(id);
    if (!parent) throw new ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [field.name]);
    if (parent.IsDeleted) throw new ApiError("ENTITY_IS_DELETED", "entity is deleted", [field.name]);
    this.refuseLocked(parent.Id);
  }

  private checkUnique(table: Table, field: Field, value: Scalar, row?: Row): void {
    const other = table.find(field, value).find((candidate) => candidate !== row);
    if (!other) return;
    throw new ApiError("DUPLICATE_VALUE", `duplicate value found: ${field.name} duplicates value on record with id: ${other.Id}`, []);
  }

  /** Refuses a write if its record, or a parent that it names, is locked. */
  private refuseLocked(id: string): void {
    if (!this.org.locks.hit(id)) return;
    throw new ApiError("UNABLE_TO_LOCK_ROW", `unable to obtain exclusive access to this record or 1 records: ${id}`, []);
  }
}

/** The error for an external id that several records have. A single upsert answers it with status 300; in a collection, it is an error of the record. */
export class AmbiguousExternalId extends ApiError {
  readonly ids: string[];

  constructor(field: Field, rows: readonly Row[]) {
    const ids = rows.map((row) => row.Id);
    super("DUPLICATE_EXTERNAL_ID", `${field.name}: more than one record found for external id field: [${ids.join(", ")}]`, []);
    this.ids = ids;
  }
}
