import { ConnectorError, unstopped } from "../../../common/errors";
import { type ApiError, apiErrors, callError, recordError, toApiError } from "../errors";
import { shownError } from "../failure";
import { type HttpAnswer, isOfType } from "../http/transport";

/** Characters of a refused call's answer that its error keeps. */
const KEPT_BODY = 4096;
/** Parts of a composite answer that its error keeps. */
const KEPT_PARTS = 50;

const LOCKED = "UNABLE_TO_LOCK_ROW";
/** Codes of Account Engagement for too many calls at once, and for too many today. */
const ENGAGEMENT_LIMITS = new Set(["66", "122"]);
/** Answers that are about the instance or its edge, not about what was asked. */
const AWAY = new Set([408, 420, 429, 502, 503, 504]);

/**
 * What a refused call means when the message itself says what is called: a path that is not there, an Apex class that throws, are this
 * message's fault, and must not hold up the others.
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
  // 401 that a new token does not mend, and limits: about the app and the org.
  if (status === 401 || general.code === "ORG_LIMIT") return new ConnectorError(general.code, text, { details });
  const { code, scope, retryable } = recordError(errors);
  // An Apex exception may be a lock as well as a mistake: the steps of the source find out.
  return new ConnectorError(code, text, { scope, retryable: retryable || first.code === "APEX_ERROR", details });
}

/** Whether an Apex class has answered by a status and words of its own, whatever the status means where the org itself gives it. */
export function isApexAnswer(path: string, answer: HttpAnswer): boolean {
  return /\/services\/apexrest\//i.test(path) && answer.status >= 400 && parse(answer.body) !== undefined && apiErrors(answer).length === 0;
}

/** What such an answer means: it is about what was asked, and must hold up nobody else. A 5xx may pass. */
export function apexError({ status, body }: HttpAnswer): ConnectorError {
  const text = `The Apex class answered HTTP ${status}; msg.salesforce.body has what it said`;
  return new ConnectorError("ORG_REFUSED", text, { retryable: status >= 500 || status === 408 || status === 429, details: { status, body: body.slice(0, KEPT_BODY) } });
}

/** Whether a call or a part of it failed because somebody else had the record: nothing was written. */
export function isLocked({ retryable, details }: ConnectorError): boolean {
  return retryable && (details.errorCode === LOCKED || details.statusCode === LOCKED);
}

/** A redirect is never followed: it would take the token to another address. */
export function redirectError({ status, headers }: HttpAnswer): ConnectorError {
  const text = `The path answered with a redirect to ${placeOf(headers.location)} (HTTP ${status}), which is not followed`;
  return new ConnectorError("ORG_REFUSED", text, { details: { status } });
}

/** An external id in the path that several records have: the org has changed none of them, and gives their addresses. */
export function severalError({ status, body }: HttpAnswer): ConnectorError {
  return new ConnectorError("ORG_REFUSED", `Several records have the external id of the path, and none was changed (HTTP ${status})`, { details: { status, body: body.slice(0, KEPT_BODY) } });
}

/** A field of a record by its id, or a file: what it holds may be a page. */
const MAY_BE_PAGE = /\/sobjects\/\w+\/[a-z\d]{15}(?:[a-z\d]{3})?\/\w|\/files\/\w+\/(?:content|rendition)/i;

/** Whether an answer is a page of a proxy or of the org's edge: the API itself answers no call with one. */
export function isPage(path: string, { headers }: HttpAnswer): boolean {
  return isOfType(headers["content-type"], "text/html") && (!path.startsWith("/services/") || path.startsWith("/services/data/")) && !MAY_BE_PAGE.test(path);
}

/** Without its query, which may open a session. */
function placeOf(location = ""): string {
  return location.split(/[?#]/)[0] || "another address";
}

/** The errors of an answer in any of the forms: REST, Account Engagement (`{ code, message }`), an action's results, a SOAP fault. */
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
  /** It has failed, but not all of it: records of a list that were stored. */
  partly?: boolean;
  errors: ApiError[];
}

/** Why a `/composite…` answer of 200 is a failure: parts of it failed. Undefined when all went well, or the answer is of another kind. */
export function partError(path: string, body: unknown, safeToRepeat: boolean): ConnectorError | undefined {
  return /(?:^|\/)composite(?:[/?]|$)/.test(path) ? errorOfParts(partsOf(body), safeToRepeat) : undefined;
}

/** Why an action failed for some of its inputs while others are done: the org refuses the call as a whole. Undefined when none is done, or the answer is of another kind. */
export function actionError({ status, body }: HttpAnswer, safeToRepeat: boolean): ConnectorError | undefined {
  const results = parse(body);
  const isDone = (one: { isSuccess?: unknown } | null): boolean => one?.isSuccess === true;
  return Array.isArray(results) && results.some(isDone) ? errorOfParts(results.map(savePart), safeToRepeat, { status }) : undefined;
}

function errorOfParts(parts: Part[], safeToRepeat: boolean, more: object = {}): ConnectorError | undefined {
  const failed = parts.filter((part) => part.failed);
  if (failed.length === 0) return undefined;
  // The part that failed by itself is the reason; the others only say that they were halted.
  const causes = failed.flatMap(({ errors }) => errors).filter(({ code }) => code !== "PROCESSING_HALTED" && code !== "BATCH_PROCESSING_HALTED");
  const reason = recordError(causes.length > 0 ? causes : failed.flatMap(({ errors }) => errors));
  // a list that was rolled back with the others may still tell of records that were stored
  const isRolledBack = failed.some(({ errors }) => errors.some(({ code, message }) => code === "PROCESSING_HALTED" && /rolled back/i.test(message)));
  const someDone = failed.length < parts.length || (!isRolledBack && failed.some(({ partly }) => partly));
  const kept = failed.slice(0, KEPT_PARTS).map(({ name, status, errors }) => ({ part: name, status, errors: errors.map(shownError) }));
  const details = { ...more, ...reason.details, failed: failed.length, of: parts.length, parts: kept };
  const text = `${failed.length} of ${parts.length} parts failed: ${reason.message}`;
  // What some parts have done, a repeat would do again.
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

/** A record's SaveResult, an action's result, or an error item. */
function savePart(value: unknown, index: number): Part {
  const { isSuccess, success = isSuccess, errors } = (value ?? {}) as { isSuccess?: unknown; success?: unknown; errors?: unknown };
  const own = toApiError(value);
  return { name: String(index), failed: success === false, errors: own ? [own] : listOf(errors) };
}
