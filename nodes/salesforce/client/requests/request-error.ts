import { ConnectorError, unstopped } from "../../../common/errors";
import { isPlain } from "../../../common/is-plain";
import { type ApiError, apiErrors, callError, recordError, toApiError } from "../errors";
import { shownError } from "../failure";
import { type HttpAnswer, isOfType } from "../http/transport";
import { errorsOfResult, listOf as elementsOf, readResponse, type SoapResult } from "../soap/soap-xml";

/** The most characters of a refused call's answer that its error contains. */
const KEPT_BODY = 4096;
/** The most failed parts of a composite answer that its error contains. */
const KEPT_PARTS = 50;

const LOCKED = "UNABLE_TO_LOCK_ROW";
/** Codes of Account Engagement for too many calls at the same time, and for too many in a day. */
const ENGAGEMENT_LIMITS = new Set(["66", "122"]);
/** HTTP statuses that concern the instance or its edge, not the call. */
const AWAY = new Set([408, 420, 429, 502, 503, 504]);

/**
 * Returns the error of a refused call whose path comes from the message. A path that does not exist, or an Apex class that throws, concerns only this message, and must
 * not hold up others.
 */
export function requestError(answer: HttpAnswer): ConnectorError {
  const { status, body } = answer;
  const errors = errorsOf(answer);
  const [first] = errors;
  const general = callError(answer);
  const details = { ...general.details, errorCode: first?.code, errors, body: body.slice(0, KEPT_BODY) };
  if (AWAY.has(status) || (status >= 500 && !first)) return new ConnectorError(general.code, general.message, { details });
  if (!first) return general.scope === "message" ? general : new ConnectorError("ORG_REFUSED", general.message, { details });
  const text = `${errors.map(({ code, message }) => `${code}: ${unstopped(message)}`).join("; ")} (HTTP ${status})`;
  if (ENGAGEMENT_LIMITS.has(first.code)) return new ConnectorError("ORG_LIMIT", text, { details });
  // A 401 even with a new token, and limits, concern the app and the org.
  if (status === 401 || general.code === "ORG_LIMIT") return new ConnectorError(general.code, text, { details });
  const { code, scope, retryable, details: { retryAfter } } = recordError(errors);
  // An Apex exception may be a lock or a mistake. If it is a lock, one of the source's further tries succeeds.
  return new ConnectorError(code, text, { scope, retryable: retryable || first.code === "APEX_ERROR", details: { retryAfter, ...details } });
}

/** Whether an error status comes from an Apex REST class with a JSON body of its own. Such a status does not mean what it means when the org itself sends it. */
export function isApexAnswer(path: string, answer: HttpAnswer): boolean {
  return /\/services\/apexrest\//i.test(path) && answer.status >= 400 && parse(answer.body) !== undefined && apiErrors(answer).length === 0;
}

/** Returns the error for such an answer. It concerns only this message, and must not hold up others. After 408, 429 and 5xx the message may be tried again. */
export function apexError({ status, body }: HttpAnswer): ConnectorError {
  const text = `The Apex class answered HTTP ${status}; msg.salesforce.body has what it said`;
  return new ConnectorError("ORG_REFUSED", text, { retryable: status >= 500 || status === 408 || status === 429, details: { status, body: body.slice(0, KEPT_BODY) } });
}

/** Whether a call or a part of it failed because another user or job had locked the record. Nothing was written then. */
export function isLocked({ retryable, details }: ConnectorError): boolean {
  return retryable && (details.errorCode === LOCKED || details.statusCode === LOCKED);
}

/** Returns the error for a redirect. Redirects are never followed, since that would send the token to another address. */
export function redirectError({ status, headers }: HttpAnswer): ConnectorError {
  const text = `The path answered with a redirect to ${placeOf(headers.location)} (HTTP ${status}), which is not followed`;
  return new ConnectorError("ORG_REFUSED", text, { details: { status } });
}

/** Returns the error for an external id in the path that several records have. The org has changed none of them; the answer's body has their addresses. */
export function severalError({ status, body }: HttpAnswer): ConnectorError {
  return new ConnectorError("ORG_REFUSED", `Several records have the external id of the path, and none was changed (HTTP ${status})`, { details: { status, body: body.slice(0, KEPT_BODY) } });
}

/** Paths to a field of a record, or to a file. Their content may be an HTML page. */
const MAY_BE_PAGE = /\/sobjects\/\w+\/[a-z\d]{15}(?:[a-z\d]{3})?\/\w|\/files\/\w+\/(?:content|rendition)/i;

/** Whether an answer is an HTML page of a proxy or of the org's edge. The API itself never answers with a page, except for content. */
export function isPage(path: string, { headers }: HttpAnswer): boolean {
  return isOfType(headers["content-type"], "text/html") && (!path.startsWith("/services/") || path.startsWith("/services/data/")) && !MAY_BE_PAGE.test(path);
}

/** Returns the target of a redirect without its query, which may contain a session. */
function placeOf(location = ""): string {
  return location.split(/[?#]/)[0] || "another address";
}

/** Returns the errors of an answer in any of these forms: REST, Account Engagement (`{ code, message }`), the results of an action, a SOAP fault. */
function errorsOf(answer: HttpAnswer): ApiError[] {
  const rest = apiErrors(answer);
  if (rest.length > 0) return rest;
  const fault = /<faultcode>(?:\w+:)?([^<]+)<\/faultcode>\s*<faultstring>([^<]*)<\/faultstring>/.exec(answer.body);
  if (fault) return [{ code: fault[1] ?? "", message: (fault[2] ?? "").replace(`${fault[1]}: `, ""), fields: [] }];
  const body = parse(answer.body);
  if (Array.isArray(body)) return body.flatMap((item: { errors?: unknown } | null) => listOf(item?.errors));
  const { code, message } = (body ?? {}) as { code?: unknown; message?: unknown };
  return code === undefined || typeof message !== "string" ? [] : [{ code: String(code as string | number), message, fields: [] }];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function listOf(errors: unknown): ApiError[] {
  return (Array.isArray(errors) ? errors : []).flatMap((error) => toApiError(error) ?? []);
}

/** One part of a composite answer. */
interface Part {
  name: string;
  status?: number;
  failed: boolean;
  /** Whether only some records of the part failed, and others were stored. */
  partly?: boolean;
  errors: ApiError[];
}

/** The APIs that answer with status 200 whatever becomes of the parts of a call: composite, GraphQL, and SOAP with the WSDL of partners or an enterprise. */
const PARTED: [path: RegExp, parts: (body: unknown) => Part[]][] = [
  [/(?:^|\/)composite(?:[/?]|$)/, partsOf],
  [/(?:^|\/)graphql(?:[/?]|$)/, graphqlParts],
  [/^\/services\/Soap\/[uc]\//i, soapParts],
];

/** Returns the error for an answer with status 200 of which parts failed. `undefined` if none failed, or if it is an answer without parts. */
export function partError(path: string, body: unknown, safeToRepeat: boolean): ConnectorError | undefined {
  const read = PARTED.find(([pattern]) => pattern.test(path))?.[1];
  return read && errorOfParts(read(body), safeToRepeat);
}

/** Returns the error for an action that failed for some inputs but not for all: its call has an error status. `undefined` if it succeeded for none, or for other kinds of answers. */
export function actionError({ status, body }: HttpAnswer, safeToRepeat: boolean): ConnectorError | undefined {
  const results = parse(body);
  const isDone = (one: { isSuccess?: unknown } | null): boolean => one?.isSuccess === true;
  return Array.isArray(results) && results.some(isDone) ? errorOfParts(results.map(savePart), safeToRepeat, { status }) : undefined;
}

function errorOfParts(parts: Part[], safeToRepeat: boolean, more: object = {}): ConnectorError | undefined {
  const failed = parts.filter((part) => part.failed);
  if (failed.length === 0) return undefined;
  // The parts that failed by themselves give the reason; the others only say that they were halted.
  const causes = failed.flatMap(({ errors }) => errors).filter(({ code }) => code !== "PROCESSING_HALTED" && code !== "BATCH_PROCESSING_HALTED");
  const reason = recordError(causes.length > 0 ? causes : failed.flatMap(({ errors }) => errors));
  // a list that was rolled back with the others may still report some of its records as stored
  const isRolledBack = failed.some(({ errors }) => errors.some(({ code, message }) => code === "PROCESSING_HALTED" && /rolled back/i.test(message)));
  const someDone = failed.length < parts.length || (!isRolledBack && failed.some(({ partly }) => partly));
  const kept = failed.slice(0, KEPT_PARTS).map(({ name, status, errors }) => ({ part: name, status, errors: errors.map(shownError) }));
  const details = { ...more, ...reason.details, failed: failed.length, of: parts.length, parts: kept };
  const text = `${failed.length} of ${parts.length} parts failed: ${reason.message}`;
  // A repeat would do again what some parts have done.
  if (someDone && !safeToRepeat) return new ConnectorError("ORG_REFUSED", text, { details });
  return new ConnectorError(reason.code, text, { scope: reason.scope, retryable: reason.retryable, details });
}

function partsOf(body: unknown): Part[] {
  if (Array.isArray(body)) return body.map(savePart);
  const { compositeResponse, results, graphs } = (body ?? {}) as Record<string, unknown>;
  if (Array.isArray(compositeResponse)) return compositeResponse.map(compositePart);
  if (Array.isArray(graphs)) {
    type Graph = { graphResponse?: { compositeResponse?: unknown[] } };
    return graphs.flatMap((graph: Graph) => (graph.graphResponse?.compositeResponse ?? []).map(compositePart));
  }
  return Array.isArray(results) ? results.map(batchPart) : [];
}

/** The errors of a GraphQL answer, and a part for what was done in spite of them. */
function graphqlParts(body: unknown): Part[] {
  const { data, errors } = (body ?? {}) as { data?: unknown; errors?: unknown };
  const failed = (Array.isArray(errors) ? errors : []).map((value: { message?: unknown; paths?: unknown; extensions?: { ErrorType?: unknown } } | null): Part => {
    const { message = "", paths, extensions } = value ?? {};
    const error = { code: String(extensions?.ErrorType ?? "GRAPHQL"), message: String(message), fields: [] };
    return { name: Array.isArray(paths) ? paths.join(".") : "", failed: true, errors: [error] };
  });
  return holdsValue(data) ? [...failed, { name: "data", failed: false, errors: [] }] : failed;
}

function holdsValue(data: unknown): boolean {
  return typeof data === "object" && data !== null ? Object.values(data).some(holdsValue) : data !== undefined && data !== null;
}

/** The results in a SOAP answer; none where no result is a refusal, which most answers can be told by without being parsed. */
function soapParts(body: unknown): Part[] {
  const operation = typeof body === "string" && /success>\s*false\s*</.test(body) ? /<(?:[\w-]+:)?(\w+)Response[\s>]/.exec(body)?.[1] : undefined;
  if (operation === undefined) return [];
  const { result } = readResponse(body as string, operation);
  return elementsOf(result).flatMap((item, index) => (isPlain(item) ? { name: String(index), failed: item.success === "false", errors: errorsOfResult(item as Record<string, SoapResult>) } : []));
}

function compositePart(value: unknown, index: number): Part {
  const { referenceId, httpStatusCode, body } = value as { referenceId?: string; httpStatusCode?: number; body?: unknown };
  const part = { name: referenceId ?? String(index), status: httpStatusCode };
  const records = Array.isArray(body) ? body.map(savePart) : [];
  const errors = records.flatMap((record) => record.errors);
  const failed = (httpStatusCode ?? 0) >= 400;
  return { ...part, failed: failed || records.some((record) => record.failed), partly: !failed && records.some((record) => !record.failed), errors };
}

function batchPart(value: unknown, index: number): Part {
  const { statusCode, result, errors, referenceId } = value as { statusCode?: number; result?: unknown; errors?: unknown; referenceId?: string };
  const own = [...(Array.isArray(result) ? result.flatMap((error) => toApiError(error) ?? []) : []), ...listOf(errors)];
  return { name: referenceId ?? String(index), status: statusCode, failed: (statusCode ?? 0) >= 400 || listOf(errors).length > 0, errors: own };
}

/** Reads a record's SaveResult, the result of an action, or an error item. */
function savePart(value: unknown, index: number): Part {
  const { isSuccess, success = isSuccess, errors } = (value ?? {}) as { isSuccess?: unknown; success?: unknown; errors?: unknown };
  const own = toApiError(value);
  return { name: String(index), failed: success === false, errors: own ? [own] : listOf(errors) };
}
