import { randomUUID } from "node:crypto";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";
import type { Undo } from "../store/table";
import type { ChangeHeader, ChangeType, GapType } from "./bus-event";
import { changeEventName } from "./channels";
import { isStreamable } from "./streamable";

/** The facts about a write from which its change event is made. */
export interface Change {
  object: ObjectSchema;
  id: string;
  type: ChangeType;
  /** Values of the event's fields. */
  values: Record<string, Scalar>;
  /** For an update: names of the fields that it has changed, and (`nulled`) of those that it has emptied. */
  changed: string[];
  nulled: string[];
  userId: string;
  /** {@link ChangeHeader.changeOrigin} */
  origin: string;
}

/** The first commit number, about as high as in an org that is some years old. */
const FIRST_COMMIT = 92_847_272_000n;

/** The record id in an overflow event, which names no records. */
const NO_RECORD = "000000000000000AAA";

/**
 * Change data capture. All writes in one turn of the event loop are one transaction, since each call is answered within a turn. Their events are published at the end of
 * the turn, when the writes can no longer be undone.
 */
export class ChangeCapture {
  /** Names of the objects whose changes are on the channel of all changes. */
  readonly enabled = new Set<string>();
  private transaction: Change[] = [];
  private nextCommit = FIRST_COMMIT;

  constructor(private readonly org: Org) {}

  /** Switches the capture of objects on. @throws Error for an object that does not exist or has no change events */
  enable(names: readonly string[]): void {
    const objects = this.objects(names);
    for (const object of objects) this.enabled.add(object.name);
  }

  /** Switches the capture of objects off. Events that are on the bus stay on the channels of the objects themselves. */
  disable(names: readonly string[]): void {
    const objects = this.objects(names);
    for (const object of objects) this.enabled.delete(object.name);
  }

  /** Whether changes of an object are captured, because it is enabled or a member of a custom channel. */
  captures(object: ObjectSchema): boolean {
    return this.enabled.has(object.name) || this.org.declared.channels.captures(changeEventName(object));
  }

  /** Adds a change, which is published at the end of the turn. @returns a function that removes it before that */
  add(change: Change): Undo {
    if (this.transaction.push(change) === 1) queueMicrotask(() => this.commit());
    return () => {
      const at = this.transaction.lastIndexOf(change);
      if (at >= 0) this.transaction.splice(at, 1);
    };
  }

  /** Publishes an event without fields, as if the org could not tell what has changed. @param ids ids of the records. Default: all records of the object. */
  gap(objectName: string, type: GapType, ids?: readonly string[]): void {
    const object = this.object(objectName);
    if (ids !== undefined) checkList("ids", ids);
    const everything = type === "GAP_OVERFLOW" ? NO_RECORD : `${object.keyPrefix}*`;
    const nothing = { values: {}, changed: [], nulled: [], origin: "", userId: this.org.userId(this.org.settings.clients[0]!.username) };
    this.commit();
    this.publish({ object, id: everything, type, ...nothing }, [...(ids ?? [everything])], { key: randomUUID(), number: 1, commit: this.nextCommit++ });
  }

  /** Sets the next commit number. With a number above 2^53, clients that lose its last digits are found. */
  countFrom(commitNumber: bigint): void {
    this.nextCommit = commitNumber;
  }

  /** Publishes the changes of this turn so far. */
  commit(): void {
    const changes = this.transaction;
    if (changes.length === 0) return;
    this.transaction = [];
    const key = randomUUID();
    const commit = this.nextCommit++;
    let number = 0;
    for (let at = 0; at < changes.length; ) {
      const change = changes[at]!;
      const ids = [change.id];
      // Successive changes of the same kind to several records are one event.
      for (at++; at < changes.length && alike(change, changes[at]!) && !ids.includes(changes[at]!.id); at++) ids.push(changes[at]!.id);
      this.publish(change, ids, { key, number: ++number, commit });
    }
  }

  clear(): void {
    this.transaction = [];
    this.nextCommit = FIRST_COMMIT;
    this.enabled.clear();
    this.enable(this.org.settings.changeEvents);
  }

  private publish(change: Change, recordIds: string[], { key, number, commit }: { key: string; number: number; commit: bigint }): void {
    const now = this.org.now();
    const header: ChangeHeader = {
      entityName: change.object.name,
      recordIds,
      changeType: change.type,
      changeOrigin: change.origin,
      transactionKey: key,
      sequenceNumber: number,
      commitTimestamp: now,
      commitNumber: commit,
      commitUser: change.userId,
      nulledFields: change.nulled,
      diffFields: [],
      changedFields: change.changed,
    };
    const base = { eventUuid: randomUUID(), createdDate: new Date(now).toISOString() };
    this.org.events.publish({ kind: "change", ...base, entity: change.object.name, header, values: change.values });
  }

  private objects(names: readonly string[]): ObjectSchema[] {
    checkList("objects", names);
    return names.map((name) => this.object(name));
  }

  private object(name: string): ObjectSchema {
    const object = this.org.schema.object(String(name));
    if (!object) throw new Error(`the org has no object ${String(name)}`);
    if (!isStreamable(object)) throw new Error(`${object.name} has no change events`);
    return object;
  }
}

/** Checks that a value is a list, since it may come from JSON that a person has typed. */
function checkList(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw new Error(`${name} must be a list`);
}

/** Whether one event reports both changes, because they did the same to their records. */
function alike(one: Change, other: Change): boolean {
  if (one.object !== other.object || one.type !== other.type || one.changed.length !== other.changed.length) return false;
  if (one.type === "DELETE") return true;
  if (one.type !== "UPDATE") return false;
  return other.changed.every((name) => name in one.values && (name === "LastModifiedDate" || one.values[name] === other.values[name]));
}
