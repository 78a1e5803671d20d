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

/** What is read of an answer to tell its errors. */
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
/** The org takes no call of this user, or of anybody, until somebody mends it. */
const shutOut: Verdict = { code: "ORG_LOGIN_FAILED", retryAfter: 5 * MINUTE };
/** The instance has not got the org any longer. */
const MOVED = "ORG_NOT_OWNED_BY_INSTANCE";

/** Errors of one record or one call by their Salesforce code, whatever the HTTP status. What is not here is a refusal of the record. */
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
  // A record that makes an Apex trigger fail unexpectedly says this of itself; others may pass.
  UNKNOWN_EXCEPTION: busy,
};

/** Whole calls that fail because the object, the external id field or the API version is not there: every message would. */
const MISSING_IN_ORG = new Set(["NOT_FOUND", "INVALID_TYPE", "UNSUPPORTED_API_VERSION", "GONE"]);

/** Parses the errors of an answer; `[]` when the body is not the org's (HTML of a proxy, nothing). */
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

/** One error object, of a REST body or a SaveResult. */
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

/** The org has been seen to spell the property both ways. */
function duplicatesIn(value: object): string[] {
  const { duplicateResult, duplicateResut = duplicateResult } = value as Record<string, unknown>;
  const { matchResults } = (duplicateResut ?? {}) as { matchResults?: { matchRecords?: { record?: { Id?: unknown } }[] }[] };
  if (!Array.isArray(matchResults)) return [];
  return matchResults.flatMap(({ matchRecords }) => (Array.isArray(matchRecords) ? matchRecords.flatMap(({ record }) => (record?.Id ? String(record.Id as string) : [])) : []));
}

/** Whether an answer says that the session is over, which a new token mends. Some 401 are about the app or the user and stay as they are. */
export function isSessionExpired(answer: FailedAnswer): boolean {
  // The SOAP API says it with a fault, and those are 500.
  if (answer.status === 500 && /<faultcode>[^<]*INVALID_SESSION_ID</.test(answer.body)) return true;
  // so the identity service, which is no part of the API, says it
  if (answer.status === 403 && /^\s*Bad_OAuth_Token\b/.test(answer.body)) return true;
  return answer.status === 401 && !/Connected app is not attached|not valid for use with the REST API|INVALID_OPERATION_WITH_EXPIRED_PASSWORD/i.test(answer.body);
}

/** Why no answer came. */
export function networkError(error: unknown): ConnectorError {
  if (!(error instanceof NetworkError)) return new ConnectorError("ORG_UNAVAILABLE", `The org cannot be reached: ${String(error)}`, { cause: error });
  if (error.code === "ANSWER_TOO_LARGE") return new ConnectorError("PAYLOAD_TOO_LARGE", error.message, { cause: error });
  return new ConnectorError("ORG_UNAVAILABLE", `The org cannot be reached: ${error.message}`, {
    cause: error,
    details: { network: error.code, outcomeUnknown: error.sent },
  });
}

/** What an answer with an error status means for all that was in the call. */
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
      // A gateway that lost the instance (502, 504) or an instance that failed (500) may have acted all the same; 503 and limits turn away at the door.
      ...([500, 502, 504].includes(statusOf(answer, first)) ? { outcomeUnknown: true } : {}),
      ...(wait === undefined ? {} : { retryAfter: wait }),
    },
  });
}

/** What a good status means on an answer that is none of the API: a page of a proxy or of the org's edge, or a redirect to one. */
export function foreignAnswer(answer: FailedAnswer): ConnectorError {
  const { status, headers, body } = answer;
  const type = headers["content-type"]?.split(";")[0] ?? "no content type";
  const text = status >= 300 ? callText(answer, []) : `The org's address answered HTTP ${status} with something else than an answer of the API (${/<html/i.test(body) ? "a web page" : type})`;
  // a redirect turns away at the door
  return new ConnectorError("ORG_UNAVAILABLE", text, { details: { status, ...(status < 300 ? { outcomeUnknown: true } : {}) } });
}

/** Whether the host of the session may not be the org's any longer: it redirects, has no org, or is gone from the DNS. */
export function mayHaveMoved({ code, details }: ConnectorError): boolean {
  const { status = 0, network, errorCode } = details as { status?: number; network?: string; errorCode?: string };
  return code === "ORG_UNAVAILABLE" && (network === "ENOTFOUND" || errorCode === MOVED || isRedirect(status) || ((status === 404 || status === 420) && errorCode === undefined));
}

/** Whether a status sends elsewhere. */
export function isRedirect(status: number): boolean {
  return status >= 301 && status <= 308 && status !== 304;
}

/** The SOAP API answers 500 to all it refuses; only an unexpected error is one as in REST. */
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
  if (status === 413 || status === 414 || status === 431) return { code: "PAYLOAD_TOO_LARGE" }; // a proxy on the way may say so, too
  if (isRedirect(status) || !error) return unavailable; // not the org's own words: a proxy, a moved host
  if (status === 410 || MISSING_IN_ORG.has(error.code)) return { code: "ORG_OBJECT_UNKNOWN" };
  return { code: "ORG_REFUSED" };
}

/** A trigger or flow that meets a lock says so in its text, under a code of its own. */
function verdictOf({ code, message }: ApiError): Verdict | undefined {
  return BY_API_CODE[code] ?? (message.includes("UNABLE_TO_LOCK_ROW") ? busy : undefined);
}

/**
 * A type that the org does not know, but not the object that a call is for, stands in a record of the call: that is the record's matter, and
 * must not hold up all others.
 */
export function unlessOfRecord(error: ConnectorError, object: string): ConnectorError {
  const type = error.code === "ORG_OBJECT_UNKNOWN" && error.details.errorCode === "INVALID_TYPE" ? /sObject type '([^']+)'/i.exec(error.message)?.[1] : undefined;
  if (type === undefined || type.toLowerCase() === object.toLowerCase()) return error;
  return new ConnectorError("ORG_REFUSED", error.message, { details: error.details, cause: error });
}

/** What the errors of one record of a Collections call mean for that record. */
export function recordError(errors: ApiError[]): ConnectorError {
  const first = errors[0];
  const verdicts = errors.map(verdictOf);
  // Retrying helps only if none of the errors is a refusal.
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

/** `REQUIRED_FIELD_MISSING: Required fields are missing: [LastName]` */
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

/** `Retry-After` in ms; only the form in seconds is used by the platform's edge. At most an hour. */
function retryAfterHeader(answer: FailedAnswer): number | undefined {
  const seconds = Number(answer.headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 3600) * 1000 : undefined;
}
