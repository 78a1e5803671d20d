import { ConnectorError } from "../../common/errors";
import { MAX_RECORDS, type RecordResult } from "./collections";
import { recordError } from "./errors";
import type { CallInput, RecordCall, SOAP_CALLS } from "./record-calls";
import { isPlain, readId, readIds, readRecords, toRecord } from "./record-input";
import { listOutcome, type RecordOutcome, refused, shown } from "./record-outcome";
import type { SoapClient } from "./soap";
import { listOf, type SoapResult, type SoapValue, toElement, toRecordElement } from "./soap-xml";

type Item = Record<string, SoapResult>;

/** Fields of a lead conversion in the order of the WSDL, which the org insists on. */
const CONVERT_FIELDS = ["accountId", "contactId", "convertedStatus", "doNotCreateOpportunity", "leadId", "opportunityId", "opportunityName", "overwriteLeadSource", "ownerId", "sendNotificationEmail"];
/** Fields of a mail, likewise: those of its base type come first. */
const MAIL_FIELDS = [
  ...["bccSender", "emailPriority", "replyTo", "saveAsActivity", "senderDisplayName", "subject", "useSignature"],
  ...["bccAddresses", "ccAddresses", "charset", "documentAttachments", "entityAttachments", "fileAttachments", "htmlBody", "inReplyTo", "optOutPolicy"],
  ...["orgWideEmailAddressId", "plainTextBody", "references", "targetObjectId", "templateId", "templateName", "toAddresses"],
  ...["treatBodiesAsTemplate", "treatTargetObjectAsRecipient", "whatId"],
];

/** Operations that only the SOAP API has; each message is one call, or one for each 200 records of a list. */
export const soapCalls: Record<(typeof SOAP_CALLS)[number], RecordCall> = {
  undelete: ({ soap }, input) => byIds(soap, input, "undelete"),
  emptyRecycleBin: ({ soap }, input) => byIds(soap, input, "emptyRecycleBin"),
  async sendEmailMessage({ soap }, input) {
    return byIds(soap, { ...input, allOrNone: false }, "sendEmailMessage");
  },

  async merge({ soap }, input) {
    const master = toRecord(input.data);
    master.Id = readId(input.recordId ?? master);
    const { ids } = readIds(input.mergeIds);
    const content = `<request>${toRecordElement("masterRecord", input.object, master)}${toElement("recordToMergeIds", ids)}</request>`;
    const [item] = await call(soap, input, "merge", content);
    const merged = one(item);
    return { salesforce: { ...merged, mergedRecordIds: listOf(item?.mergedRecordIds), updatedRelatedIds: listOf(item?.updatedRelatedIds) } };
  },

  async convertLead({ soap }, input) {
    const list: unknown[] = Array.isArray(input.data) ? input.data : [input.data];
    const content = list.map((lead) => toElement("leadConverts", ordered(conversionOf(lead, input), CONVERT_FIELDS, "lead conversion"))).join("");
    const items = await call(soap, input, "convertLead", content);
    const results = items.map((item) => resultOf(item, "leadId"));
    const made = (item: Item | undefined) => ({ accountId: item?.accountId ?? null, contactId: item?.contactId ?? null, opportunityId: item?.opportunityId ?? null });
    if (!Array.isArray(input.data)) return { salesforce: { ...one(items[0], "leadId"), ...made(items[0]) } };
    const outcome = listed(results, input);
    return { ...outcome, salesforce: { success: !outcome.failed, results: results.map((result, index) => ({ ...shown(result, index), ...made(items[index]) })) } };
  },

  async findDuplicates({ soap }, input) {
    const { records, list } = readRecords(input.data);
    const content = records.map((record) => toRecordElement("sObjects", input.object, record)).join("");
    return duplicates(await call(soap, input, "findDuplicates", content), list);
  },
  async findDuplicatesByIds({ soap }, input) {
    const { ids, list } = readIds(input.recordId ?? input.data);
    return duplicates(await call(soap, input, "findDuplicatesByIds", toElement("ids", ids)), list);
  },

  async sendEmail({ soap }, input) {
    const mails: unknown[] = Array.isArray(input.data) ? input.data : [input.data];
    const type = ' xsi:type="SingleEmailMessage"';
    const content = mails.map((mail) => toElement("messages", ordered(mailOf(mail), MAIL_FIELDS, "mail"), type)).join("");
    const results = (await call(soap, input, "sendEmail", content)).map((item) => resultOf(item));
    return Array.isArray(input.data) ? listed(results, input) : { salesforce: { success: shownOrThrow(results[0]).success, errors: [] } };
  },

  async getServerTimestamp({ soap }) {
    const { result } = await soap.call({ operation: "getServerTimestamp", content: "" });
    return { payload: new Date(String((result as Item).timestamp)), salesforce: { success: true } };
  },
  async getUserInfo({ soap }) {
    const { result } = await soap.call({ operation: "getUserInfo", content: "" });
    return { payload: result, salesforce: { success: true } };
  },
  async logout({ soap }) {
    await soap.call({ operation: "logout", content: "" });
    return { salesforce: { success: true } };
  },
};

/** An operation that takes ids: 200 a call. */
async function byIds(soap: SoapClient, input: CallInput, operation: "undelete" | "emptyRecycleBin" | "sendEmailMessage"): Promise<RecordOutcome> {
  const { ids, list } = readIds(input.recordId ?? input.data);
  const results: RecordResult[] = [];
  for (let from = 0; from < ids.length; from += MAX_RECORDS) {
    const slice = ids.slice(from, from + MAX_RECORDS);
    const items = await call(soap, input, operation, toElement("ids", slice));
    items.forEach((item, index) => results.push(resultOf({ id: slice[index] ?? null, ...item })));
  }
  return list ? listed(results, input) : { salesforce: shownOrThrow(results[0]) };
}

async function call(soap: SoapClient, { allOrNone, headers }: CallInput, operation: string, content: string): Promise<Item[]> {
  const duplicates = headers["sforce-duplicate-rule-header"] ? { DuplicateRuleHeader: { allowSave: true, includeRecordDetails: false, runAsCurrentUser: true } } : {};
  const { result } = await soap.call({ operation, content, headers: { ...duplicates, ...(allOrNone ? { AllOrNoneHeader: { allOrNone: true } } : {}) } });
  return listOf(result).map((item) => (isPlain(item) ? (item as Item) : {}));
}

function listed(results: RecordResult[], input: CallInput): RecordOutcome {
  const outcome = listOutcome(results);
  if (outcome.failed && input.someRefusedFails) throw refused(results, outcome.failed);
  return outcome;
}

function resultOf(item: Item, idName = "id"): RecordResult {
  if (item.success === "true") return { ok: true, id: textOf(item[idName]), created: false };
  const errors = listOf(item.errors).flatMap((error) => {
    if (!isPlain(error)) return [];
    const { statusCode, message, fields } = error as Item;
    return { code: textOf(statusCode), message: textOf(message), fields: listOf(fields).map(textOf) };
  });
  return { ok: false, error: recordError(errors) };
}

function one(item: Item | undefined, idName = "id"): { id: string | null; success: boolean; errors: unknown[] } {
  const { id, success, errors } = shownOrThrow(item && resultOf(item, idName));
  return { id, success, errors };
}

function shownOrThrow(result: RecordResult | undefined): ReturnType<typeof shown> {
  if (!result) throw new ConnectorError("ORG_REFUSED", "The org gave no result.");
  if (!result.ok) throw result.error;
  const { created: _created, ...rest } = shown(result);
  return rest;
}

function duplicates(items: Item[], list: boolean): RecordOutcome {
  const found = items.map((item) => {
    const result = resultOf(item);
    if (!result.ok) throw result.error;
    return listOf(item.duplicateResults).map(readDuplicates);
  });
  return { payload: list ? found : (found[0] ?? []), salesforce: { success: true, duplicates: found.some((one) => one.length > 0) } };
}

/** What one rule found: its name, and the ids of the records that match. */
function readDuplicates(value: SoapResult): { rule: string; object: string; allowSave: boolean; ids: string[] } {
  const { duplicateRule, duplicateRuleEntityType, allowSave, matchResults } = value as Item;
  const records = listOf(matchResults).flatMap((match) => listOf((match as Item).matchRecords));
  const ids = records.map((match) => textOf(listOf(((match as Item).record as Item).Id)[0]));
  return { rule: textOf(duplicateRule), object: textOf(duplicateRuleEntityType), allowSave: allowSave === "true", ids };
}

function conversionOf(lead: unknown, { recordId }: CallInput): Record<string, unknown> {
  if (!isPlain(lead)) return { leadId: readId(lead) };
  return { doNotCreateOpportunity: false, overwriteLeadSource: false, sendNotificationEmail: false, ...lead, leadId: readId(lead.leadId ?? recordId ?? lead), Id: undefined, id: undefined };
}

function mailOf(mail: unknown): Record<string, unknown> {
  if (isPlain(mail)) return mail;
  throw new ConnectorError("INPUT_INVALID", "The mail is not an object with toAddresses, subject and plainTextBody or htmlBody.");
}

/** An argument with its properties in the order of the WSDL. @throws ConnectorError `INPUT_INVALID` for one that is not there */
function ordered(value: Record<string, unknown>, names: readonly string[], what: string): Record<string, SoapValue> {
  const unknown = Object.entries(value).find(([name, content]) => content !== undefined && name !== "attributes" && !names.includes(name));
  if (unknown) throw new ConnectorError("INPUT_INVALID", `A ${what} has no ${unknown[0]}; it has ${names.join(", ")}.`);
  return Object.fromEntries(names.filter((name) => value[name] !== undefined).map((name) => [name, value[name] as SoapValue]));
}

function textOf(value: SoapResult | undefined): string {
  return typeof value === "string" ? value : "";
}
