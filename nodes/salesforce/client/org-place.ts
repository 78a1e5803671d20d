import type { Session } from "./sign-in/login";

/** Under which word of a key what is known of an org is kept: for another org it means nothing. */
export function orgPlace({ orgId, instanceUrl }: Session): string {
  return orgId?.slice(0, 15) ?? new URL(instanceUrl).host;
}
