import type { Reply } from "../http";
import type { ObjectSchema } from "../schema/schema";
import type { Row } from "../store/table";
import { ApiError } from "../api-error";
import { allow, type Call } from "./call";

/** Most records of the list. */
const MAX_RECENT = 200;
/** How many recent records the short description of an object shows. */
const MAX_ITEMS = 5;

/** Answers `/recent?limit=` with the records that the user has created or changed recently. The list of a real org also has records that were viewed in its pages. */
export function recent(call: Call): Reply {
  allow(call, "GET");
  const asked = call.request.query.get("limit");
  const limit = asked === null ? MAX_RECENT : Number(asked);
  if (!Number.isInteger(limit) || limit < 1) throw new ApiError("INVALID_QUERY_LIMIT", "The limit parameter must be a positive number");
  return { status: 200, json: recentRecords(call, call.org.schema.objects, Math.min(limit, MAX_RECENT)) };
}

/** Returns the `recentItems` of an object. */
export function recentItems(call: Call, object: ObjectSchema): Record<string, unknown>[] {
  return recentRecords(call, [object], MAX_ITEMS);
}

function recentRecords(call: Call, objects: readonly ObjectSchema[], limit: number): Record<string, unknown>[] {
  const found: { row: Row; object: ObjectSchema }[] = [];
  for (const object of objects) {
    if (object.name === "User" || object.platformEvent) continue;
    for (const row of call.org.store.table(object).newest(limit)) if (row["LastModifiedById"] === call.session.userId) found.push({ row, object });
  }
  found.sort((a, b) => String(b.row["LastModifiedDate"]).localeCompare(String(a.row["LastModifiedDate"])));
  return found.slice(0, limit).map(({ row, object }) => ({
    attributes: { type: object.name, url: `${call.base}/sobjects/${object.name}/${row.Id}` },
    Id: row.Id,
    Name: row["Name"] ?? row["CaseNumber"] ?? null,
  }));
}
