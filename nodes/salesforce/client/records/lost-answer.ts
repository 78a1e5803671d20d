import { ConnectorError, goingOn } from "../../../common/errors";

/** Whether nobody knows if the org acted on what failed so: the connection broke, or an instance or a gateway lost the answer. */
export function isLostAnswer(error: ConnectorError): boolean {
  return error.details.outcomeUnknown === true;
}

/**
 * What the message of a call that may not be repeated (a plain create, a merge, a mail) is told when its answer was lost. Sent again on the spot it could happen a second time, so it fails by
 * itself and its source decides. Updates, upserts, deletes and reads do not come here: sent again they leave the org the same.
 *
 * @param what what may have happened, in the user's words
 */
export function lostAnswer(error: ConnectorError, what = "record was made"): ConnectorError {
  return new ConnectorError("ORG_UNAVAILABLE", goingOn(error.message, `whether the ${what} is not known`), {
    scope: "message",
    retryable: true,
    details: error.details,
    cause: error,
  });
}
