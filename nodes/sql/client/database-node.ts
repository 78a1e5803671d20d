import type { DatabaseClient } from "./database-client";

/** What the other nodes of the family use of the database config node. */
export interface DatabaseHolder {
  client: DatabaseClient;
}

/** Whether what `getNode` found is a database config node. */
export function isDatabaseHolder(value: unknown): value is DatabaseHolder {
  return typeof value === "object" && value !== null && typeof (value as { client?: { untilReady?: unknown } }).client?.untilReady === "function";
}
