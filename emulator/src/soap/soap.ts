import { ApiError } from "../api-error";
import { limitText, unexpected } from "../control/faults";
import type { Reply, Request } from "../http";
import type { Org } from "../org";
import { NEWEST_VERSION, OLDEST_VERSION } from "../rest/resources";
import { type SoapCall, SoapFault } from "./call";
import { login } from "./login";
import { isSoapEnvelope, operationNamespace } from "./namespace";
import { OPERATIONS } from "./operations";
import { partnerWsdl } from "./wsdl";
import { child, childText, escapeXml, parseXml, tag, type XmlElement } from "./xml";

/** The paths of the partner API (`u`) and the enterprise API (`c`). The version is followed by the org id, which is ignored. */
const PATH = /^\/services\/Soap\/([uc])\/(\d{1,3})\.0(?:\/|$)/;

/** Whether a path belongs to the SOAP API. */
export function isSoap(path: string): boolean {
  return path.startsWith("/services/Soap/");
}

/** Returns the operation of a request without parsing all of it; `""` if none is found. */
export function soapOperation(request: Request): string {
  return /<(?:[\w-]+:)?Body\b[^>]*>\s*<(?:[\w-]+:)?(\w+)/.exec(request.body.toString("utf8", 0, 16_384))?.[1] ?? "";
}

/** Answers `/services/Soap/…`. */
export function soap(org: Org, request: Request): Reply {
  const match = PATH.exec(request.path);
  const style = match?.[1] === "c" ? "enterprise" : "partner";
  try {
    if (!match) return { status: 404, text: "Not Found" };
    if (request.method === "GET" && request.query.has("wsdl") && style === "partner") return { status: 200, xml: partnerWsdl(request.origin, Number(match[2])) };
    if (request.method !== "POST") return { status: 405, text: "Method Not Allowed" };
    const version = Number(match[2]);
    if (version < OLDEST_VERSION || version > NEWEST_VERSION) throw new SoapFault("UNSUPPORTED_API_VERSION", `Invalid Api version specified on URL`);
    const call: SoapCall = { org, request, version, ...readEnvelope(request, style) };
    return envelope(style, 200, answer(call), call.operation.name === "login" ? "" : limitHeader(org));
  } catch (error) {
    return fault(error, style);
  }
}

/** Returns the answer for an error: a fault of the SOAP API. */
export function fault(error: unknown, style = "partner"): Reply {
  const { code, text, type } = toFault(error);
  const detail = `<sf:${type} xsi:type="sf:${type}">${tag("sf:exceptionCode", code)}${tag("sf:exceptionMessage", text)}</sf:${type}>`;
  const body = `<soapenv:Fault>${tag("faultcode", `sf:${code}`)}${tag("faultstring", `${code}: ${text}`)}<detail>${detail}</detail></soapenv:Fault>`;
  return envelope(style, 500, body, "");
}

function answer(call: SoapCall): string {
  const { name } = call.operation;
  if (name === "login") return respond(name, login(call));
  const operation = OPERATIONS.get(name);
  if (!operation) throw new SoapFault("INVALID_OPERATION", `No operation available for request {urn:partner.soap.sforce.com}${name}`);
  const session = call.org.sessions.find(childText(child(call.header, "SessionHeader"), "sessionId") ?? "");
  if (!session) throw new SoapFault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session", "UnexpectedErrorFault");
  if (!call.org.limits.use("DailyApiRequests")) throw new SoapFault("REQUEST_LIMIT_EXCEEDED", limitText("total"));
  return respond(name, operation({ ...call, session }));
}

function respond(name: string, content: string): string {
  return `<${name}Response>${content}</${name}Response>`;
}

function readEnvelope(request: Request, style: string): { operation: XmlElement; header: XmlElement | undefined } {
  const text = request.body.toString("utf8");
  const root = parseXml(text);
  const operation = root?.name === "Envelope" && isSoapEnvelope(text) ? child(root, "Body")?.children[0] : undefined;
  if (!operation) throw new SoapFault("UNKNOWN_EXCEPTION", "The request is no SOAP envelope with a body", "UnexpectedErrorFault");
  const namespace = operationNamespace(text);
  if (namespace !== `urn:${style}.soap.sforce.com`) throw new SoapFault("INVALID_OPERATION", `No operation available for request {${namespace}}${operation.name}`, "UnexpectedErrorFault");
  return { operation, header: child(root, "Header") };
}

function limitHeader(org: Org): string {
  const { used, max } = org.limits.usage("DailyApiRequests");
  return `<LimitInfoHeader><limitInfo>${tag("current", used)}${tag("limit", max)}${tag("type", "API REQUESTS")}</limitInfo></LimitInfoHeader>`;
}

function toFault(error: unknown): SoapFault {
  if (error instanceof SoapFault) return error;
  if (error instanceof ApiError) return new SoapFault(error.items[0]!.errorCode, error.items[0]!.message);
  process.stderr.write(`salesforce-emulator: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return new SoapFault("UNKNOWN_EXCEPTION", unexpected(), "UnexpectedErrorFault");
}

function envelope(style: string, status: number, body: string, header: string): Reply {
  const spaces = [
    `xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"`,
    `xmlns="urn:${escapeXml(style)}.soap.sforce.com"`,
    `xmlns:sf="urn:${status === 200 ? "sobject" : "fault"}.${escapeXml(style)}.soap.sforce.com"`,
    `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`,
  ].join(" ");
  const head = header ? `<soapenv:Header>${header}</soapenv:Header>` : "";
  return { status, xml: `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope ${spaces}>${head}<soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>` };
}
