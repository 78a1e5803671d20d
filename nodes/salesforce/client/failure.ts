import { type ConnectorError, isConnectorError } from "../../common/errors";
import type { ApiError } from "./errors";

/** One error of the org, with the API's names. */
export interface ShownError {
  statusCode: string;
  message: string;
  /** API names of the fields it is about. */
  fields: string[];
}

/** `msg.salesforce` of a message that failed. It is needed since a Catch node passes on only an error's code and text. */
export interface Failure {
  success: false;
  errors: ShownError[];
  /** HTTP status, when a call was refused as a whole. */
  statusCode?: number;
  /** Beginning of the answer to a request, as text. */
  body?: string;
  /** The parts of a composite that failed. */
  parts?: unknown[];
  /** Result of each record of a list, or of each row of a load. */
  results?: unknown[];
  /** Ids of the records that a duplicate rule has found. */
  duplicates?: string[];
  /** Id of the case, when it was stored and its comment or file was not. */
  caseId?: string;
  jobId?: string;
}

/** The properties of an error's details that are copied: those above, and a load's counts. */
const TOLD = ["body", "parts", "results", "duplicates", "caseId", "jobId", "jobs", "operation", "object", "rows", "processed", "failed", "unprocessed"] as const;

/** The `msg.salesforce` for an error; `undefined` for errors of the flow, which have nothing to do with the org. */
export function failureOf(error: unknown): Failure | undefined {
  if (!isConnectorError(error) || error.code === "FLOW_ERROR" || error.code === "FLOW_STOPPED") return undefined;
  const { details } = error;
  const failure: Failure = { success: false, errors: errorsOf(error) };
  if (typeof details.status === "number") failure.statusCode = details.status;
  return Object.assign(failure, Object.fromEntries(TOLD.filter((name) => details[name] !== undefined).map((name) => [name, details[name]])));
}

/** The errors that the org gave; if there are none, the error itself as one. */
export function errorsOf({ code, message, details }: ConnectorError): ShownError[] {
  const { errors, statusCode, errorCode, fields, field } = details as { errors?: ApiError[]; statusCode?: string; errorCode?: string; fields?: string[]; field?: string };
  if (errors && errors.length > 0) return errors.map(shownError);
  return [{ statusCode: statusCode ?? errorCode ?? code, message, fields: fields ?? (field === undefined ? [] : [field]) }];
}

/** An error of the org in the form that messages have. */
export function shownError({ code, message, fields }: ApiError): ShownError {
  return { statusCode: code, message, fields };
}
