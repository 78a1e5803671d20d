import type { Session } from "./login";

/** What to look at when the org refuses a session though its token is new; the end of a sentence. */
export function whyRefused({ accessToken }: Session): string {
  // event streams take only the other kind (pub-sub-api-node-client#67), and say no more than that the session is not valid
  if (/^eyJ[\w-]+(\.[\w-]+){2}$/.test(accessToken)) return "the app issues JWT-based access tokens, which not every API takes: untick them in the app's settings";
  return "look at the app's session and IP policies";
}
