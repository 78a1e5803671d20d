import { ApiError } from "../api-error";
import { formatDateTime, parseDateTime } from "../dates";
import type { Org } from "../org";
import type { ObjectSchema } from "../schema/schema";
import type { Row } from "../store/table";

const MINUTE = 60_000;
/** How long changes are kept, in ms. */
const RETENTION = 30 * 24 * 60 * MINUTE;

/** The result of `getUpdated`. */
export interface Updated {
  ids: string[];
  /** Up to this time the list is complete. The next call starts here. */
  latestDateCovered: string;
}

/** The result of `getDeleted`. */
export interface Deleted {
  deletedRecords: { id: string; deletedDate: string }[];
  /** Records that were deleted before this time are no longer known. */
  earliestDateAvailable: string;
  latestDateCovered: string;
}

interface Span {
  from: string;
  to: string;
}

/** Returns the records that were created or changed in a span of time. */
export function updatedRecords(org: Org, object: ObjectSchema, start: string | null, end: string | null): Updated {
  const span = readSpan(org, start, end);
  const ids = within(org, object, span, false).map((row) => row.Id);
  return { ids, latestDateCovered: span.to };
}

/** Returns the records that were deleted in a span of time. */
export function deletedRecords(org: Org, object: ObjectSchema, start: string | null, end: string | null): Deleted {
  const span = readSpan(org, start, end);
  const records = within(org, object, span, true).map((row) => ({ id: row.Id, deletedDate: String(row["SystemModstamp"]) }));
  return { deletedRecords: records, earliestDateAvailable: formatDateTime(org.now() - RETENTION), latestDateCovered: span.to };
}

function within(org: Org, object: ObjectSchema, { from, to }: Span, deleted: boolean): Row[] {
  const rows: Row[] = [];
  for (const row of org.store.table(object).all()) {
    const time = String(row["SystemModstamp"]);
    if (row.IsDeleted === deleted && time >= from && time < to) rows.push(row);
  }
  return rows;
}

/** Returns the span that is asked for. Seconds are ignored. */
function readSpan(org: Org, start: string | null, end: string | null): Span {
  const [from, to] = [timeOf(start, "start"), timeOf(end, "end")];
  if (to <= from) throw new ApiError("INVALID_REPLICATION_DATE", "startDate must be at least one minute before endDate");
  if (from < org.now() - RETENTION) throw new ApiError("INVALID_REPLICATION_DATE", "startDate cannot be more than 30 days ago");
  return { from: formatDateTime(from), to: formatDateTime(to) };
}

function timeOf(text: string | null, name: string): number {
  // If the + of a time zone was not encoded, it arrives as a space.
  const time = text === null ? undefined : parseDateTime(text.replace(" ", "+"));
  if (time === undefined) throw new ApiError("MALFORMED_QUERY", `The ${name} parameter must be a date and time: ${text ?? ""}`);
  return Math.floor(Date.parse(time) / MINUTE) * MINUTE;
}
