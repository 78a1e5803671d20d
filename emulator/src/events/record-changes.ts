import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";
import type { Row, Undo } from "../store/table";
import { ChangeCapture } from "./change-capture";
import { changeEventFields } from "./compound-fields";
import { isoValue } from "./iso-values";
import { notifyTopics } from "./push-topics";
import { isStreamable } from "./streamable";

/** The user and the API that a write comes from. */
export interface ChangeSource {
  userId: string;
  /** For example `com/salesforce/api/rest/66.0`. Empty for writes of the org itself. */
  origin: string;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Turns writes of records into events of PushTopics and of change data capture. Every method returns functions that take the events back. */
export class RecordChanges {
  readonly capture: ChangeCapture;

  constructor(private readonly org: Org) {
    this.capture = new ChangeCapture(org);
  }

  /** To be called when a record was created, or came back from the recycle bin. */
  appeared(object: ObjectSchema, row: Row, type: "CREATE" | "UNDELETE", source: ChangeSource): Undo[] {
    if (!isStreamable(object)) return [];
    const undo = notifyTopics(this.org, object, type === "CREATE" ? "created" : "undeleted", row, NOTHING);
    if (!this.capture.captures(object)) return undo;
    const values: Record<string, Scalar> = {};
    for (const { name } of changeEventFields(object)) {
      const value = isoValue(object, row, name);
      if (value !== null) values[name] = value;
    }
    undo.push(this.capture.add({ object, id: row.Id, type, values, changed: [], nulled: [], ...source }));
    return undo;
  }

  /** To be called when a record was updated. @param changed names of the fields whose values have changed, including the system's time stamps */
  updated(object: ObjectSchema, row: Row, changed: ReadonlySet<string>, source: ChangeSource): Undo[] {
    if (!isStreamable(object)) return [];
    const undo = notifyTopics(this.org, object, "updated", row, changed);
    if (!this.capture.captures(object)) return undo;
    const values: Record<string, Scalar> = {};
    for (const { name } of changeEventFields(object)) if (changed.has(name) && name !== "LastModifiedDate") values[name] = isoValue(object, row, name);
    values["LastModifiedDate"] = isoValue(object, row, "LastModifiedDate");
    const names = Object.keys(values);
    const nulled = names.filter((name) => values[name] === null);
    undo.push(this.capture.add({ object, id: row.Id, type: "UPDATE", values, changed: names, nulled, ...source }));
    return undo;
  }

  /** To be called before a record is deleted. */
  deleted(object: ObjectSchema, row: Row, source: ChangeSource): Undo[] {
    if (!isStreamable(object)) return [];
    const undo = notifyTopics(this.org, object, "deleted", row, NOTHING);
    if (!this.capture.captures(object)) return undo;
    undo.push(this.capture.add({ object, id: row.Id, type: "DELETE", values: {}, changed: [], nulled: [], ...source }));
    return undo;
  }
}
