import { isDeepStrictEqual } from "node:util";
import { ConnectorError } from "../../common/errors";
import { tooManyRows } from "../../common/too-many-rows";
import type { RowValue } from "../client/protocol";
import { keyOf, UniqueKeys } from "../client/row-keys";
import type { AfterRead } from "./after-read";
import { messagesOf, roomToRead, withValues, type PollContext, type Polled, type PollWay } from "./poll-context";
import { columnNamed } from "./poll-query";
import { fetchSizeFor, RowSource, TAKE_FEWER } from "./row-source";
import type { Progress } from "./settings";
import { changesData } from "./statement-kind";

type Settings = Extract<Progress, { by: "after-read" }>;

/** Sends the rows of the query. When the flow has finished with a row, a statement changes it so that the query no longer returns it. */
export class MarkingPoll implements PollWay {
  /** Keys of rows that were handed over and are not marked yet, so that the query still returns them. */
  private readonly sent = new Set<string>();
  /** Keys of rows that were marked while a query was running, which may still return them. */
  private readonly justMarked = new Set<string>();
  /**
   * Rows, by key, for which the statement found nothing to change. A row that the query returns again with the same values is not sent again: that would go on
   * for ever.
   */
  private readonly missed = new Map<string, readonly RowValue[]>();
  private querying = false;

  constructor(
    private readonly context: PollContext,
    private readonly settings: Settings,
    private readonly afterRead: AfterRead,
  ) {}

  async poll(): Promise<Polled> {
    const { context } = this;
    const { query, maxRows } = context.settings;
    const room = await roomToRead(context);
    if (context.paused() || context.closed) return { rows: 0, more: true };
    const claims = changesData(query);
    const most = claims ? maxRows : room;
    this.querying = true;
    try {
      const { source, rows, keyAt, again } = await this.fresh(most);
      if (rows.length > most) throw tooManyRows(most, TAKE_FEWER);
      const trouble = again.length > 0 ? this.notTaken(again) : undefined;
      if (!claims && again.length >= context.settings.maxInFlight) return { rows: 0, more: false, trouble }; // other rows go on, unless there are too many such rows
      await this.hand(source, rows, keyAt);
      return { rows: rows.length, more: claims ? rows.length > 0 : rows.length >= most, trouble };
    } finally {
      this.querying = false;
      for (const key of this.justMarked) this.sent.delete(key);
      this.justMarked.clear();
    }
  }

  close(end: number): Promise<void> {
    return this.afterRead.close(end);
  }

  /**
   * Runs the query. Resolves with the rows that are not in the flow already, and with the keys of rows for which the statement found nothing to change. A statement
   * that changes what it reads is read to its end; of a query, rows without room are left.
   */
  private async fresh(most: number): Promise<{ source: RowSource; rows: RowValue[][]; keyAt: number; again: string[] }> {
    const { context, settings } = this;
    const { query, maxRows } = context.settings;
    const enough = changesData(query) ? most + 1 : most;
    const source = await RowSource.open(context.database, await withValues(context, query), fetchSizeFor(context.settings), { most: maxRows, key: settings.keyColumn });
    try {
      // PostgreSQL's driver gives no columns when a change found no row
      const keyAt = source.columns.length === 0 ? -1 : columnNamed(source.columns, settings.keyColumn).index;
      const keys = new UniqueKeys(keyAt, settings.keyColumn);
      const rows: RowValue[][] = [];
      const again = new Set<string>();
      for (let page = await source.next(); page && rows.length < enough; page = await source.next()) {
        for (const row of page) {
          const key = keys.add(row);
          if (this.sent.has(key)) continue;
          if (isSame(this.missed.get(key), row)) again.add(key);
          else if (rows.length < enough) rows.push(row);
        }
      }
      for (const key of this.missed.keys()) if (!again.has(key) && !this.sent.has(key)) this.missed.delete(key);
      return { source, rows, keyAt, again: [...again] };
    } finally {
      await source.close();
    }
  }

  private async hand(source: RowSource, rows: RowValue[][], keyAt: number): Promise<void> {
    const { context, afterRead } = this;
    for (const row of rows) this.sent.add(this.keyOf(row, keyAt));
    for (const some of messagesOf(rows, context.settings)) {
      await context.room.until(some.length); // a change may return more rows than there is room for
      if (context.closed) return;
      const finished = (): void => {
        context.room.take(some.length); // until they are marked
        for (const row of some) afterRead.add({ values: source.rowOf(row), marked: (found) => this.marked(this.keyOf(row, keyAt), found ? undefined : row) });
      };
      const fingerprint = (): string => JSON.stringify(some.map((row) => this.keyOf(row, keyAt)));
      context.hand({ columns: source, rows: some, fingerprint, finished });
    }
  }

  private marked(key: string, missed: readonly RowValue[] | undefined): void {
    if (missed) this.missed.set(key, missed);
    if (this.querying) this.justMarked.add(key);
    else this.sent.delete(key);
    this.context.room.leave(1);
  }

  private notTaken(again: string[]): ConnectorError {
    const which = `${this.settings.keyColumn} ${(again[0] as string).slice(1)}${again.length > 1 ? " and others" : ""}`; // without their number, which would write a line whenever it changes
    return new ConnectorError("NOT_CONFIGURED", `The statement after each row finds no row for ${which}, and the query gives it again as it was: it is not sent again and again. Mend the statement, or the query`);
  }

  private keyOf(row: readonly RowValue[], keyAt: number): string {
    return keyOf(row, keyAt, this.settings.keyColumn);
  }
}

function isSame(one: readonly RowValue[] | undefined, other: readonly RowValue[]): boolean {
  return one !== undefined && isDeepStrictEqual(one, other);
}
