import { ApiError } from "../api-error";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";

/** Refuses a record type that is not one of the object's, and an owner that is a public group or a queue for other objects. */
export function checkOwnership(org: Org, object: ObjectSchema, values: Readonly<Record<string, Scalar>>): void {
  const recordType = values["RecordTypeId"];
  if (recordType) {
    const row = org.store.get(String(recordType));
    if (row?.["SobjectType"] !== object.name || row["IsActive"] !== true) {
      const text = `Record Type ID: this ID value isn't valid for the user: ${String(recordType)}`;
      throw new ApiError("INVALID_CROSS_REFERENCE_KEY", text, ["RecordTypeId"]);
    }
  }
  const owner = values["OwnerId"];
  if (owner && String(owner).startsWith("00G") && !takes(org, String(owner), object.name)) {
    throw new ApiError("INVALID_OPERATION", "Queue not associated with this SObject type", []);
  }
}

function takes(org: Org, queueId: string, objectName: string): boolean {
  if (org.store.get(queueId)?.["Type"] !== "Queue") return false;
  for (const row of org.store.table(org.schema.object("QueueSobject")!).all()) {
    if (!row.IsDeleted && row["QueueId"] === queueId && row["SobjectType"] === objectName) return true;
  }
  return false;
}
