import { chunks } from "../../../common/chunks";
import { ConnectorError, toConnectorError } from "../../../common/errors";
import { isPlain } from "../../../common/is-plain";
import { MAX_RECORDS, type RecordResult } from "./collections";
import { recordError } from "../errors";
import type { CallInput, RecordCall, SOAP_CALLS } from "./record-calls";
import { readId, readIds, readRecords, toRecord } from "./record-input";
import { afterOthers, listOutcome, type RecordOutcome, refused, shown } from "./record-outcome";
import type { SoapClient } from "../soap/soap";
import { errorsOfResult, listOf, type SoapResult, type SoapValue, textIn, toElement, toRecordElement } from "../soap/soap-xml";

type Item = Record<string, SoapResult>;

/** The answer for one item of a list, and the result that it means. */
interface Done {
  item: Item;
  result: RecordResult;
}

/** The most leads, mails, and records to find duplicates of, in one call. */
const MAX_CONVERSIONS = 100;
const MAX_MAILS = 10;
const MAX_SEARCHED = 50;

/** Fields of a lead conversion, in the order of the WSDL, which the org requires. */
const CONVERT_FIELDS = ["accountId", "contactId", "convertedStatus", "doNotCreateOpportunity", "leadId", "opportunityId", "opportunityName", "overwriteLeadSource", "ownerId", "sendNotificationEmail"];
/** Fields of a mail, also in the order of the WSDL. Those of the base type come first. */
const MAIL_FIELDS = [
  ...["bccSender", "emailPriority", "replyTo", "saveAsActivity", "senderDisplayName", "subject", "useSignature"],
  ...["bccAddresses", "ccAddresses", "charset", "documentAttachments", "entityAttachments", "fileAttachments", "htmlBody", "inReplyTo", "optOutPolicy"],
  ...["orgWideEmailAddressId", "plainTextBody", "references", "targetObjectId", "templateId", "templateName", "toAddresses"],
  ...["treatBodiesAsTemplate", "treatTargetObjectAsRecipient", "whatId"],
];

/** Operations that only the SOAP API has. A message is one call, or as many calls as its list needs. */
export const soapCalls: Record<(typeof SOAP_CALLS)[number], RecordCall> = {
  undelete: ({ soap }, input) => byIds(soap, input, "undelete"),
  emptyRecycleBin: ({ soap }, input) => byIds(soap, input, "emptyRecycleBin"),
  async sendEmailMessage({ soap }, input) {
    return byIds(soap, { ...input, allOrNone: false }, "sendEmailMessage", MAX_MAILS);
  },

  async merge({ soap }, input) {
    const master = toRecord(input.data);
    master.Id = readId(input.recordId ?? master);
    const { ids } = readIds(input.mergeIds);
    const content = `<request>${toRecordElement("masterRecord", input.object, master)}${toElement("recordToMergeIds", ids)}</request>`;
    const [item] = await call(soap, input, "merge", content);
    return { salesforce: { ...shownOrThrow(item && resultOf(item)), mergedRecordIds: listOf(item?.mergedRecordIds), updatedRelatedIds: listOf(item?.updatedRelatedIds) } };
  },

  async convertLead({ soap }, input) {
    const leads: unknown[] = Array.isArray(input.data) ? input.data : [input.data];
    const conversions = leads.map((lead) => toElement("leadConverts", ordered(conversionOf(lead, input), CONVERT_FIELDS, "lead conversion")));
    const done = await inSlices(conversions, MAX_CONVERSIONS, (slice) => call(soap, input, "convertLead", slice.join("")), "lead was converted", "leadId");
    const made = ({ accountId = null, contactId = null, opportunityId = null }: Item) => ({ accountId, contactId, opportunityId });
    if (!Array.isArray(input.data)) return { salesforce: { ...shownOrThrow(done[0]?.result), ...made(done[0]?.item ?? {}) } };
    const outcome = listed(done.map(({ result }) => result), input);
    return { ...outcome, salesforce: { success: !outcome.failed, results: done.map(({ item, result }, index) => ({ ...shown(result, index), ...made(item) })) } };
  },

  async findDuplicates({ soap }, input) {
    const { records, list } = readRecords(input.data);
    const elements = records.map((record) => toRecordElement("sObjects", input.object, record));
    return duplicates(await searched(elements, (slice) => call(soap, input, "findDuplicates", slice.join(""))), list);
  },
  async findDuplicatesByIds({ soap }, input) {
    const { ids, list } = readIds(input.recordId ?? input.data);
    return duplicates(await searched(ids, (slice) => call(soap, input, "findDuplicatesByIds", toElement("ids", slice))), list);
  },

  async sendEmail({ soap }, input) {
    const mails: unknown[] = Array.isArray(input.data) ? input.data : [input.data];
    const messages = mails.map((mail) => toElement("messages", ordered(mailOf(mail), MAIL_FIELDS, "mail"), ' xsi:type="SingleEmailMessage"'));
    const done = await inSlices(messages, MAX_MAILS, (slice) => call(soap, input, "sendEmail", slice.join("")), "mail was sent");
    if (Array.isArray(input.data)) return listed(done.map(({ result }) => result), input);
    return { salesforce: { success: shownOrThrow(done[0]?.result).success, errors: [] } };
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

/** Carries out an operation for a list of ids. */
async function byIds(soap: SoapClient, input: CallInput, operation: "undelete" | "emptyRecycleBin" | "sendEmailMessage", size = MAX_RECORDS): Promise<RecordOutcome> {
  const { ids, list } = readIds(input.recordId ?? input.data);
  const send = async (slice: string[]): Promise<Item[]> => (await call(soap, input, operation, toElement("ids", slice))).map((item, index) => ({ id: slice[index] ?? null, ...item }));
  const done = await inSlices(ids, size, send, `org has done the ${operation}`);
  return list ? listed(done.map(({ result }) => result), input) : { salesforce: shownOrThrow(done[0]?.result) };
}

/**
 * Makes calls with as many items as one call accepts, and returns a result for each item. If a call fails after others have succeeded, its error is the result of all
 * remaining items, since the items of the others must not be sent again.
 */
async function inSlices<T>(all: T[], size: number, send: (slice: T[]) => Promise<Item[]>, what: string, idName = "id"): Promise<Done[]> {
  const done: Done[] = [];
  for (let from = 0; from < all.length; from += size) {
    try {
      for (const item of await send(all.slice(from, from + size))) done.push({ item, result: resultOf(item, idName) });
    } catch (thrown) {
      if (done.length === 0) throw thrown;
      const error = afterOthers(toConnectorError(thrown), what);
      return [...done, ...all.slice(from).map((): Done => ({ item: {}, result: { ok: false, error } }))];
    }
  }
  return done;
}

/** Makes such calls for an operation that only reads. If a call fails, the whole operation fails. */
async function searched<T>(all: T[], send: (slice: T[]) => Promise<Item[]>): Promise<Item[]> {
  const found: Item[] = [];
  for (const some of chunks(all, MAX_SEARCHED)) found.push(...(await send(some)));
  return found;
}

async function call(soap: SoapClient, { allOrNone, headers }: CallInput, operation: string, content: string): Promise<Item[]> {
  const duplicates = headers["Sforce-Duplicate-Rule-Header"] ? { DuplicateRuleHeader: { allowSave: true, includeRecordDetails: false, runAsCurrentUser: true } } : {};
  const { result } = await soap.call({ operation, content, headers: { ...duplicates, ...(allOrNone ? { AllOrNoneHeader: { allOrNone: true } } : {}) } });
  return listOf(result).map((item) => (isPlain(item) ? (item as Item) : {}));
}

function listed(results: RecordResult[], input: CallInput): RecordOutcome {
  const outcome = listOutcome(results);
  if (outcome.failed && input.someRefusedFails) throw refused(results, outcome.failed);
  return outcome;
}

function resultOf(item: Item, idName = "id"): RecordResult {
  if (item.success === "true") return { ok: true, id: textIn(item[idName]), created: false };
  return { ok: false, error: recordError(errorsOfResult(item)) };
}

function shownOrThrow(result: RecordResult | undefined): ReturnType<typeof shown> {
  if (!result) throw new ConnectorError("ORG_REFUSED", "The org gave no result");
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

/** Reads the result of one duplicate rule: its name and object, whether the record may be saved, and the ids of the records that match. */
function readDuplicates(value: SoapResult): { rule: string; object: string; allowSave: boolean; ids: string[] } {
  const { duplicateRule, duplicateRuleEntityType, allowSave, matchResults } = value as Item;
  const records = listOf(matchResults).flatMap((match) => listOf((match as Item).matchRecords));
  const ids = records.map((match) => textIn(listOf(((match as Item).record as Item).Id)[0]));
  return { rule: textIn(duplicateRule), object: textIn(duplicateRuleEntityType), allowSave: allowSave === "true", ids };
}

function conversionOf(lead: unknown, { recordId }: CallInput): Record<string, unknown> {
  if (!isPlain(lead)) return { leadId: readId(lead) };
  return { doNotCreateOpportunity: false, overwriteLeadSource: false, sendNotificationEmail: false, ...lead, leadId: readId(lead.leadId ?? recordId ?? lead), Id: undefined, id: undefined };
}

function mailOf(mail: unknown): Record<string, unknown> {
  if (isPlain(mail)) return mail;
  throw new ConnectorError("INPUT_INVALID", "The mail is not an object with toAddresses, subject and plainTextBody or htmlBody");
}

/** Returns an argument with its properties in the order of the WSDL. @throws ConnectorError `INPUT_INVALID` for a property that the WSDL does not have */
function ordered(value: Record<string, unknown>, names: readonly string[], what: string): Record<string, SoapValue> {
  const unknown = Object.entries(value).find(([name, content]) => content !== undefined && name !== "attributes" && !names.includes(name));
  if (unknown) throw new ConnectorError("INPUT_INVALID", `A ${what} has no ${unknown[0]}; it has ${names.join(", ")}`);
  return Object.fromEntries(names.filter((name) => value[name] !== undefined).map((name) => [name, value[name] as SoapValue]));
}
