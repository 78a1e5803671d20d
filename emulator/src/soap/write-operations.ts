import { ApiError } from "../api-error";
import { parseId } from "../ids";
import { convertLead as convert, type LeadConvert } from "../records/convert-lead";
import { merge as mergeRecords } from "../records/merge";
import { readRecord } from "../records/reader";
import { Repeated } from "../records/repeated";
import { deserialize } from "../records/values";
import { malformedId } from "../records/validation";
import type { Writer } from "../records/writer";
import { originOf } from "../rest/call";
import type { ObjectSchema } from "../schema/schema";
import type { Row } from "../store/table";
import type { SessionCall } from "./call";
import { argumentsOf, limitRecords, readSObject } from "./sobject";
import { result, type XmlValue } from "./values";
import { child, childText, type XmlElement } from "./xml";

type Fields = Record<string, XmlValue>;

/** Most leads, and most merge requests, of a call. */
const MAX_CONVERTS = 100;
const MAX_MERGES = 200;

/** Answers `create(sObjects)`. */
export function create(call: SessionCall): string {
  const items = limitRecords(argumentsOf(call, "sObjects")).map((element) => {
    const { object, json, id } = readSObject(call, element);
    const input = readRecord(call.org.schema, object, id === undefined ? json : { ...json, Id: id });
    return (writer: Writer): Fields => ({ id: writer.create(object, input) });
  });
  return run(call, items, { id: null });
}

/** Answers `update(sObjects)`, which finds records by their `Id`. */
export function update(call: SessionCall): string {
  const items = limitRecords(argumentsOf(call, "sObjects")).map((element) => {
    const { object, json, id } = readSObject(call, element);
    const input = readRecord(call.org.schema, object, json);
    return (writer: Writer): Fields => {
      if (id === undefined) throw new ApiError("MISSING_ARGUMENT", "Id not specified in an update call", []);
      writer.update(object, id, input);
      return { id: parseId(id)! };
    };
  });
  return run(call, items, { id: null });
}

/** Answers `upsert(externalIDFieldName, sObjects)`, by an external id or by `Id`. A record without `Id` is created then. */
export function upsert(call: SessionCall): string {
  const fieldName = childText(call.operation, "externalIDFieldName") ?? "";
  const records = limitRecords(argumentsOf(call, "sObjects")).map((element) => {
    const { object, json, id } = readSObject(call, element);
    const field = object.field(fieldName);
    if (!field?.indexed) throw new ApiError("INVALID_FIELD", `Field name provided, ${fieldName} is not an External ID, Salesforce Id, or indexed field for ${object.name}`);
    const input = readRecord(call.org.schema, object, json);
    return { object, field, input, value: field.type === "id" ? deserialize(field, id ?? null) : (input.values.get(field) ?? null) };
  });
  const items = records.map(({ object, field, input, value }) => {
    const repeated = new Repeated(field, records.filter((one) => one.field === field).map((one) => one.value));
    return (writer: Writer): Fields => {
      repeated.refuse(value);
      const { created, id } = writer.upsert(object, field, value, input);
      return { created, id };
    };
  });
  return run(call, items, { created: false, id: null });
}

/** Answers `delete(ids)`. */
export function remove(call: SessionCall): string {
  return run(call, byId(call, (writer, row, object) => writer.delete(object, row.Id)), { id: null });
}

/** Answers `undelete(ids)`: restores records from the recycle bin. */
export function undelete(call: SessionCall): string {
  return run(call, byId(call, (writer, row) => writer.undelete(row)), { id: null });
}

/** Answers `emptyRecycleBin(ids)`: removes records from the recycle bin. */
export function emptyRecycleBin(call: SessionCall): string {
  return run(call, byId(call, (writer, row) => writer.purge(row)), { id: null });
}

/** Answers `merge(request)`. Each request merges up to two records into a master record. */
export function merge(call: SessionCall): string {
  const items = limitRecords(argumentsOf(call, "request"), MAX_MERGES).map((element) => {
    const master = child(element, "masterRecord") ?? { name: "masterRecord", attributes: {}, text: "", children: [] };
    const { object, json, id } = readSObject(call, master);
    const input = readRecord(call.org.schema, object, json);
    const others = element.children.filter(({ name }) => name === "recordToMergeIds").map(({ text }) => text.trim());
    return (writer: Writer): Fields => ({ ...mergeRecords(call.org, writer, object, input, id ?? "", others) });
  });
  return run(call, items, { id: null, mergedRecordIds: [], updatedRelatedIds: [] });
}

/** Answers `convertLead(leadConverts)`. */
export function convertLead(call: SessionCall): string {
  const items = limitRecords(argumentsOf(call, "leadConverts"), MAX_CONVERTS).map((element) => {
    const request = readConvert(element);
    return (writer: Writer): Fields => ({ ...convert(call.org, writer, request) });
  });
  return run(call, items, { accountId: null, contactId: null, leadId: null, opportunityId: null });
}

function readConvert(element: XmlElement): LeadConvert {
  const text = (name: string): string | undefined => childText(element, name) || undefined;
  return {
    leadId: text("leadId") ?? "",
    convertedStatus: text("convertedStatus") ?? "",
    accountId: text("accountId"),
    contactId: text("contactId"),
    opportunityId: text("opportunityId"),
    opportunityName: text("opportunityName"),
    ownerId: text("ownerId"),
    doNotCreateOpportunity: text("doNotCreateOpportunity") === "true",
    overwriteLeadSource: text("overwriteLeadSource") === "true",
  };
}

function byId(call: SessionCall, work: (writer: Writer, row: Row, object: ObjectSchema) => void): ((writer: Writer) => Fields)[] {
  return limitRecords(argumentsOf(call, "ids")).map(({ text }) => (writer: Writer): Fields => {
    const id = parseId(text.trim());
    const table = id === undefined ? undefined : call.org.store.tableOf(id);
    if (id === undefined || !table) throw malformedId({ label: "Record ID", name: "Id" }, text.trim());
    const row = table.get(id);
    if (!row) throw new ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []);
    work(writer, row, table.schema);
    return { id };
  });
}

/** Writes each item separately, or all or none if the `AllOrNoneHeader` says so. @param blank the fields in the result of a failed item */
function run(call: SessionCall, items: ((writer: Writer) => Fields)[], blank: Fields): string {
  const writer = writerOf(call);
  const results = items.map((item): Fields => {
    try {
      return { ...writer.together(() => item(writer)), success: true };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { errors: error.saveErrors.map(({ fields, message, statusCode }) => ({ fields, message, statusCode })), ...blank, success: false };
    }
  });
  const allOrNone = childText(child(call.header, "AllOrNoneHeader"), "allOrNone") === "true";
  if (!allOrNone || results.every(({ success }) => success)) return result(results);
  writer.rollBack();
  const message = "Record rolled back because not all records were valid and the request was using AllOrNone header";
  const errors = [{ message, statusCode: "ALL_OR_NONE_OPERATION_ROLLED_BACK" }];
  return result(results.map((one) => (one["success"] ? { errors, ...blank, success: false } : one)));
}

/** Returns a writer as the headers of the call ask. Unlike in REST, no assignment rule runs unless a header asks for it. */
export function writerOf(call: SessionCall): Writer {
  const duplicates = child(call.header, "DuplicateRuleHeader");
  const assignment = child(call.header, "AssignmentRuleHeader");
  const rule = childText(assignment, "assignmentRuleId") || (childText(assignment, "useDefaultRule") === "true" ? "TRUE" : "FALSE");
  const client = childText(child(call.header, "CallOptions"), "client");
  const origin = originOf("soap", call.version, client && `client=${client}`);
  return call.org.writer({ userId: call.session.userId, allowDuplicates: childText(duplicates, "allowSave") === "true", autoAssign: rule, origin });
}
