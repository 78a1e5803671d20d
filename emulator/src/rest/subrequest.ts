import { ApiError } from "../api-error";
import type { Request } from "../http";
import { refuseUnknown } from "./json-body";

/** A request inside a composite, a batch or a graph. */
export interface Subrequest {
  method: string;
  /** Path from `/services/data/…` on, with the query. References are not replaced yet. */
  path: string;
  /** The path after the version, for example `sobjects/Case/500…`. */
  resource: string;
  body: unknown;
  headers: Record<string, string>;
  /** Empty in a batch, which has no reference ids. */
  referenceId: string;
  /** The reference ids that it refers to. */
  references: string[];
}

/** Bodies of answers by reference id; `undefined` for a sub-request that has failed. */
export type Results = Map<string, unknown>;

const METHODS = new Set(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"]);
/** The headers that a sub-request inherits from the outer request. */
const INHERITED = new Set(["accept", "authorization", "content-type"]);
/** Salesforce's own headers, spelled as in the documentation, for example `Sforce-Auto-Assign`. */
const DOCUMENTED = /^Sforce(?:-[A-Z][a-z]+)+$/;
const REFERENCE = /@\{(\w+)((?:\.\w+|\[\d+\])*)\}/g;
const PATH_IN_ORG = /^\/services\/data\/v\d{2,3}\.0\/(.+)$/s;

/** Reads the list of sub-requests. Their form is checked before the first one is carried out. */
export function readSubrequests(value: unknown, property: "compositeRequest" | "batchRequests", version: number): Subrequest[] {
  if (!Array.isArray(value) || value.length === 0) throw new ApiError("JSON_PARSER_ERROR", `The ${property} parameter is required`);
  const isBatch = property === "batchRequests";
  const seen = new Set<string>();
  return value.map((item: unknown) => {
    const request = isBatch ? readBatchItem(item) : readItem(item, version);
    if (isBatch) return request;
    if (seen.has(request.referenceId)) throw new ApiError("JSON_PARSER_ERROR", `Each referenceId must be unique: ${request.referenceId}`);
    seen.add(request.referenceId);
    return request;
  });
}

function readItem(item: unknown, version: number): Subrequest {
  const { method, url, body, httpHeaders = {}, referenceId } = fieldsOf(item, ["method", "url", "body", "httpHeaders", "referenceId"]);
  if (typeof referenceId !== "string" || referenceId === "") throw new ApiError("JSON_PARSER_ERROR", "Each subrequest must have a referenceId");
  // Up to v53, other ids were accepted, too, but could not be referred to.
  if (version >= 54 && !/^[A-Za-z0-9]\w*$/.test(referenceId)) {
    const rule = "must start with a letter or a number, and it can contain only letters, numbers and underscores ('_').";
    throw new ApiError("JSON_PARSER_ERROR", `Provided referenceId ('${referenceId}') ${rule}`);
  }
  const headers = readHeaders(httpHeaders);
  const path = String(url ?? "");
  const references = [...`${path}${JSON.stringify(body) ?? ""}`.matchAll(REFERENCE)].map(([, name]) => name!);
  return { ...readTarget(method, path), body, headers, referenceId, references };
}

function readBatchItem(item: unknown): Subrequest {
  const known = ["method", "url", "richInput", "binaryPartName", "binaryPartNameAlias"];
  const { method, url, richInput } = fieldsOf(item, known);
  const text = String(url ?? "");
  const path = /^\/?v\d/.test(text) ? `/services/data/${text.replace(/^\//, "")}` : text;
  return { ...readTarget(method, path), body: richInput, headers: {}, referenceId: "", references: [] };
}

function readTarget(method: unknown, path: string): Pick<Subrequest, "method" | "path" | "resource"> {
  const verb = typeof method === "string" ? method.toUpperCase() : "";
  if (!METHODS.has(verb)) throw new ApiError("JSON_PARSER_ERROR", `Invalid method in a subrequest: ${String(method)}`);
  const resource = PATH_IN_ORG.exec(path)?.[1];
  if (resource === undefined) throw new ApiError("JSON_PARSER_ERROR", `Invalid url in a subrequest: ${path}`);
  return { method: verb, path, resource };
}

function readHeaders(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ApiError("JSON_PARSER_ERROR", "httpHeaders must be an object");
  const headers: Record<string, string> = {};
  for (const [name, text] of Object.entries(value)) {
    const key = name.toLowerCase();
    if (INHERITED.has(key)) throw new ApiError("INVALID_INPUT", `The header ${name} cannot be given in a subrequest`);
    if (!DOCUMENTED.test(name) && key.startsWith("sforce-")) continue; // headers are properties of an object here, and nowhere is it documented that another spelling works
    headers[key] = String(text);
  }
  return headers;
}

function fieldsOf(item: unknown, known: string[]): Record<string, unknown> {
  if (typeof item !== "object" || item === null) throw new ApiError("JSON_PARSER_ERROR", "Each subrequest must be an object");
  refuseUnknown(item, known);
  return item as Record<string, unknown>;
}

/** Returns the sub-request with all references (`@{…}`) in its path and body replaced. @throws ApiError `PROCESSING_HALTED` when a reference has no value */
export function resolve(request: Subrequest, results: Results): Subrequest {
  if (request.references.length === 0) return request;
  const path = request.path.replace(REFERENCE, (_all, name: string, steps: string) => encodeURIComponent(String(valueOf(name, steps, results))));
  return { ...request, path, body: resolveBody(request.body, results) };
}

function resolveBody(value: unknown, results: Results): unknown {
  if (typeof value === "string") {
    const whole = new RegExp(`^${REFERENCE.source}$`).exec(value);
    if (whole) return valueOf(whole[1]!, whole[2]!, results);
    return value.replace(REFERENCE, (_all, name: string, steps: string) => String(valueOf(name, steps, results)));
  }
  if (Array.isArray(value)) return value.map((item) => resolveBody(item, results));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolveBody(item, results)]));
}

function valueOf(name: string, steps: string, results: Results): unknown {
  let value = results.get(name);
  for (const [, key, index] of steps.matchAll(/\.(\w+)|\[(\d+)\]/g)) {
    const step = key ?? Number(index);
    const isReachable = typeof value === "object" && value !== null && Object.hasOwn(value, step);
    value = isReachable ? (value as Record<string | number, unknown>)[step] : undefined;
  }
  if (value === undefined || value === null || typeof value === "object") {
    throw new ApiError("PROCESSING_HALTED", `Invalid reference specified. No value for ${name}${steps} found in ${name}`);
  }
  return value;
}

/** Returns the sub-request as a request for the handlers of the REST API. */
export function innerRequest(outer: Request, { method, path, body, headers }: Subrequest): Request {
  const [bare = "", search = ""] = path.split(/\?(.*)/s);
  const inherited = Object.fromEntries(Object.entries(outer.headers).filter(([name]) => INHERITED.has(name)));
  return {
    method,
    path: bare,
    query: new URLSearchParams(search),
    headers: { ...inherited, ...headers },
    body: body === undefined || body === null ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body)),
    origin: outer.origin,
  };
}
