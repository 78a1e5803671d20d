import { ApiError, notFound } from "../api-error";
import type { Reply } from "../http";
import { parseId } from "../ids";
import { noSuchColumn, readRecord, type RecordInput } from "../records/reader";
import { AmbiguousExternalId } from "../records/writer";
import { malformedId } from "../records/validation";
import { deserialize } from "../records/values";
import { describe, describeGlobal } from "../schema/describe";
import type { ObjectSchema } from "../schema/schema";
import type { Field } from "../schema/types";
import { Projection } from "../soql/projection";
import type { Row } from "../store/table";
import { allow, objectOf, writerOf, type Call } from "./call";
import { eventObject } from "./events";
import { jsonObject } from "./json-body";
import { password } from "./password";
import { push } from "./push";
import { recentItems } from "./recent";
import { deleted, updated } from "./replication";

/** Answers `/sobjects` and all paths below it. */
export function sobjects(call: Call): Reply {
  const [, name, third, fourth] = call.segments;
  if (name === undefined) {
    allow(call, "GET");
    const all = call.org.schema.objects.map((object) => describeGlobal(object, call.base));
    return { status: 200, json: { encoding: "UTF-8", maxBatchSize: 200, sobjects: all } };
  }
  const object = objectOf(call, name);
  if (third === undefined) return basic(call, object);
  if (object.platformEvent && third !== "describe") return eventObject(call, object);
  if (fourth !== undefined && object.field(fourth)?.type === "base64") return blob(call, object, third, object.field(fourth)!);
  if (object.name === "User" && fourth === "password") return password(call, third);
  if (object.name === "StreamingChannel" && fourth === "push") return push(call, third);
  if (fourth !== undefined) return byExternalId(call, object, third, fourth);
  if (third === "describe") {
    allow(call, "GET");
    return { status: 200, json: describe(call.org.schema, object, call.base) };
  }
  if (third === "updated") return updated(call, object);
  if (third === "deleted") return deleted(call, object);
  // From v37 on, a POST to …/Id creates a record: it is an upsert by `Id` for which no id is given.
  if (third.toLowerCase() === "id" && call.request.method === "POST" && call.version >= 37) return create(call, object);
  return byId(call, object, third);
}

/** Answers with the content of a file. */
function blob(call: Call, object: ObjectSchema, id: string, field: Field): Reply {
  allow(call, "GET");
  const row = call.org.store.table(object).get(parseId(id) ?? "");
  if (!row || row.IsDeleted) throw notFound();
  return { status: 200, bytes: Buffer.from(String(row[field.name] ?? ""), "base64") };
}

function basic(call: Call, object: ObjectSchema): Reply {
  allow(call, "GET", "POST");
  if (call.request.method === "POST") return create(call, object);
  return { status: 200, json: { objectDescribe: describeGlobal(object, call.base), recentItems: recentItems(call, object) } };
}

function create(call: Call, object: ObjectSchema): Reply {
  const input = readRecord(call.org.schema, object, jsonObject(call.request));
  refuseId(input);
  const writer = writerOf(call);
  const id = writer.create(object, input);
  const headers = { Location: `${call.base}/sobjects/${object.name}/${id}` };
  return { status: 201, json: { id, success: true, errors: writer.notesOf(id) }, headers };
}

function byId(call: Call, object: ObjectSchema, text: string): Reply {
  allow(call, "GET", "PATCH", "DELETE");
  const id = parseId(text);
  if (id === undefined) throw unknownExternalId(text);
  if (!id.startsWith(object.keyPrefix)) throw malformedId({ label: `${object.label} ID`, name: "Id" }, text);
  const row = call.org.store.table(object).get(id);
  if (!row) throw notFound();
  if (row.IsDeleted) throw new ApiError("ENTITY_IS_DELETED", "entity is deleted", []);
  switch (call.request.method) {
    case "PATCH": {
      const input = readRecord(call.org.schema, object, jsonObject(call.request));
      refuseId(input);
      writerOf(call).update(object, id, input);
      return { status: 204 };
    }
    case "DELETE":
      writerOf(call).delete(object, id);
      return { status: 204 };
    default:
      return retrieve(call, object, row);
  }
}

function byExternalId(call: Call, object: ObjectSchema, fieldName: string, text: string): Reply {
  allow(call, "GET", "PATCH", "DELETE");
  const field = object.field(fieldName);
  if (!field?.indexed || call.segments.length > 4) throw unknownExternalId(fieldName);
  if (call.request.method === "PATCH") return upsert(call, object, field, text);
  const [row, ...others] = call.org.store.table(object).find(field, deserialize(field, text));
  if (!row) throw notFound();
  if (others.length > 0)
    return severalMatches(
      call,
      object,
      [row, ...others].map((match) => match.Id),
    );
  if (call.request.method !== "DELETE") return retrieve(call, object, row);
  writerOf(call).delete(object, row.Id);
  return { status: 204 };
}

function upsert(call: Call, object: ObjectSchema, field: Field, text: string): Reply {
  const input = readRecord(call.org.schema, object, jsonObject(call.request));
  refuseId(input);
  if (input.values.has(field)) throw notInBody(field.name);
  const updateOnly = call.request.query.get("updateOnly") === "true";
  try {
    const { id, created } = writerOf(call).upsert(object, field, deserialize(field, text), input, updateOnly);
    // Up to v45, the answer to an update had no body.
    if (!created && call.version <= 45) return { status: 204 };
    return { status: created ? 201 : 200, json: { id, success: true, errors: [], created } };
  } catch (error) {
    if (error instanceof AmbiguousExternalId) return severalMatches(call, object, error.ids);
    throw error;
  }
}

/** Answers with status 300 and the addresses of all records that have the external id. */
function severalMatches(call: Call, object: ObjectSchema, ids: readonly string[]): Reply {
  return { status: 300, json: ids.map((id) => `${call.base}/sobjects/${object.name}/${id}`) };
}

function retrieve(call: Call, object: ObjectSchema, row: Row): Reply {
  const names = call.request.query.get("fields")?.split(",") ?? object.fields.map((field) => field.name);
  return { status: 200, json: projectionOf(call, object, names).toJson(row, call.base) };
}

/** Returns the projection for these fields. @throws ApiError for an unknown field */
export function projectionOf(call: Call, object: ObjectSchema, names: readonly string[]): Projection {
  const projection = new Projection(call.org, object, names.join(","));
  for (const name of new Set(names.map((name) => name.trim()))) {
    if (!name.includes(".") && !object.field(name)) throw noSuchColumn(name, object.name);
    projection.addPath(name);
  }
  return projection;
}

function refuseId(input: RecordInput): void {
  for (const field of input.values.keys()) if (field.type === "id") throw notInBody("Id");
}

const notInBody = (name: string): ApiError =>
  new ApiError("INVALID_FIELD", `The ${name} field should not be specified in the sobject data.`, [name]);

const unknownExternalId = (name: string): ApiError =>
  new ApiError("NOT_FOUND", `Provided external ID field does not exist or is not accessible: ${name}`);
