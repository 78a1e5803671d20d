import type { ErrorCode } from "../../common/errors";
import type { DatabaseClient } from "../client/database-client";

/** The part of a database's client that reading uses. */
export type ReadingDatabase = Pick<DatabaseClient, "openCursor" | "fetch" | "closeCursor" | "untilReady">;

/** The database is away or refuses us: nothing is wrong with the query. */
export const AWAY: ReadonlySet<ErrorCode> = new Set(["DATABASE_UNAVAILABLE", "DATABASE_REFUSED", "DRIVER_MISSING"] as const);
