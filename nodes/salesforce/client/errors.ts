import { ConnectorError, type ErrorCode, type ErrorScope, unstopped } from "../../common/errors";
import { hostOf } from "./http/host-of";
import { isSoapFault, soapFault } from "./soap/soap-fault";
import { type HttpAnswer, NetworkError } from "./http/transport";

/** One error of the org, as a REST body or a SaveResult carries it. */
export interface ApiError {
  /** `errorCode` of a REST body, `statusCode` inside a SaveResult. */
  code: string;
  message: string;
  fields: string[];
  /** Ids of the records that a duplicate rule has found. */
  duplicates?: string[];
}

/** The parts of an answer from which its errors are read. */
export type FailedAnswer = Pick<HttpAnswer, "status" | "headers" | "body">;

interface Verdict {
  code: ErrorCode;
  scope?: ErrorScope;
  retryable?: boolean;
  /** ms to wait before anything is sent again; absent: the org's usual back-off. */
  retryAfter?: number;
}

const MINUTE = 60_000;
const busy: Verdict = { code: "ORG_BUSY" };
const unavailable: Verdict = { code: "ORG_UNAVAILABLE" };
/** The org takes no call of this user, or of any user, until somebody fixes that. */
const shutOut: Verdict = { code: "ORG_LOGIN_FAILED", retryAfter: 5 * MINUTE };
/** The org has moved to another instance than the one that was called. */
const MOVED = "ORG_NOT_OWNED_BY_INSTANCE";

/** What errors of a record or a call mean, by their Salesforce code, whatever the HTTP status. A code that is not here means that the org refuses the record. */
const BY_API_CODE: Record<string, Verdict> = {
  UNABLE_TO_LOCK_ROW: busy,
  QUERY_TIMEOUT: busy,
  REQUEST_RUNNING_TOO_LONG: busy,
  SERVER_UNAVAILABLE: unavailable,
  API_CURRENTLY_DISABLED: unavailable,
  INVALID_SESSION_ID: { code: "ORG_SESSION_INVALID" },
  INVALID_AUTH_HEADER: { code: "ORG_SESSION_INVALID" },
  REQUEST_LIMIT_EXCEEDED: { code: "ORG_LIMIT", retryAfter: 10 * MINUTE },
  STORAGE_LIMIT_EXCEEDED: { code: "ORG_LIMIT", retryAfter: 10 * MINUTE },
  SINGLE_EMAIL_LIMIT_EXCEEDED: { code: "ORG_LIMIT", retryAfter: 10 * MINUTE },
  API_DISABLED_FOR_ORG: shutOut,
  INVALID_OPERATION_WITH_EXPIRED_PASSWORD: shutOut,
  CLIENT_NOT_ACCESSIBLE_FOR_USER: shutOut,
  CLIENT_REQUIRE_UPDATE_FOR_USER: shutOut,
  ORG_LOCKED: shutOut,
  TRIAL_EXPIRED: shutOut,
  ORG_IN_MAINTENANCE: unavailable,
  [MOVED]: unavailable,
  INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE: unavailable,
  FUNCTIONALITY_TEMPORARILY_UNAVAILABLE: unavailable,
  // what the org says of a record that makes an Apex trigger fail unexpectedly; other records may pass
  UNKNOWN_EXCEPTION: busy,
};

/** Codes of calls that fail because the org has no such object, external id field or API version, so that every message would fail. */
const MISSING_IN_ORG = new Set(["NOT_FOUND", "INVALID_TYPE", "UNSUPPORTED_API_VERSION", "GONE"]);

/** Parses the errors of an answer; `[]` when the body is not from the org (HTML of a proxy, or empty). */
export function apiErrors(answer: FailedAnswer): ApiError[] {
  const fault = soapFault(answer);
  if (fault) return [fault];
  let body: unknown;
  try {
    body = JSON.parse(answer.body);
  } catch {
    return [];
  }
  return (Array.isArray(body) ? body : [body]).flatMap((one) => toApiError(one) ?? []);
}

/** Reads one error object of a REST body or a SaveResult; `undefined` when it is none. */
export function toApiError(value: unknown): ApiError | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { errorCode, statusCode, message, fields } = value as Record<string, unknown>;
  const code = errorCode ?? statusCode;
  if (typeof code !== "string") return undefined;
  const duplicates = duplicatesIn(value);
  return {
    code,
    message: typeof message === "string" ? message : "",
    fields: Array.isArray(fields) ? fields.map(String) : [],
    ...(duplicates.length > 0 ? { duplicates } : {}),
  };
}

/** Ids of the duplicates that an error names. The org has been seen to spell the property both ways. */
function duplicatesIn(value: object): string[] {
  const { duplicateResult, duplicateResut = duplicateResult } = value as Record<string, unknown>;
  const { matchResults } = (duplicateResut ?? {}) as { matchResults?: { matchRecords?: { record?: { Id?: unknown } }[] }[] };
  if (!Array.isArray(matchResults)) return [];
  return matchResults.flatMap(({ matchRecords }) => (Array.isArray(matchRecords) ? matchRecords.flatMap(({ record }) => (record?.Id ? String(record.Id as string) : [])) : []));
}

/** The codes for an expired session, of the REST API and of Account Engagement, in answers with another status than 401. */
const SESSION_OVER = /"errorCode"\s*:\s*"INVALID_SESSION_ID"|"code"\s*:\s*184\b/;

/** Whether an answer says that the session has expired, so that a new token helps. Some answers with 401 are about the app or the user, and do not count. */
export function isSessionExpired(answer: FailedAnswer): boolean {
  // the SOAP API says it by a fault, with status 500
  if (answer.status === 500 && /<faultcode>[^<]*INVALID_SESSION_ID</.test(answer.body)) return true;
  // the identity service, which is not part of the API, says it so
  if (answer.status === 403 && /^\s*Bad_OAuth_Token\b/.test(answer.body)) return true;
  const saysSo = answer.status === 401 || ((answer.status === 400 || answer.status === 403) && SESSION_OVER.test(answer.body));
  return saysSo && !/Connected app is not attached|not valid for use with the REST API|INVALID_OPERATION_WITH_EXPIRED_PASSWORD/i.test(answer.body);
}

/** The error when no answer came. */
export function networkError(error: unknown): ConnectorError {
  if (!(error instanceof NetworkError)) return new ConnectorError("ORG_UNAVAILABLE", `The org cannot be reached: ${String(error)}`, { cause: error });
  if (error.code === "ANSWER_TOO_LARGE") return new ConnectorError("PAYLOAD_TOO_LARGE", error.message, { cause: error });
  return new ConnectorError("ORG_UNAVAILABLE", `The org cannot be reached: ${error.message}`, {
    cause: error,
    details: { network: error.code, outcomeUnknown: error.sent },
  });
}

/** The error for an answer with an error status, which concerns the whole call. */
export function callError(answer: FailedAnswer): ConnectorError {
  const errors = apiErrors(answer);
  const first = errors[0];
  const { code, scope, retryable, retryAfter } = callVerdict(answer, first);
  const wait = retryAfterHeader(answer) ?? retryAfter;
  return new ConnectorError(code, callText(answer, errors), {
    scope,
    retryable,
    details: {
      status: answer.status,
      errorCode: first?.code,
      errors,
      // when a gateway loses the instance (502, 504) or the instance fails (500), the call may have been carried out; with 503 and limits it was not
      ...([500, 502, 504].includes(statusOf(answer, first)) ? { outcomeUnknown: true } : {}),
      ...(wait === undefined ? {} : { retryAfter: wait }),
    },
  });
}

/** The error for an answer with a good status that is not from the API: a page of a proxy or of the org's edge, or a redirect to one. */
export function foreignAnswer(answer: FailedAnswer): ConnectorError {
  const { status, headers, body } = answer;
  const type = headers["content-type"]?.split(";")[0] ?? "no content type";
  const text = status >= 300 ? callText(answer, []) : `The org's address answered HTTP ${status} with something else than an answer of the API (${/<html/i.test(body) ? "a web page" : type})`;
  // a call that was redirected was not carried out
  return new ConnectorError("ORG_UNAVAILABLE", text, { details: { status, ...(status < 300 ? { outcomeUnknown: true } : {}) } });
}

/** Whether an error may mean that the org has moved to another host: the session's host redirects, does not have the org, or is gone from the DNS. */
export function mayHaveMoved({ code, details }: ConnectorError): boolean {
  const { status = 0, network, errorCode } = details as { status?: number; network?: string; errorCode?: string };
  return code === "ORG_UNAVAILABLE" && (network === "ENOTFOUND" || errorCode === MOVED || isRedirect(status) || ((status === 404 || status === 420) && errorCode === undefined));
}

/** Whether an HTTP status is a redirect. */
export function isRedirect(status: number): boolean {
  return status >= 301 && status <= 308 && status !== 304;
}

/** The status as REST would give it. The SOAP API answers 500 to everything it refuses, which in REST is 400; only an unexpected error is a 500 there, too. */
function statusOf(answer: FailedAnswer, error: ApiError | undefined): number {
  return error && error.code !== "UNKNOWN_EXCEPTION" && isSoapFault(answer) ? 400 : answer.status;
}

function callVerdict(answer: FailedAnswer, error: ApiError | undefined): Verdict {
  const status = statusOf(answer, error);
  if (status >= 500 || status === 408 || status === 420 || status === 429) return unavailable;
  if (error?.code === "REQUEST_LIMIT_EXCEEDED" && /concurrent/i.test(error.message)) return { code: "ORG_LIMIT" };
  const known = error && verdictOf(error);
  if (known) return known;
  if (status === 401) return { code: "ORG_LOGIN_FAILED", retryAfter: 5 * MINUTE };
  if (status === 413 || status === 414 || status === 431) return { code: "PAYLOAD_TOO_LARGE" }; // from the org or a proxy on the way
  if (isRedirect(status) || !error) return unavailable; // not from the org, but from a proxy or a host that the org has left
  if (status === 410 || MISSING_IN_ORG.has(error.code)) return { code: "ORG_OBJECT_UNKNOWN" };
  return { code: "ORG_REFUSED" };
}

/** What an error means, by its code. When a trigger or flow meets a lock, the code is another, but the text names the lock. */
function verdictOf({ code, message }: ApiError): Verdict | undefined {
  return BY_API_CODE[code] ?? (message.includes("UNABLE_TO_LOCK_ROW") ? busy : undefined);
}

/**
 * When the org does not know a type that is not the object of the call, the type is in one of the call's records. The error is then about that record, and
 * must not hold up all others, as an unknown object would.
 */
export function unlessOfRecord(error: ConnectorError, object: string): ConnectorError {
  const type = error.code === "ORG_OBJECT_UNKNOWN" && error.details.errorCode === "INVALID_TYPE" ? /sObject type '([^']+)'/i.exec(error.message)?.[1] : undefined;
  if (type === undefined || type.toLowerCase() === object.toLowerCase()) return error;
  return new ConnectorError("ORG_REFUSED", error.message, { details: error.details, cause: error });
}

/** The error for one record of a Collections call. */
export function recordError(errors: ApiError[]): ConnectorError {
  const first = errors[0];
  const verdicts = errors.map(verdictOf);
  // another try helps only if none of the errors is a refusal
  const verdict: Verdict = verdicts.every((one) => one !== undefined) && verdicts[0] ? verdicts[0] : { code: "ORG_REFUSED" };
  return new ConnectorError(verdict.code, first ? errors.map(errorLine).join("; ") : "The org refused the record without saying why", {
    details: {
      statusCode: first?.code,
      fields: [...new Set(errors.flatMap((error) => error.fields))],
      errors,
      ...(first?.duplicates ? { duplicates: first.duplicates } : {}),
      ...(verdict.retryAfter === undefined ? {} : { retryAfter: verdict.retryAfter }),
    },
  });
}

/** One error as text: `REQUIRED_FIELD_MISSING: Required fields are missing: [LastName]`. */
function errorLine(error: ApiError): string {
  const text = unstopped(error.message);
  const unnamed = error.fields.filter((field) => !text.includes(field));
  return `${error.code}: ${text || "no text"}${unnamed.length ? ` (${unnamed.join(", ")})` : ""}`;
}

function callText(answer: FailedAnswer, errors: ApiError[]): string {
  if (errors.length) return `${errors.map(errorLine).join("; ")} (HTTP ${answer.status})`;
  if (answer.headers.location) return `The org's address answered with a redirect to ${hostOf(answer.headers.location)} (HTTP ${answer.status}); check the login URL`;
  return `The org's address answered HTTP ${answer.status} without an error the API would give${/<html/i.test(answer.body) ? " (a web page)" : ""}`;
}

/** `Retry-After` in ms, at most an hour. Reads only the form in seconds, which the platform's edge uses. */
function retryAfterHeader(answer: FailedAnswer): number | undefined {
  const seconds = Number(answer.headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 3600) * 1000 : undefined;
}
