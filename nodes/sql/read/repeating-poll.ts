import type { RowValue } from "../client/protocol";
import { messagesOf, rowsPerMessage, withValues, type PollContext, type Polled, type PollWay } from "./poll-context";
import { fetchSizeFor, RowSource } from "./row-source";
import { changesData } from "./statement-kind";

/** Sends all rows of the query with each poll. The next poll waits until the flow has finished with all rows of the last. */
export class RepeatingPoll implements PollWay {
  constructor(private readonly context: PollContext) {}

  async poll(): Promise<Polled> {
    const { context } = this;
    await context.room.until(Number.POSITIVE_INFINITY);
    if (context.paused() || context.closed) return { rows: 0, more: true };
    const { query, maxRows } = context.settings;
    const source = await RowSource.open(context.database, await withValues(context, query), fetchSizeFor(context.settings), { most: maxRows });
    try {
      return { rows: await this.hand(source), more: false };
    } finally {
      await source.close();
    }
  }

  async close(): Promise<void> {
    // nothing goes on beside the polls
  }

  private async hand(source: RowSource): Promise<number> {
    const { context } = this;
    const { query, maxRows } = context.settings;
    const size = rowsPerMessage(context.settings);
    let count = 0;
    let rows: RowValue[][] = [];
    const pages = changesData(query) ? source.asOnePage(maxRows) : source;
    for (let page = await pages.next(); page; page = await pages.next()) {
      rows = rows.concat(page);
      const whole = rows.length - (rows.length % size);
      count += await this.handAll(source, rows.slice(0, whole));
      rows = rows.slice(whole);
    }
    return count + (await this.handAll(source, rows));
  }

  private async handAll(source: RowSource, rows: RowValue[][]): Promise<number> {
    const { context } = this;
    for (const some of messagesOf(rows, context.settings)) {
      await context.room.until(some.length);
      if (context.closed) break;
      context.hand({ columns: source, rows: some, finished: () => undefined });
    }
    return rows.length;
  }
}
