import { type ConfigHolder, whyNone } from "../../common/config-node";
import type { StoreHolder } from "../../common/store";
import type { DatabaseClient } from "./database-client";

/** The part of the config node that other nodes use. Its store keeps in a table of this database what nodes remember. */
export interface DatabaseHolder extends ConfigHolder, Partial<StoreHolder> {
  client?: DatabaseClient;
}

/**
 * The client of a database config node. @param node what `getNode` gave. @throws ConnectorError `NOT_CONFIGURED` when it is no such node, or the error of its
 * settings
 */
export function databaseOf(node: unknown, chosen?: string): DatabaseClient {
  const holder = node as DatabaseHolder | null | undefined;
  if (typeof holder?.client?.untilReady === "function") return holder.client;
  throw whyNone(holder, "database", chosen);
}
