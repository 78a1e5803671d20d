import type { Session } from "./login";

/** Returns advice, as the end of a sentence, for when the org refuses a session although its token is new. */
export function whyRefused({ accessToken }: Session): string {
  // event streams accept only opaque access tokens (pub-sub-api-node-client#67); otherwise they only answer that the session is not valid
  if (/^eyJ[\w-]+(\.[\w-]+){2}$/.test(accessToken)) return "the app issues JWT-based access tokens, which not every API takes: untick them in the app's settings";
  return "look at the app's session and IP policies";
}
