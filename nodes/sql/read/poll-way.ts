import type { ConnectorError } from "../../common/errors";
import type { Store } from "../../common/store";
import type { DatabaseClient } from "../client/database-client";
import { AfterRead } from "./after-read";
import { MarkingPoll } from "./marking-poll";
import type { PollContext, PollWay } from "./poll-context";
import { RepeatingPoll } from "./repeating-poll";
import { Watermark } from "./watermark";
import { WatermarkPoll } from "./watermark-poll";

/** What {@link pollWay} needs besides the context. */
export interface WayOptions {
  /** Id of the node. */
  node: string;
  /** Id of the database's config node. */
  databaseNode: string;
  database: Pick<DatabaseClient, "execute">;
  store: Store;
  warn(text: string): void;
  /** Told when the statement after each row fails; `undefined` when it succeeds again. */
  onTrouble(error: ConnectorError | undefined): void;
  /** ms until a watermark that could not be stored is stored again. Default 5000. */
  retryStore?: number;
}

/** The way to poll that the settings ask for. */
export function pollWay(context: PollContext, options: WayOptions): PollWay {
  const { progress, batchSize } = context.settings;
  switch (progress.by) {
    case "watermark": {
      const { watermarkColumn, keyColumn } = progress;
      const { node, databaseNode: database, store, warn, retryStore } = options;
      const identity = { database, watermarkColumn, keyColumn };
      const watermark = new Watermark({ store, key: `sql-read/${node}`, ...identity, warn, retry: retryStore });
      return new WatermarkPoll(context, progress, watermark);
    }
    case "after-read": {
      const { database, onTrouble } = options;
      return new MarkingPoll(context, progress, new AfterRead({ database, statement: progress.statement, per: progress.per, batchSize, onTrouble }));
    }
    case "none":
      return new RepeatingPoll(context);
  }
}
