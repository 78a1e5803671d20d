import type { Store } from "../../common/store";
import type { DatabaseClient } from "./database-client";

/** What other nodes use of the database config node. */
export interface DatabaseHolder {
  client: DatabaseClient;
  /** Keeps what nodes remember in a table of this database. */
  store: Store;
}

/** Whether what `getNode` found is a database config node. */
export function isDatabaseHolder(value: unknown): value is DatabaseHolder {
  return typeof value === "object" && value !== null && typeof (value as { client?: { untilReady?: unknown } }).client?.untilReady === "function";
}
