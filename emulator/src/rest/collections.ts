import { ApiError, notFound } from "../api-error";
import type { Reply } from "../http";
import { parseId } from "../ids";
import { readRecord, type RecordInput } from "../records/reader";
import { Repeated } from "../records/repeated";
import { malformedId } from "../records/validation";
import type { Writer } from "../records/writer";
import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";
import { allow, objectOf, writerOf, type Call } from "./call";
import { jsonObject } from "./json-body";
import { projectionOf } from "./sobjects";

/** Most records in a call. */
const MAX_RECORDS = 200;
/** Most chunks in a call. A chunk is a series of records of the same object. */
const MAX_CHUNKS = 10;

/** The result of a record. Only an upsert has `created`. */
interface SaveResult {
  id?: string;
  success: boolean;
  errors: { statusCode: string; message: string; fields: string[] }[];
  created?: boolean;
}

/** A record of a request that can be written. */
interface Item {
  write(writer: Writer): { id: string; created?: boolean };
}

/** Answers `/composite/sobjects` and all paths below it. The HTTP status is 200 even if all records fail. */
export function collections(call: Call): Reply {
  const [, , name, externalId] = call.segments;
  if (call.version < 42) throw notFound();
  if (externalId !== undefined) {
    allow(call, "PATCH");
    if (call.version < 46 || call.segments.length > 4) throw notFound();
    return upsert(call, objectOf(call, name!), externalId);
  }
  if (name !== undefined) {
    allow(call, "GET", "POST");
    return retrieve(call, objectOf(call, name));
  }
  allow(call, "POST", "PATCH", "DELETE");
  if (call.request.method === "POST") return create(call);
  return call.request.method === "PATCH" ? update(call) : remove(call);
}

function create(call: Call): Reply {
  const { records, allOrNone } = readRequest(call);
  const items = typed(call, records).map(({ object, input }): Item => ({ write: (writer) => ({ id: writer.create(object, input) }) }));
  return run(call, items, allOrNone);
}

function update(call: Call): Reply {
  const { records, allOrNone } = readRequest(call);
  const items = typed(call, records).map(({ object, input }): Item => ({
    write: (writer) => {
      const id = idOf(object, input);
      if (id === null) throw new ApiError("MISSING_ARGUMENT", "Id not specified in an update call", []);
      writer.update(object, id, input);
      return { id: parseId(id)! };
    },
  }));
  return run(call, items, allOrNone);
}

function upsert(call: Call, object: ObjectSchema, fieldName: string): Reply {
  const field = object.field(fieldName);
  if (!field?.indexed) throw new ApiError("NOT_FOUND", `Provided external ID field does not exist or is not accessible: ${fieldName}`);
  const { records, allOrNone } = readRequest(call);
  const inputs = typed(call, records).map((record) => {
    if (record.object !== object) throw new ApiError("INVALID_TYPE", `All records of an upsert must be of type ${object.name}`);
    return record.input;
  });
  const repeated = new Repeated(field, inputs.map((input) => input.values.get(field)));
  const items = inputs.map((input): Item => ({
    write: (writer) => {
      const value = input.values.get(field) ?? null;
      if (field.type !== "id" && idOf(object, input) !== null) {
        throw new ApiError("INVALID_FIELD", "The Id field should not be specified in the sobject data.", ["Id"]);
      }
      repeated.refuse(value);
      return writer.upsert(object, field, value, input);
    },
  }));
  return run(call, items, allOrNone);
}

function remove(call: Call): Reply {
  const ids = (call.request.query.get("ids") ?? "").split(",").filter((id) => id !== "");
  if (ids.length === 0) throw new ApiError("MISSING_ARGUMENT", "The ids parameter is required");
  limit(ids.length);
  const found = ids.map((text) => {
    const id = parseId(text);
    return { text, id, object: id === undefined ? undefined : call.org.store.tableOf(id)?.schema };
  });
  limitChunks(found.map(({ object }) => object));
  const items = found.map(({ text, id, object }): Item => ({
    write: (writer) => {
      if (id === undefined || !object) throw malformedId({ label: "Record ID", name: "Id" }, text);
      writer.delete(object, id);
      return { id };
    },
  }));
  return run(call, items, call.request.query.get("allOrNone") === "true");
}

function retrieve(call: Call, object: ObjectSchema): Reply {
  const { query, method } = call.request;
  const isPost = method === "POST";
  const body = isPost ? jsonObject(call.request) : { ids: query.get("ids")?.split(","), fields: query.get("fields")?.split(",") };
  const ids = textList(body["ids"], "ids");
  const fields = textList(body["fields"], "fields");
  if (ids.length > 2000) throw new ApiError("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 2000 records in this call");
  const projection = projectionOf(call, object, fields);
  const table = call.org.store.table(object);
  const records = ids.map((text) => {
    const id = parseId(text);
    const row = id === undefined ? undefined : table.get(id);
    return row && !row.IsDeleted ? projection.toJson(row, call.base) : null;
  });
  return { status: 200, json: records };
}

function textList(value: unknown, name: string): string[] {
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string")) return value;
  throw new ApiError("MISSING_ARGUMENT", `The ${name} parameter is required`);
}

function readRequest(call: Call): { records: unknown[]; allOrNone: boolean } {
  const { records, allOrNone } = jsonObject(call.request);
  if (!Array.isArray(records) || records.length === 0) throw new ApiError("MISSING_ARGUMENT", "The records parameter is required");
  limit(records.length);
  return { records, allOrNone: allOrNone === true };
}

function limit(count: number): void {
  if (count <= MAX_RECORDS) return;
  throw new ApiError("EXCEEDED_ID_LIMIT", `record limit reached. cannot submit more than ${MAX_RECORDS} records in this call`);
}

/**
 * Returns all records of a request with types. One record that cannot be read, for example because it has no type or an unknown column, makes the whole request fail,
 * since nothing is written before all is read.
 */
function typed(call: Call, records: readonly unknown[]): { object: ObjectSchema; input: RecordInput }[] {
  const read = records.map((record) => {
    const type = (record as { attributes?: { type?: unknown } } | null)?.attributes?.type;
    if (typeof type !== "string") throw new ApiError("INVALID_INPUT", "Each record must have an attributes map with a type");
    const object = call.org.schema.object(type);
    if (!object) throw new ApiError("INVALID_TYPE", `sObject type '${type}' is not supported.`);
    return { object, input: readRecord(call.org.schema, object, record) };
  });
  limitChunks(read.map(({ object }) => object));
  return read;
}

function limitChunks(objects: readonly (ObjectSchema | undefined)[]): void {
  const chunks = objects.filter((object, index) => index === 0 || object !== objects[index - 1]).length;
  if (chunks <= MAX_CHUNKS) return;
  throw new ApiError("LIMIT_EXCEEDED", `Cannot have more than ${MAX_CHUNKS} chunks in a single operation. Please rearrange the data to reduce chunking.`);
}

function idOf(object: ObjectSchema, input: RecordInput): string | null {
  const value: Scalar = input.values.get(object.field("Id")!) ?? null;
  return value === null ? null : String(value);
}

function run(call: Call, items: readonly Item[], allOrNone: boolean): Reply {
  const writer = writerOf(call, items.length);
  const results = items.map((item): SaveResult => {
    try {
      const { id, created } = item.write(writer);
      return { id, success: true, errors: writer.notesOf(id), ...(created === undefined ? {} : { created }) };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { success: false, errors: error.saveErrors };
    }
  });
  if (!allOrNone || results.every((result) => result.success)) return { status: 200, json: results };
  writer.rollBack();
  return { status: 200, json: results.map(rolledBack) };
}

function rolledBack(result: SaveResult): SaveResult {
  if (!result.success) return result;
  const message = "Record rolled back because not all records were valid and the request was using AllOrNone header";
  return { ...result, success: false, errors: [{ statusCode: "ALL_OR_NONE_OPERATION_ROLLED_BACK", message, fields: [] }] };
}
