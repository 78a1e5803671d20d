import type { FlowAccess } from "../../delivery/flow-access";
import { TriggeredRead } from "../../delivery/reading/triggered-read";
import type { TriggeredReadOptions } from "../../delivery/reading/triggered-read-options";
import type { NamedValues, QueryParameters } from "../client/named-values";
import type { RowValue } from "../client/protocol";
import { rowMessage, rowsMessage } from "./messages";
import { isAway, type ReadingDatabase } from "./reading-database";
import { fetchSizeFor, RowSource } from "./row-source";
import type { MessageSettings } from "./settings";
import { changesData } from "./statement-kind";

/** Properties that a row's message has of its own, and does not inherit from the trigger. */
const OWN = new Set(["_msgid", "payload", "delivery", "sql", "parts"]);

/** What a {@link RowRead} needs: as any triggered read, but for what the database knows. */
export interface RowReadOptions extends FlowAccess, Pick<TriggeredReadOptions<NamedValues, RowValue[], RowSource>, "onState" | "patience"> {
  settings: MessageSettings;
  parameters: QueryParameters;
  database: ReadingDatabase;
}

/** Reads rows for each trigger, one trigger after the other, as fast as the flow settles them. */
export class RowRead extends TriggeredRead<NamedValues, RowValue[], RowSource> {
  constructor({ settings, parameters, database, ...options }: RowReadOptions) {
    const { query, output, maxRows } = settings;
    super({
      ...options,
      settings,
      own: OWN,
      valuesFor: (msg) => parameters.for(msg),
      open: async (values) => {
        const source = await RowSource.open(database, { sql: query, values }, fetchSizeFor(settings), { most: maxRows });
        return output !== "all" && changesData(query) ? source.asOnePage(maxRows) : source;
      },
      message: (source, rows) => (output === "row" ? rowMessage(source, rows[0] as RowValue[]) : rowsMessage(source, rows)),
      isAway,
      untilReady: () => database.untilReady(),
    });
  }
}
