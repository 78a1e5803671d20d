import { TriggeredRead as Reading } from "../../delivery/triggered-read";
import type { TriggeredReadOptions as ReadingOptions } from "../../delivery/triggered-read-options";
import type { NamedValues, QueryParameters } from "../client/named-values";
import type { RowValue } from "../client/protocol";
import { rowMessage, rowsMessage } from "./messages";
import { AWAY, type ReadDatabase } from "./read-state";
import { RowSource } from "./row-source";
import type { MessageSettings } from "./settings";
import { changesData } from "./statement-kind";

/** Rows fetched at once: with more, nothing is gained (sql over ODBC, 100,000 rows). */
const FETCH_SIZE = 500;

/** What a row has of its own, and so does not inherit from the trigger. */
const OWN = new Set(["_msgid", "payload", "delivery", "sql", "parts"]);

/** What a {@link TriggeredRead} needs: as any reading, but for what the database knows. */
export interface TriggeredReadOptions
  extends Pick<ReadingOptions<NamedValues, RowValue[], RowSource>, "node" | "runtime" | "send" | "isWired" | "clone" | "warn" | "onState" | "patience"> {
  settings: MessageSettings;
  parameters: QueryParameters;
  database: ReadDatabase;
}

/** Reads rows for each trigger, one trigger after the other, as fast as the flow settles them. */
export class TriggeredRead extends Reading<NamedValues, RowValue[], RowSource> {
  constructor({ settings, parameters, database, ...options }: TriggeredReadOptions) {
    const { query, output, maxRows } = settings;
    super({
      ...options,
      settings,
      own: OWN,
      valuesFor: (msg) => parameters.for(msg),
      open: async (values) => {
        const source = await RowSource.open(database, { sql: query, values }, FETCH_SIZE);
        return output !== "all" && changesData(query) ? source.asOnePage(maxRows) : source;
      },
      message: (source, rows) => (output === "row" ? rowMessage(source, rows[0] as RowValue[]) : rowsMessage(source, rows)),
      isAway: ({ code }) => AWAY.has(code),
      comesBack: ({ code }) => code === "DATABASE_UNAVAILABLE",
      untilReady: () => database.untilReady(),
    });
  }
}
