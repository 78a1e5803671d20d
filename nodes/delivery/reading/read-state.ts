import type { ConnectorError } from "../../common/errors";

/** What a node that reads for triggers does, for its status. `failed`: the user has to do something. */
export type ReadState =
  | { kind: "idle" | "reading"; inFlow: number }
  | { kind: "waiting" | "failed"; error: ConnectorError }
  | { kind: "holding"; reason: string };
