import { ConnectorError } from "../../common/errors";
import type { StoreHolder } from "../../common/store";
import type { DatabaseClient } from "./database-client";

/** What the config node carries for its users. Its store keeps what nodes remember in a table of this database. */
export interface DatabaseHolder extends Partial<StoreHolder> {
  client?: DatabaseClient;
  /** Why there is none. */
  problem?: ConnectorError;
}

/**
 * The database of what `getNode` found.
 *
 * @param missing what to say when there is none
 * @throws ConnectorError `NOT_CONFIGURED` when there is none, or what is wrong with its settings
 */
export function databaseOf(node: unknown, missing: string): DatabaseClient {
  const { client, problem } = (node ?? {}) as DatabaseHolder;
  if (typeof client?.untilReady === "function") return client;
  throw problem ?? new ConnectorError("NOT_CONFIGURED", missing);
}
