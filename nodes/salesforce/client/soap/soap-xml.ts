import { ConnectorError } from "../../../common/errors";
import { readXml } from "../../../format/xml-reader";
import type { ApiError } from "../errors";

/** An argument of the SOAP API. A list repeats its element. The properties of objects are written in their order, which matters to the API. */
export type SoapValue = string | number | boolean | bigint | null | undefined | Date | Buffer | SoapValue[] | { [name: string]: SoapValue };

/** The content of an element that was read: text, `null` for nil, an object with its elements, or a list for elements that repeat. */
export type SoapResult = string | null | SoapResult[] | { [name: string]: SoapResult };

const NAME = /^[A-Za-z_][\w.-]*$/;
/** Characters that XML 1.0 cannot hold, not even escaped. */
const UNSPEAKABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u;

/**
 * Writes an element with this name. `null` becomes nil, `undefined` becomes an empty text without an element, a Date ISO 8601, a Buffer base64.
 *
 * @throws ConnectorError `INPUT_INVALID` for a name or a text that XML cannot hold, and for an invalid Date
 */
export function toElement(name: string, value: SoapValue, attributes = ""): string {
  if (value === undefined) return "";
  if (!NAME.test(name)) throw new ConnectorError("INPUT_INVALID", `${JSON.stringify(name)} cannot be the name of an element`);
  if (Array.isArray(value)) return value.map((item) => toElement(name, item, attributes)).join("");
  if (value === null) return `<${name} xsi:nil="true"/>`;
  if (typeof value === "object" && !(value instanceof Date) && !Buffer.isBuffer(value)) {
    return `<${name}${attributes}>${Object.entries(value).map(([key, item]) => toElement(key, item)).join("")}</${name}>`;
  }
  return `<${name}${attributes}>${textOf(name, value)}</${name}>`;
}

function textOf(name: string, value: string | number | boolean | bigint | Date | Buffer): string {
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new ConnectorError("INPUT_INVALID", `${name}: the date is not valid`, { details: { field: name } });
    return value.toISOString();
  }
  const text = String(value);
  if (UNSPEAKABLE.test(text)) throw new ConnectorError("INPUT_INVALID", `${name}: the text holds a character that XML cannot carry`, { details: { field: name } });
  return escapeText(text);
}

/** Escapes text for the content of an element. Carriage returns are escaped too, since a parser would read them as line feeds. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"\r]/g, (character) => ESCAPED[character] ?? character);
}

const ESCAPED: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;" };

/**
 * Writes a record as an element of the partner API: its type, the fields to clear, its id, then its other fields. A field that is a plain object refers to a parent by
 * external id. The parent's type is taken from its `attributes`, or else from the name of the relationship.
 */
export function toRecordElement(name: string, object: string, fields: Record<string, unknown>): string {
  const entries = Object.entries(fields).filter(([key, value]) => key !== "attributes" && value !== undefined);
  const cleared = entries.filter(([, value]) => value === null).map(([key]) => toElement("fieldsToNull", key));
  const id = entries.filter(([key, value]) => key.toLowerCase() === "id" && value !== null).map(([, value]) => toElement("Id", value as SoapValue));
  const others = entries.filter(([key, value]) => key.toLowerCase() !== "id" && value !== null).map(([key, value]) => fieldElement(key, value));
  return `<${name}>${toElement("type", object)}${cleared.join("")}${id.join("")}${others.join("")}</${name}>`;
}

function fieldElement(name: string, value: unknown): string {
  if (typeof value !== "object" || value instanceof Date || Buffer.isBuffer(value)) return toElement(name, value as SoapValue);
  const { attributes, ...keys } = value as Record<string, unknown>;
  const type = (attributes as { type?: string } | undefined)?.type ?? name.replace(/__r$/, "__c");
  return toElement(name, { type, ...(keys as Record<string, SoapValue>) });
}

/**
 * Reads the content of `<operation>Response` in an answer: an object with its elements by local name. Elements that repeat become a list; attributes are left out.
 *
 * @throws ConnectorError `ORG_UNAVAILABLE` when the answer is not such an envelope. It then comes from a proxy, and it is not known whether the org has carried out the call.
 */
export function readResponse(text: string, operation: string): Record<string, SoapResult> {
  let read: SoapResult;
  try {
    read = plain(readXml(text, { attributePrefix: "@", arrays: [] }));
  } catch (error) {
    throw notAnEnvelope(error);
  }
  const response = at(at(at(read, "Envelope"), "Body"), `${operation}Response`);
  if (response === "") return {};
  if (typeof response !== "object" || response === null || Array.isArray(response)) throw notAnEnvelope();
  return response;
}

function at(value: SoapResult | undefined, name: string): SoapResult | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value[name] : undefined;
}

function plain(value: unknown): SoapResult {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value);
  if (entries.some(([key, content]) => /^@(?:[\w-]+:)?nil$/.test(key) && content === "true")) return null;
  const elements = entries.filter(([key]) => !key.startsWith("@") && key !== "#text");
  if (elements.length === 0) return String((value as { "#text"?: unknown })["#text"] ?? "");
  return Object.fromEntries(elements.map(([key, content]) => [key.slice(key.indexOf(":") + 1), plain(content)]));
}

function notAnEnvelope(cause?: unknown): ConnectorError {
  return new ConnectorError("ORG_UNAVAILABLE", "The org's address answered a SOAP call with something else than its result", { details: { outcomeUnknown: true }, cause });
}

/** Returns the items of an element that may occur any number of times, as a list. */
export function listOf(value: SoapResult | undefined): SoapResult[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** Returns the errors of one result of a call; none if it is a success. */
export function errorsOfResult(item: Record<string, SoapResult>): ApiError[] {
  return listOf(item.errors).flatMap((error) => {
    if (typeof error !== "object" || error === null || Array.isArray(error)) return [];
    const { statusCode, message, fields } = error;
    return { code: textIn(statusCode), message: textIn(message), fields: listOf(fields).map(textIn) };
  });
}

/** Returns the text of an element; blank for one that is nil, missing, or has elements. */
export function textIn(value: SoapResult | undefined): string {
  return typeof value === "string" ? value : "";
}
