import type { ConnectorError } from "../../common/errors";
import type { DatabaseClient } from "../client/database-client";

/** What a `sql read` does, for its status. `failed` needs a hand. */
export type ReadState =
  | { kind: "idle" | "reading"; inFlow: number }
  | { kind: "waiting" | "failed"; error: ConnectorError }
  | { kind: "holding"; reason: string };

/** The part of a database's client that reading uses. */
export type ReadDatabase = Pick<DatabaseClient, "openCursor" | "fetch" | "closeCursor" | "untilReady">;
