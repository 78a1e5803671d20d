import { type ConfigHolder, whyNone } from "../../common/config-node";
import type { OrgClient } from "./org";

/** What the org's config node offers to other nodes. */
export interface OrgHolder extends ConfigHolder {
  client?: OrgClient;
}

/**
 * The org of a node that `getNode` gave.
 *
 * @param chosen id that the user chose
 * @throws ConnectorError `NOT_CONFIGURED` when it is no org node, or what is wrong with its settings
 */
export function orgOf(value: unknown, chosen?: string): OrgClient {
  const holder = value as OrgHolder | null | undefined;
  if (typeof holder?.client?.acquire === "function") return holder.client;
  throw whyNone(holder, "Salesforce org", chosen);
}
