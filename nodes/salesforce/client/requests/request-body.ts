import { ConnectorError } from "../../../common/errors";

/** A body ready to be sent. */
export interface RequestBody {
  /** The body, or a function that makes it with the access token, which SOAP has inside the envelope. */
  content: string | Buffer | ((accessToken: string) => string);
  contentType: string;
}

/** Paths of SOAP calls. Only for these is the session put into the body. */
const SOAP_PATH = /^\/services\/Soap\//i;
const SESSION_ID = "{sessionId}";
const NAMESPACES: Record<string, string> = { u: "urn:partner.soap.sforce.com", c: "urn:enterprise.soap.sforce.com" };

/**
 * Returns the body for a value: objects, numbers, booleans and `null` become JSON; text and Buffers stay as they are. `undefined` gives no body.
 *
 * @param contentType the content type from the node's headers. Default: by the kind of the value.
 * @throws ConnectorError `INPUT_INVALID` for a value that cannot be written as JSON, and for a SOAP call without XML text
 */
export function toBody(value: unknown, path: string, contentType: string | undefined): RequestBody | undefined {
  if (value === undefined) return undefined;
  if (SOAP_PATH.test(path)) return soapBody(value, path, contentType);
  if (Buffer.isBuffer(value)) return { content: value, contentType: contentType ?? "application/octet-stream" };
  if (typeof value === "string") return { content: value, contentType: contentType ?? (looksLikeJson(value) ? "application/json" : "text/plain;charset=UTF-8") };
  return { content: toJson(value), contentType: contentType ?? "application/json" };
}

function toJson(value: unknown): string {
  try {
    const text: string | undefined = JSON.stringify(value);
    if (text !== undefined) return text;
  } catch (cause) {
    throw new ConnectorError("INPUT_INVALID", "The body cannot be written as JSON", { cause });
  }
  throw new ConnectorError("INPUT_INVALID", `The body is a ${typeof value}, which JSON has no form for`);
}

/** Whether a text is probably JSON that another node has written. */
function looksLikeJson(text: string): boolean {
  return /^\s*[[{]/.test(text);
}

/** Returns the body of a SOAP call, from a whole envelope with `{sessionId}` in it, or from only the content of the envelope's body. */
function soapBody(value: unknown, path: string, contentType = "text/xml;charset=UTF-8"): RequestBody {
  const text = Buffer.isBuffer(value) ? value.toString("utf8") : value;
  if (typeof text !== "string") throw new ConnectorError("INPUT_INVALID", "A SOAP call needs XML text as its body");
  const envelope = /<(?:\w+:)?Envelope[\s>]/.test(text) ? text : wrap(text, path);
  return { content: (accessToken) => envelope.replaceAll(SESSION_ID, () => escapeXml(accessToken)), contentType };
}

function wrap(call: string, path: string): string {
  const namespace = NAMESPACES[path.split("/")[3] ?? "u"] ?? NAMESPACES.u;
  const open = `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="${namespace}" xmlns="${namespace}">`;
  const header = `<soapenv:Header><urn:SessionHeader><urn:sessionId>${SESSION_ID}</urn:sessionId></urn:SessionHeader></soapenv:Header>`;
  return `<?xml version="1.0" encoding="UTF-8"?>${open}${header}<soapenv:Body>${call}</soapenv:Body></soapenv:Envelope>`;
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character);
}
