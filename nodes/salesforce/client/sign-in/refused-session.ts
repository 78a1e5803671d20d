import { ConnectorError, type ConnectorErrorOptions, goingOn } from "../../../common/errors";
import type { Session } from "./login";

/** Returns advice, as the end of a sentence, for when the org refuses a session. @param otherwise the advice where the token itself does not tell the reason */
export function whyRefused({ accessToken }: Session, otherwise = "look at the app's session and IP policies"): string {
  // event streams accept only opaque access tokens (pub-sub-api-node-client#67); otherwise they only answer that the session is not valid
  return /^eyJ[\w-]+(\.[\w-]+){2}$/.test(accessToken) ? "the app issues JWT-based access tokens, which not every API takes: untick them in the app's settings" : otherwise;
}

/** The error for a session that the org refuses though its token is new. */
export function refusedAnew(session: Session, options: ConnectorErrorOptions): ConnectorError {
  return new ConnectorError("ORG_SESSION_INVALID", `The org refuses the session even with a new token; ${whyRefused(session)}`, options);
}

/** The same error, saying also what to look at. */
export function explained(error: ConnectorError, session: Session): ConnectorError {
  return new ConnectorError(error.code, goingOn(error.message, whyRefused(session)), { details: error.details, cause: error });
}

/** The error for a path that refuses a session which the org takes elsewhere: another token would be refused there, too. */
export function refusedThere(session: Session): ConnectorError {
  const text = `The org refuses the session at this path, and takes it elsewhere; ${whyRefused(session, "look at what the user and the app may call")}`;
  return new ConnectorError("ORG_SESSION_INVALID", text, { details: { status: 401, onlyThere: true } });
}

/** Whether an error is one of {@link refusedThere}. */
export function isRefusedThere({ details }: ConnectorError): boolean {
  return details.onlyThere === true;
}
