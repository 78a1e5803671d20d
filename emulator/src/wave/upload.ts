import { gunzipSync } from "node:zlib";
import { parse } from "csv-parse/sync";
import { ApiError } from "../api-error";
import type { Org } from "../org";
import { MAX_PART_BYTES } from "../schema/insights";
import type { Row } from "../store/table";
import type { DataRow } from "./analytics";

/** Takes all uploads one step further. A real org processes them in the background; the emulator does so at the next calls of the REST API. */
export function processUploads(org: Org): void {
  const object = org.schema.object("InsightsExternalData");
  if (!object) return;
  const table = org.store.table(object);
  if (table.size === 0) return;
  for (const row of table.all()) {
    if (row["Status"] === "InProgress") table.update(row, finish(org, row));
    // A client that looks for the first time sees this status.
    else if (row["Status"] === "Queued") table.update(row, { Status: "InProgress" });
  }
}

function finish(org: Org, header: Row): Record<string, string | null> {
  try {
    const rows = typed(readRows(org, header), header["MetadataJson"]);
    store(org, header, rows);
    return { Status: "Completed", StatusMessage: null };
  } catch (error) {
    return { Status: "Failed", StatusMessage: (error as Error).message.slice(0, 255) };
  }
}

function readRows(org: Org, header: Row): Record<string, string>[] {
  if (header["Format"] !== "Csv") throw new Error("Only the format Csv can be processed");
  const parts = org.records("InsightsExternalDataPart").filter((part) => part["InsightsExternalDataId"] === header.Id);
  if (parts.length === 0) throw new Error("No data parts were uploaded");
  parts.sort((a, b) => Number(a["PartNumber"]) - Number(b["PartNumber"]));
  parts.forEach((part, index) => {
    if (Number(part["PartNumber"]) !== index + 1) throw new Error(`Part ${index + 1} is missing`);
  });
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(String(part["DataFile"] ?? ""), "base64")));
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return parse(isGzip ? gunzipSync(bytes) : bytes, { columns: true, bom: true });
}

interface MetadataField {
  name: string;
  type: string;
  isUniqueId?: boolean;
}

function fieldsOf(metadata: unknown): MetadataField[] {
  if (typeof metadata !== "string") return [];
  const { objects } = JSON.parse(Buffer.from(metadata, "base64").toString("utf8")) as { objects?: { fields?: MetadataField[] }[] };
  return objects?.[0]?.fields ?? [];
}

/** Gives values the types of the metadata. Without metadata, all columns are text. */
function typed(rows: Record<string, string>[], metadata: unknown): DataRow[] {
  const fields = fieldsOf(metadata);
  const types = new Map(fields.map(({ name, type }) => [name, type]));
  return rows.map((row) => {
    const entries = Object.entries(row).map(([name, text]): [string, string | number | null] => {
      if (fields.length > 0 && !types.has(name)) throw new Error(`The column ${name} is not in the metadata`);
      if (types.get(name) !== "Numeric") return [name, text];
      const number = Number(text);
      if (text !== "" && !Number.isFinite(number)) throw new Error(`The column ${name} is Numeric, and '${text}' is no number`);
      return [name, text === "" ? null : number];
    });
    return Object.fromEntries(entries);
  });
}

function store(org: Org, header: Row, rows: DataRow[]): void {
  const { analytics } = org.declared;
  const name = String(header["EdgemartAlias"]);
  const before = analytics.dataset(name)?.rows ?? [];
  const unique = fieldsOf(header["MetadataJson"]).find((field) => field.isUniqueId)?.name;
  const save = (all: DataRow[]): void => analytics.setRows(name, String(header["EdgemartLabel"] ?? name), all);
  switch (header["Operation"]) {
    case "Append":
      return save([...before, ...rows]);
    case "Upsert":
    case "Delete": {
      if (unique === undefined) throw new Error(`${String(header["Operation"])} needs a field with isUniqueId in the metadata`);
      const named = new Set(rows.map((row) => row[unique]));
      const others = before.filter((row) => !named.has(row[unique]!));
      return save(header["Operation"] === "Delete" ? others : [...others, ...rows]);
    }
    default:
      return save(rows);
  }
}

/** Returns the fields that the org sets when an upload is written. Once the upload was submitted, only `Abort` is possible. */
export function uploadFields(row: Readonly<Partial<Row>>, now: string): Record<string, string> {
  const { Action: action, Status: status = null } = row;
  if (status !== null && status !== "New" && action !== "Abort") {
    throw new ApiError("INVALID_OPERATION", "The upload is being processed or has been; it cannot be changed", ["Action"]);
  }
  if (action !== "Process") return { Status: String(status ?? "New") };
  return { Status: "Queued", SubmittedDate: now };
}

/** Checks a part of an upload. @returns its length, as a field */
export function partFields(row: Readonly<Partial<Row>>): Record<string, number> {
  const length = Buffer.byteLength(String(row["DataFile"] ?? ""), "base64");
  if (length === 0) throw new ApiError("REQUIRED_FIELD_MISSING", "Required fields are missing: [DataFile]", ["DataFile"]);
  if (length > MAX_PART_BYTES) throw new ApiError("STRING_TOO_LONG", `Data File: a part must be smaller than 10 MB (${length} bytes)`, ["DataFile"]);
  return { DataLength: length };
}
