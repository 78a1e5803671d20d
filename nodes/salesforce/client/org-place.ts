import type { Session } from "./sign-in/login";

/** The part of a store's key that stands for an org, so that what is kept about one org is not used for another: the first 15 characters of its id, or its host. */
export function orgPlace({ orgId, instanceUrl }: Session): string {
  return orgId?.slice(0, 15) ?? new URL(instanceUrl).host;
}
