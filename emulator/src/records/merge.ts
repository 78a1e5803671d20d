import { ApiError } from "../api-error";
import type { Org } from "../org";
import { MERGEABLE } from "../schema/describe";
import type { ObjectSchema } from "../schema/schema";
import { namedRecord } from "./named-record";
import type { RecordInput } from "./reader";
import type { Writer } from "./writer";

/** Most records that are merged into a master in one call. */
const MAX_MERGED = 2;

/** The result of a merge. */
export interface Merged {
  id: string;
  mergedRecordIds: string[];
  /** Ids of the records that referred to a merged record and now refer to the master. */
  updatedRelatedIds: string[];
}

/** Merges up to two records into a master record of the same object. The master gets the given fields and the children of the others. */
export function merge(org: Org, writer: Writer, object: ObjectSchema, master: RecordInput, masterId: string, mergeIds: readonly string[]): Merged {
  if (!MERGEABLE.has(object.name)) throw new ApiError("INVALID_OPERATION", `merge is not supported for entity type ${object.name}`, []);
  if (mergeIds.length === 0) throw new ApiError("REQUIRED_FIELD_MISSING", "Required fields are missing: [recordToMergeIds]", ["recordToMergeIds"]);
  if (mergeIds.length > MAX_MERGED) throw new ApiError("LIMIT_EXCEEDED", `cannot merge more than ${MAX_MERGED} records into a master`, []);
  const id = namedRecord(org, object.name, masterId).Id;
  const losers = mergeIds.map((text) => namedRecord(org, object.name, text));
  if (losers.some((row) => row.Id === id)) throw new ApiError("INVALID_ID_FIELD", "the master record cannot be merged into itself", ["recordToMergeIds"]);
  writer.update(object, id, master);
  const updatedRelatedIds = losers.flatMap((loser) => moveChildren(org, writer, object, loser.Id, id));
  for (const loser of losers) writer.delete(object, loser.Id);
  return { id, mergedRecordIds: losers.map((row) => row.Id), updatedRelatedIds };
}

function moveChildren(org: Org, writer: Writer, parent: ObjectSchema, from: string, to: string): string[] {
  const moved: string[] = [];
  for (const child of org.schema.objects) {
    const fields = child.fields.filter((field) => field.referenceTo.includes(parent.name) && field.childRelationshipName !== null);
    if (fields.length === 0) continue;
    for (const row of [...org.store.table(child).all()]) {
      const field = fields.find(({ name }) => row[name] === from);
      if (!field || row.IsDeleted) continue;
      writer.change(row, { [field.name]: to });
      moved.push(row.Id);
    }
  }
  return moved;
}
