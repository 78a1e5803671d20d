import { ConnectorError, goingOn } from "../../../common/errors";
import { errorsOf, type ShownError } from "../failure";
import type { RecordResult } from "./collections";
import { isLostAnswer, lostAnswer } from "./lost-answer";

/** One record's result in `msg.salesforce`, with the API's names. */
export interface ShownResult {
  /** Index in the list that was sent, from 0. */
  index?: number;
  id: string | null;
  success: boolean;
  /** Whether the record is new, where the operation tells. */
  created?: boolean;
  errors: ShownError[];
}

/** What a message gets from an operation. */
export interface RecordOutcome {
  /** New payload; if absent, the message keeps its own. */
  payload?: unknown;
  /** `msg.salesforce`. */
  salesforce: object;
  /** Indexes of the records of a list that were refused, when others were stored. */
  failed?: number[];
}

/** A result in the form that messages have. */
export function shown(result: RecordResult, index?: number): ShownResult {
  const place = index === undefined ? {} : { index };
  if (result.ok) return { ...place, id: result.id, success: true, created: result.created, errors: [] };
  return { ...place, id: null, success: false, errors: errorsOf(result.error) };
}

function shownAll(results: RecordResult[]): ShownResult[] {
  return results.map((result, index) => shown(result, index));
}

/**
 * What a message with a list of records gets.
 *
 * @throws ConnectorError when none of them was stored: `ORG_REFUSED`, or the error of the first that may pass later, with all in `details.results`
 */
export function listOutcome(results: RecordResult[]): RecordOutcome {
  const failed = results.flatMap((result, index) => (result.ok ? [] : index));
  if (failed.length < results.length) return { salesforce: { success: failed.length === 0, results: shownAll(results) }, ...(failed.length > 0 ? { failed } : {}) };
  throw refused(results, failed);
}

/**
 * The error of a message whose records were refused, all or some of them.
 *
 * @param repeatable whether stored records may be sent again with the rest, as they stay the same
 */
export function refused(results: RecordResult[], failed: number[], repeatable = false): ConnectorError {
  const errors = failed.map((index) => results[index]).flatMap((result) => (result && !result.ok ? result.error : []));
  // records that are, or may be, stored must not be sent again with the rest; if none is, those that the org did not look at are tried again
  const mayRepeat = failed.length === results.length && !errors.some(isLostAnswer);
  const waiting = mayRepeat ? errors.find(({ scope }) => scope === "system") : undefined;
  // the error of a roll-back only says that another record has an error
  const first = waiting ?? errors.find((error) => error.details.statusCode !== "ALL_OR_NONE_OPERATION_ROLLED_BACK") ?? errors[0];
  if (!first) return new ConnectorError("ORG_REFUSED", "The org gave no result");
  if (results.length === 1) return first;
  const none = failed.length === results.length;
  const retryable = none ? first.retryable : repeatable && errors.every((error) => error.retryable);
  const text = none ? `None of ${results.length} records was stored: ${first.message}` : `${failed.length} of ${results.length} records were refused: ${first.message}`;
  return new ConnectorError(first.code, text, { scope: mayRepeat ? first.scope : "message", retryable, details: { ...first.details, results: shownAll(results) }, cause: first });
}

/**
 * The error for records of a list whose call failed after other calls of the list were done. It has scope `message`, as the message must not be sent again:
 * the others would be done twice.
 */
export function afterOthers(error: ConnectorError, what: string): ConnectorError {
  if (error.scope !== "system") return error;
  if (isLostAnswer(error)) return lostAnswer(error, what);
  return new ConnectorError(error.code, goingOn(error.message, "the records before were done"), { scope: "message", retryable: true, details: error.details, cause: error });
}
