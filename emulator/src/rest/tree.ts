import { ApiError } from "../api-error";
import type { Reply } from "../http";
import { readRecord } from "../records/reader";
import type { ObjectSchema } from "../schema/schema";
import { allow, objectOf, writerOf, type Call } from "./call";
import { jsonObject } from "./json-body";

/** Most records in all trees of a request, most levels of nesting, and most objects. */
const MAX_RECORDS = 200;
const MAX_DEPTH = 5;
const MAX_TYPES = 5;

/** A record of a tree. */
interface TreeRecord {
  object: ObjectSchema;
  referenceId: string;
  fields: Record<string, unknown>;
  /** The field that refers to the parent, and the index of the parent in the list. */
  parent?: { field: string; index: number };
}

/** Answers `POST /composite/tree/X`: creates records with their children, all or none. */
export function tree(call: Call): Reply {
  allow(call, "POST");
  const object = objectOf(call, call.segments[2] ?? "");
  const { records } = jsonObject(call.request);
  if (!Array.isArray(records) || records.length === 0) throw new ApiError("MISSING_ARGUMENT", "The records parameter is required");
  const flat: TreeRecord[] = [];
  for (const record of records) collect(call, flat, object, record, 1);
  checkShape(flat);

  const writer = writerOf(call);
  const ids: string[] = [];
  const failures: { referenceId: string; errors: ApiError["saveErrors"] }[] = [];
  for (const { object: own, referenceId, fields, parent } of flat) {
    try {
      const linked = parent ? { ...fields, [parent.field]: ids[parent.index] } : fields;
      ids.push(parent && ids[parent.index] === "" ? "" : writer.create(own, readRecord(call.org.schema, own, linked)));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      ids.push(""); // its children are neither tried nor reported
      failures.push({ referenceId, errors: error.saveErrors });
    }
  }
  if (failures.length === 0) return { status: 201, json: { hasErrors: false, results: flat.map(({ referenceId }, index) => ({ referenceId, id: ids[index] })) } };
  writer.rollBack();
  return { status: 400, json: { hasErrors: true, results: failures } };
}

function collect(call: Call, flat: TreeRecord[], object: ObjectSchema, value: unknown, depth: number, parent?: TreeRecord["parent"]): void {
  if (depth > MAX_DEPTH) throw new ApiError("INVALID_INPUT", `Cannot nest records more than ${MAX_DEPTH} levels deep`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ApiError("JSON_PARSER_ERROR", "Each record must be a JSON object");
  const { attributes, ...rest } = value as Record<string, unknown>;
  const { type, referenceId } = (attributes ?? {}) as Record<string, unknown>;
  if (typeof type !== "string" || call.org.schema.object(type) !== object) throw new ApiError("INVALID_INPUT", `Include the type ${object.name} in the record's attributes`);
  if (typeof referenceId !== "string" || referenceId === "") throw new ApiError("INVALID_INPUT", "Include a reference ID with each record");
  const below = (name: string, value: unknown): ReturnType<typeof call.org.schema.child> => (isChildren(value) ? call.org.schema.child(object, name) : undefined);
  const fields = Object.fromEntries(Object.entries(rest).filter(([name, child]) => !below(name, child)));
  const index = flat.push({ object, referenceId, fields, ...(parent ? { parent } : {}) }) - 1;
  for (const [name, child] of Object.entries(rest)) {
    const children = below(name, child);
    if (!children) continue;
    for (const one of (child as { records: unknown[] }).records) collect(call, flat, children.object, one, depth + 1, { field: children.field.name, index });
  }
}

function isChildren(value: unknown): boolean {
  return typeof value === "object" && value !== null && Array.isArray((value as { records?: unknown }).records);
}

function checkShape(flat: readonly TreeRecord[]): void {
  if (flat.length > MAX_RECORDS) throw new ApiError("EXCEEDED_ID_LIMIT", `record limit reached. cannot submit more than ${MAX_RECORDS} records in this call`);
  if (new Set(flat.map(({ object }) => object)).size > MAX_TYPES) throw new ApiError("INVALID_INPUT", `Cannot have more than ${MAX_TYPES} types of records`);
  const seen = new Set<string>();
  for (const { referenceId } of flat) {
    if (seen.has(referenceId)) throw new ApiError("INVALID_INPUT", `Duplicate ReferenceId provided in the request: ${referenceId}`);
    seen.add(referenceId);
  }
}
