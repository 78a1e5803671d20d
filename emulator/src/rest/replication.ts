import type { Reply } from "../http";
import { deletedRecords, updatedRecords } from "../records/replication";
import type { ObjectSchema } from "../schema/schema";
import { allow, type Call } from "./call";

/** Answers `/sobjects/X/updated?start=&end=`. */
export function updated(call: Call, object: ObjectSchema): Reply {
  allow(call, "GET");
  const { query } = call.request;
  return { status: 200, json: updatedRecords(call.org, object, query.get("start"), query.get("end")) };
}

/** Answers `/sobjects/X/deleted?start=&end=`. */
export function deleted(call: Call, object: ObjectSchema): Reply {
  allow(call, "GET");
  const { query } = call.request;
  return { status: 200, json: deletedRecords(call.org, object, query.get("start"), query.get("end")) };
}
