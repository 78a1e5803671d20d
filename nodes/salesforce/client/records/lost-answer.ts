import { ConnectorError, goingOn } from "../../../common/errors";

/** Whether it is not known if the org has carried out the call that failed so: the connection broke, or an instance or a gateway lost the answer. */
export function isLostAnswer(error: ConnectorError): boolean {
  return error.details.outcomeUnknown === true;
}

/**
 * The error for a lost answer to a call that must not be repeated (a plain create, a merge, a mail), as it could be carried out twice. Its message fails
 * alone, and its source decides what to do. Not for updates, upserts, deletes and reads, which can be repeated: they leave the org the same.
 *
 * @param what what may have happened, as part of a sentence: "record was made"
 */
export function lostAnswer(error: ConnectorError, what = "record was made"): ConnectorError {
  return new ConnectorError("ORG_UNAVAILABLE", goingOn(error.message, `whether the ${what} is not known`), {
    scope: "message",
    retryable: true,
    details: error.details,
    cause: error,
  });
}
