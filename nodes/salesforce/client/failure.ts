import { type ConnectorError, isConnectorError } from "../../common/errors";
import type { ApiError } from "./errors";

/** One error of the org, in the words of the API. */
export interface ShownError {
  statusCode: string;
  message: string;
  /** API names of the fields it is about. */
  fields: string[];
}

/** `msg.salesforce` of a message that failed: a Catch node passes on of an error only its code and its text. */
export interface Failure {
  success: false;
  errors: ShownError[];
  /** HTTP status, where a call was refused as a whole. */
  statusCode?: number;
  /** The start of the answer to a request, as text. */
  body?: string;
  /** The parts of a composite that failed. */
  parts?: unknown[];
  /** What became of each record of a list, or row of a load. */
  results?: unknown[];
  /** Ids of records that a duplicate rule has found. */
  duplicates?: string[];
  /** The case that is stored, when its comment or file is not. */
  caseId?: string;
  jobId?: string;
}

/** What of an error's details is told as it is: the above, and a load's counts. */
const TOLD = ["body", "parts", "results", "duplicates", "caseId", "jobId", "jobs", "operation", "object", "rows", "processed", "failed", "unprocessed"] as const;

/** What a message that failed says of it; undefined for errors of the flow, which know nothing of it. */
export function failureOf(error: unknown): Failure | undefined {
  if (!isConnectorError(error) || error.code === "FLOW_ERROR" || error.code === "FLOW_STOPPED") return undefined;
  const { details } = error;
  const failure: Failure = { success: false, errors: errorsOf(error) };
  if (typeof details.status === "number") failure.statusCode = details.status;
  return Object.assign(failure, Object.fromEntries(TOLD.filter((name) => details[name] !== undefined).map((name) => [name, details[name]])));
}

/** The errors the org gave; where there are none, what the error says itself. */
export function errorsOf({ code, message, details }: ConnectorError): ShownError[] {
  const { errors, statusCode, errorCode, fields, field } = details as { errors?: ApiError[]; statusCode?: string; errorCode?: string; fields?: string[]; field?: string };
  if (errors && errors.length > 0) return errors.map(shownError);
  return [{ statusCode: statusCode ?? errorCode ?? code, message, fields: fields ?? (field === undefined ? [] : [field]) }];
}

/** An error of the org as messages show it. */
export function shownError({ code, message, fields }: ApiError): ShownError {
  return { statusCode: code, message, fields };
}
