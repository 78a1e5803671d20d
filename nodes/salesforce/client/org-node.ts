import { ConnectorError } from "../../common/errors";
import type { OrgClient } from "./org";

/** What the other nodes of the family use of the org config node. */
export interface OrgHolder {
  client: OrgClient;
}

/** The org of what `getNode` found. @throws ConnectorError `NOT_CONFIGURED` when it is no org config node */
export function orgOf(value: unknown): OrgClient {
  if (isOrgHolder(value)) return value.client;
  throw new ConnectorError("NOT_CONFIGURED", "No Salesforce org is chosen: choose one in the node's form");
}

/** Whether what `getNode` found is an org config node. */
function isOrgHolder(value: unknown): value is OrgHolder {
  return typeof value === "object" && value !== null && typeof (value as { client?: { acquire?: unknown } }).client?.acquire === "function";
}
