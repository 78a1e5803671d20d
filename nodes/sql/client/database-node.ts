import type { StoreHolder } from "../../common/store";
import type { DatabaseClient } from "./database-client";

/** What other nodes use of the database config node. Its store keeps what nodes remember in a table of this database. */
export interface DatabaseHolder extends StoreHolder {
  client: DatabaseClient;
}

/** Whether what `getNode` found is a database config node. */
export function isDatabaseHolder(value: unknown): value is DatabaseHolder {
  return typeof value === "object" && value !== null && typeof (value as { client?: { untilReady?: unknown } }).client?.untilReady === "function";
}
