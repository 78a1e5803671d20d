import { type ConfigHolder, whyNone } from "../../common/config-node";
import type { StoreHolder } from "../../common/store";
import type { DatabaseClient } from "./database-client";

/** What the config node carries for its users. Its store keeps what nodes remember in a table of this database. */
export interface DatabaseHolder extends ConfigHolder, Partial<StoreHolder> {
  client?: DatabaseClient;
}

/** The database of what `getNode` found. @throws ConnectorError `NOT_CONFIGURED` when it is no database config node, or what is wrong with its settings */
export function databaseOf(node: unknown, chosen?: string): DatabaseClient {
  const holder = node as DatabaseHolder | null | undefined;
  if (typeof holder?.client?.untilReady === "function") return holder.client;
  throw whyNone(holder, "database", chosen);
}
