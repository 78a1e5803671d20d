import { parseId } from "../ids";
import { readRecord } from "../records/reader";
import { deletedRecords, updatedRecords } from "../records/replication";
import { describe, describeGlobal as describeShortly } from "../schema/describe";
import type { ObjectSchema } from "../schema/schema";
import type { Scalar } from "../schema/types";
import { Projection, type RecordJson } from "../soql/projection";
import type { Page } from "../soql/cursors";
import { runQuery } from "../soql/query";
import { runSearch } from "../sosl/search";
import { parseSearch } from "../sosl/parse";
import type { Row } from "../store/table";
import { type SessionCall, SoapFault } from "./call";
import { argumentsOf, limitRecords, readSObject, recordXml } from "./sobject";
import { result, type XmlValue } from "./values";
import { child, childText } from "./xml";

/** Most records of a `retrieve`, and most objects of a `describeSObjects`. */
const MAX_RETRIEVE = 2000;
const MAX_DESCRIBE = 100;

/** Answers `query(queryString)` with the first page. */
export function query(call: SessionCall): string {
  return queryResult(first(call, false));
}

/** Answers `queryAll(queryString)`, which also finds deleted records. */
export function queryAll(call: SessionCall): string {
  return queryResult(first(call, true));
}

/** Answers `queryMore(queryLocator)` with the next page. */
export function queryMore(call: SessionCall): string {
  return queryResult(call.org.cursors.next(childText(call.operation, "queryLocator") ?? "", ""));
}

function first(call: SessionCall, all: boolean): Page {
  const size = Number(childText(child(call.header, "QueryOptions"), "batchSize") ?? 2000);
  const found = runQuery(call.org, childText(call.operation, "queryString") ?? "", all);
  return call.org.cursors.first(found, Math.min(2000, Math.max(200, size || 2000)), "");
}

function queryResult({ done, records, nextRecordsUrl, totalSize }: Page): string {
  const locator = nextRecordsUrl?.split("/").pop() ?? null;
  return result({ done, queryLocator: locator, records: records.map((one) => recordXml("records", one)), size: totalSize });
}

/** Answers `search(searchString)`, in SOSL. */
export function search(call: SessionCall): string {
  const records = runSearch(call.org, parseSearch(childText(call.operation, "searchString") ?? ""), "");
  return result({ queryId: null, searchRecords: records.map((one) => ({ record: recordXml("record", one) })) });
}

/** Answers `retrieve(fieldList, sObjectType, ids)`, with nil for records that do not exist. */
export function retrieve(call: SessionCall): string {
  const object = objectOf(call, childText(call.operation, "sObjectType") ?? "");
  const names = (childText(call.operation, "fieldList") ?? "").split(",").map((name) => name.trim());
  const ids = limitRecords(argumentsOf(call, "ids"), MAX_RETRIEVE);
  const projection = new Projection(call.org, object, names.join(", "));
  for (const name of names) {
    if (!object.field(name) && !name.includes(".")) throw new SoapFault("INVALID_FIELD", `No such column '${name}' on entity '${object.name}'.`, "InvalidFieldFault");
    projection.addPath(name);
  }
  const records = ids.map(({ text }) => {
    const id = parseId(text.trim());
    if (!id?.startsWith(object.keyPrefix)) throw new SoapFault("MALFORMED_ID", `${object.label} ID: id value of incorrect type: ${text.trim()}`, "InvalidIdFault");
    const row = call.org.store.get(id);
    return recordXml("result", row && !row.IsDeleted ? projection.toJson(row, "") : null);
  });
  return result(records);
}

/** Answers `getUpdated(sObjectType, startDate, endDate)`. */
export function getUpdated(call: SessionCall): string {
  const [object, start, end] = span(call);
  return result({ ...updatedRecords(call.org, object, start, end) });
}

/** Answers `getDeleted(sObjectType, startDate, endDate)`. */
export function getDeleted(call: SessionCall): string {
  const [object, start, end] = span(call);
  return result({ ...deletedRecords(call.org, object, start, end) });
}

function span(call: SessionCall): [ObjectSchema, string | null, string | null] {
  const text = (name: string): string | null => childText(call.operation, name) ?? null;
  return [objectOf(call, text("sObjectType") ?? ""), text("startDate"), text("endDate")];
}

/** Answers `describeGlobal()` with short descriptions of all objects. */
export function describeGlobal(call: SessionCall): string {
  return result({ encoding: "UTF-8", maxBatchSize: 200, sobjects: call.org.schema.objects.map((object) => shortly(object)) });
}

/** Answers `describeSObject(sObjectType)` with the full description of an object. */
export function describeSObject(call: SessionCall): string {
  return result(fully(call, childText(call.operation, "sObjectType") ?? ""));
}

/** Answers `describeSObjects(sObjectType[])` with the full descriptions of several objects. */
export function describeSObjects(call: SessionCall): string {
  return result(limitRecords(argumentsOf(call, "sObjectType"), MAX_DESCRIBE).map(({ text }) => fully(call, text.trim())));
}

function shortly(object: ObjectSchema): Record<string, XmlValue> {
  const { urls: _links, ...rest } = describeShortly(object, "");
  return rest as Record<string, XmlValue>;
}

function fully(call: SessionCall, name: string): Record<string, XmlValue> {
  const { urls: _links, ...rest } = describe(call.org.schema, objectOf(call, name), "");
  return rest as Record<string, XmlValue>;
}

/** Answers `findDuplicates(sObjects)` with the duplicates that the org's rules find for the given records. */
export function findDuplicates(call: SessionCall): string {
  const rows = limitRecords(argumentsOf(call, "sObjects"), 50).map((element) => {
    const { object, json, id } = readSObject(call, element);
    const values: Record<string, Scalar> = {};
    for (const [field, value] of readRecord(call.org.schema, object, json).values) values[field.name] = value;
    return { object, row: { ...values, Id: id ?? "", IsDeleted: false } as Row };
  });
  return result(rows.map(({ object, row }) => duplicatesOf(call, object, row)));
}

/** Answers `findDuplicatesByIds(ids)` with the duplicates of records of the org. */
export function findDuplicatesByIds(call: SessionCall): string {
  const rows = limitRecords(argumentsOf(call, "ids"), 50).map(({ text }) => {
    const id = parseId(text.trim());
    const row = id === undefined ? undefined : call.org.store.get(id);
    if (!row || row.IsDeleted) throw new SoapFault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", "InvalidIdFault");
    return { object: call.org.store.tableOf(row.Id)!.schema, row };
  });
  return result(rows.map(({ object, row }) => duplicatesOf(call, object, row)));
}

function duplicatesOf(call: SessionCall, object: ObjectSchema, row: Row): Record<string, XmlValue> {
  const found = call.org.duplicates.find(object, row);
  const duplicateResults = found.map(({ rule, action, matches }) => ({
    allowSave: action === "alert",
    duplicateRule: rule,
    duplicateRuleEntityType: object.name,
    errorMessage: null,
    matchResults: {
      entityType: object.name,
      matchEngine: "ExactMatchEngine",
      matchRecords: matches.map((match) => ({ matchConfidence: 100, record: recordXml("record", minimal(object, match)) })),
      rule,
      size: matches.length,
      success: true,
    },
  }));
  return { duplicateResults, success: true };
}

function minimal(object: ObjectSchema, row: Row): RecordJson {
  return { attributes: { type: object.name }, Id: row.Id };
}

function objectOf(call: SessionCall, name: string): ObjectSchema {
  const object = call.org.schema.object(name);
  if (!object) throw new SoapFault("INVALID_TYPE", `sObject type '${name}' is not supported.`, "InvalidSObjectFault");
  return object;
}
