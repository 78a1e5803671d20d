import { ConnectorError } from "../../common/errors";
import type { OrgClient } from "./org";

/** What the config node carries for its users. */
export interface OrgHolder {
  client?: OrgClient;
  /** Why there is none. */
  problem?: ConnectorError;
}

/** The org of what `getNode` found. @throws ConnectorError `NOT_CONFIGURED` when it is no org config node, or what is wrong with its settings */
export function orgOf(value: unknown): OrgClient {
  const { client, problem } = (value ?? {}) as OrgHolder;
  if (typeof client?.acquire === "function") return client;
  throw problem ?? new ConnectorError("NOT_CONFIGURED", "No Salesforce org is chosen: choose one in the node's form");
}
