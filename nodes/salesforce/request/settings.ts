import { textIn, withValue } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { type TypedValue, whenAllReady } from "../../common/typed-input";
import { wholeNumber } from "../../common/whole-number";
import type { DatasetOperation, Upload } from "../client/requests/analytics-upload";
import { type CsvRows, toCsv } from "../client/requests/analytics-csv";
import { toBody } from "../client/requests/request-body";
import { compilePath, completePath } from "../client/requests/request-path";
import type { RequestHost } from "../client/requests/request-presets";
import type { RequestItem, RequestSenderOptions, Returns } from "../client/requests/request-sender";
import type { RawRequest } from "../client/rest";

/** One row of the list of headers, as flows store it. */
export interface HeaderRow {
  name: string;
  value: string;
  valueType: string;
}

/** The properties of the node, as flows store them. */
export interface RequestDef {
  org: string;
  preset: string;
  method: RawRequest["method"];
  path: string;
  pathType: string;
  host: RequestHost;
  engagementUrl: string;
  businessUnitId: string;
  headers: HeaderRow[];
  body: string;
  bodyType: string;
  returns: Returns;
  safeToRepeat: boolean;
  failOnPartErrors?: boolean;
  concurrency: number | string;
  dataset: string;
  datasetLabel: string;
  datasetOperation: DatasetOperation;
  datasetMetadata: string;
  datasetMetadataType: string;
  datasetWait: number | string;
}

/** Compiles a typed input of the form to a function that reads its value from a message. */
export type Compile = (value: unknown, type: string, label: string) => TypedValue;

const METHODS = new Set<string>(["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"]);
/** Headers that the form must not set, since the node or Node.js sets them, or since they carry the sign-in. */
const RESERVED = new Set(["authorization", "host", "content-length", "connection", "transfer-encoding", "cookie"]);
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const ENGAGEMENT_URL = "https://pi.pardot.com";

/** Returns how many calls are under way at once, 1 to 25. Default 4. @throws ConnectorError `NOT_CONFIGURED` for another value */
export const concurrencyOf = ({ concurrency }: RequestDef): number => wholeNumber(concurrency, "At once", { fallback: 4, min: 1, max: 25 });

/** Reads how calls are made. @throws ConnectorError `NOT_CONFIGURED` for an address of Account Engagement without https, which must not get a token */
export function senderOptions(config: RequestDef): RequestSenderOptions {
  const host = config.host === "account-engagement" ? engagementOrigin(textIn(config.engagementUrl)) : undefined;
  return { host, returns: config.returns || "json", safeToRepeat: Boolean(config.safeToRepeat), failOnPartErrors: config.failOnPartErrors ?? true };
}

function engagementOrigin(text: string): string {
  try {
    const url = new URL(text || ENGAGEMENT_URL);
    const local = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
    if (url.protocol === "https:" || (local && url.protocol === "http:")) return url.origin;
  } catch {
    // the error is thrown below
  }
  throw new ConnectorError("NOT_CONFIGURED", `${text} is no https address for Account Engagement`);
}

/**
 * Returns a function that makes the call for a message.
 *
 * @param version version of the API, such as `66.0`
 * @throws ConnectorError `NOT_CONFIGURED` for settings from which no call can be made
 */
export function compileRequest(config: RequestDef, compile: Compile, version: string): (msg: object) => RequestItem | Promise<RequestItem> {
  const { method, host, pathType = "str" } = config;
  if (!METHODS.has(method)) throw new ConnectorError("NOT_CONFIGURED", `${String(method)} is no method of a request`);
  const fixed = engagementHeaders(config);
  const path: TypedValue =
    pathType === "str" ? compilePath(withValue(config.path), (name) => compile(name, "msg", name)) : compile(config.path, pathType, "path");
  const rows = (config.headers ?? []).map((row) => ({ ...row, name: textIn(row.name) })).filter(({ name }) => name);
  for (const { name } of rows) checkHeader(name);
  const headers = rows.map(({ name, value, valueType }) => ({ name: name.toLowerCase(), value: compile(value, valueType || "str", name) }));
  const hasBody = method !== "GET" && method !== "HEAD" && config.bodyType !== "none";
  const body: TypedValue = hasBody ? compile(config.body ?? "payload", config.bodyType || "msg", "body") : () => undefined;

  const make = ([pathValue, bodyValue, ...headerValues]: readonly unknown[]): RequestItem => {
    const whole = completePath(pathValue, host, version);
    const given: Record<string, string> = { ...fixed };
    headers.forEach(({ name }, index) => {
      const text = headerText(name, headerValues[index]);
      if (text !== undefined) given[name] = text;
    });
    if (/^\/services\/Soap\//i.test(whole)) given["soapaction"] ??= '""';
    return { method, path: whole, headers: given, body: toBody(bodyValue, whole, given["content-type"]) };
  };
  return (msg) => whenAllReady([path(msg), body(msg), ...headers.map(({ value }) => value(msg))], make);
}

function engagementHeaders({ host, businessUnitId }: RequestDef): Record<string, string> {
  if (host !== "account-engagement") return {};
  const id = textIn(businessUnitId);
  if (!/^0Uv\w{12}(\w{3})?$/.test(id)) throw new ConnectorError("NOT_CONFIGURED", "Account Engagement needs the id of a business unit (0Uv…)");
  return { "pardot-business-unit-id": id };
}

function checkHeader(name: string): void {
  if (!TOKEN.test(name) || RESERVED.has(name.toLowerCase())) throw new ConnectorError("NOT_CONFIGURED", `The header ${name} cannot be given`);
}

/** Returns a header's value as text. `undefined`, for which the header is left out, if there is no value. */
function headerText(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const text = typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
  if (text === undefined || /[^\t\x20-\x7e\x80-\xff]/.test(text)) throw new ConnectorError("INPUT_INVALID", `The header ${name} cannot have this value`);
  return text;
}

/** Returns a function that makes the upload for a message. @throws ConnectorError `NOT_CONFIGURED` without a dataset */
export function compileUpload(config: RequestDef, compile: Compile): (msg: object) => Upload | Promise<Upload> {
  const dataset = textIn(config.dataset);
  if (!dataset) throw new ConnectorError("NOT_CONFIGURED", "The node has no dataset to load");
  const body = compile(config.body ?? "payload", config.bodyType || "msg", "body");
  const metadata: TypedValue = config.datasetMetadata ? compile(config.datasetMetadata, config.datasetMetadataType || "json", "metadata") : () => undefined;
  const make = ([data, format]: readonly unknown[]): Upload => {
    if (format !== undefined && (typeof format !== "object" || format === null)) throw new ConnectorError("INPUT_INVALID", "The metadata is no object");
    const base = { dataset, label: textIn(config.datasetLabel) || undefined, operation: config.datasetOperation || ("Overwrite" as const) };
    return { ...base, csv: toCsv(data as CsvRows), ...(format ? { metadata: format } : {}) };
  };
  return (msg) => whenAllReady([body(msg), metadata(msg)], make);
}
