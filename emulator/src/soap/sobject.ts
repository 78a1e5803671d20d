import { ApiError } from "../api-error";
import type { ObjectSchema } from "../schema/schema";
import { SoapFault, type SessionCall } from "./call";
import { RawXml } from "./values";
import { escapeXml, type XmlElement } from "./xml";

/** A record of the partner API, in the form of the REST API: values, and parents by external id. */
export interface SoapRecord {
  object: ObjectSchema;
  json: Record<string, unknown>;
  /** The `Id`, if it is given. */
  id: string | undefined;
}

/** Reads an `sObject` element: its type, its fields, and `fieldsToNull` with the names of the fields to empty. */
export function readSObject(call: SessionCall, element: XmlElement): SoapRecord {
  const type = element.children.find((one) => one.name === "type")?.text.trim() ?? "";
  if (type === "") throw new SoapFault("INVALID_TYPE", "Must send a concrete entity type.", "InvalidSObjectFault");
  const object = call.org.schema.object(type);
  if (!object) throw new SoapFault("INVALID_TYPE", `sObject type '${type}' is not supported.`, "InvalidSObjectFault");
  const json: Record<string, unknown> = {};
  let id: string | undefined;
  for (const child of element.children) {
    if (child.name === "type") continue;
    if (child.name === "fieldsToNull") json[child.text.trim()] = null;
    else if (child.name === "Id") id = child.text.trim() || undefined;
    else if (child.children.length > 0) json[child.name] = parentOf(child);
    else if (child.attributes["nil"] !== "true" && child.text !== "") json[child.name] = child.text;
  }
  return { object, json, id };
}

/** Reads a parent that is named by its external id, as in `<Account><type>Account</type><Number__c>1</Number__c></Account>`. */
function parentOf(element: XmlElement): Record<string, unknown> {
  const parent: Record<string, unknown> = {};
  for (const { name, text } of element.children) {
    if (name === "type") parent["attributes"] = { type: text.trim() };
    else parent[name] = text;
  }
  return parent;
}

/** Returns all arguments of an operation with this name. */
export function argumentsOf(call: SessionCall, name: string): XmlElement[] {
  return call.operation.children.filter((child) => child.name === name);
}

/** Refuses more records than a call may have. @returns the records */
export function limitRecords<T>(items: T[], max = 200): T[] {
  if (items.length > max) throw new ApiError("EXCEEDED_ID_LIMIT", `record limit reached. cannot submit more than ${max} records in this call`);
  return items;
}

/**
 * Returns a record of a REST answer as the partner API writes it: the type, the `Id`, and then the values as text. If `Id` was selected, it is there twice, as in a real
 * org.
 */
export function recordXml(name: string, json: Record<string, unknown> | null): RawXml {
  if (json === null) return new RawXml(`<${name} xsi:nil="true"/>`);
  return new RawXml(`<${name} xsi:type="sf:sObject">${recordContent(json)}</${name}>`);
}

function recordContent(json: Record<string, unknown>): string {
  const type = (json["attributes"] as { type?: string } | undefined)?.type ?? "";
  const id = json["Id"];
  let xml = `<sf:type>${escapeXml(type)}</sf:type>`;
  xml += typeof id === "string" ? `<sf:Id>${id}</sf:Id>` : `<sf:Id xsi:nil="true"/>`;
  for (const [key, value] of Object.entries(json)) if (key !== "attributes") xml += fieldXml(key, value);
  return xml;
}

function fieldXml(name: string, value: unknown): string {
  if (value === null || value === undefined) return `<sf:${name} xsi:nil="true"/>`;
  if (typeof value !== "object") return `<sf:${name}>${escapeXml(value as string | number | boolean)}</sf:${name}>`;
  const { records, totalSize, done } = value as { records?: Record<string, unknown>[]; totalSize?: number; done?: boolean };
  if (!records) return `<sf:${name} xsi:type="sf:sObject">${recordContent(value as Record<string, unknown>)}</sf:${name}>`;
  const content = records.map((one) => recordXml("records", one).text).join("");
  return `<sf:${name} xsi:type="QueryResult"><done>${String(done)}</done><queryLocator xsi:nil="true"/>${content}<size>${String(totalSize)}</size></sf:${name}>`;
}
