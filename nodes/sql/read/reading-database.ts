import type { ConnectorError, ErrorCode } from "../../common/errors";
import { concernsTable, type DatabaseClient } from "../client/database-client";

/** The part of a database's client that reading uses. */
export type ReadingDatabase = Pick<DatabaseClient, "openCursor" | "fetch" | "closeCursor" | "untilReady">;

const AWAY: ReadonlySet<ErrorCode> = new Set(["DATABASE_UNAVAILABLE", "DATABASE_REFUSED", "DRIVER_MISSING"] as const);

/** Whether the database is away or refuses us, and nothing is wrong with the query. */
export function isAway(error: ConnectorError): boolean {
  return AWAY.has(error.code) && !concernsTable(error);
}
