import { type ConfigHolder, whyNone } from "../../common/config-node";
import type { OrgClient } from "./org";

/** What the config node carries for its users. */
export interface OrgHolder extends ConfigHolder {
  client?: OrgClient;
}

/** The org of what `getNode` found. @throws ConnectorError `NOT_CONFIGURED` when it is no org config node, or what is wrong with its settings */
export function orgOf(value: unknown, chosen?: string): OrgClient {
  const holder = value as OrgHolder | null | undefined;
  if (typeof holder?.client?.acquire === "function") return holder.client;
  throw whyNone(holder, "Salesforce org", chosen);
}
