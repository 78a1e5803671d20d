import type { OrgClient } from "./org";

/** What the other nodes of the family use of the org config node. */
export interface OrgHolder {
  client: OrgClient;
}

/** Whether what `getNode` found is an org config node. */
export function isOrgHolder(value: unknown): value is OrgHolder {
  return typeof value === "object" && value !== null && typeof (value as { client?: { acquire?: unknown } }).client?.acquire === "function";
}
