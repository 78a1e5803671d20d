import { isDeepStrictEqual } from "node:util";
import { ConnectorError } from "../../common/errors";
import type { RowValue } from "../client/protocol";
import { messagesOf, roomToRead, withValues, type PollContext, type Polled, type PollWay, type Query } from "./poll-context";
import { columnNamed, incomparable, PollQuery, type ComparedColumns } from "./poll-query";
import { fetchSizeFor, RowSource } from "./row-source";
import type { Progress } from "./settings";
import type { Position, Watermark } from "./watermark";

type Settings = Extract<Progress, { by: "watermark" }>;

/** ms between two checks for rows without a watermark, at least. */
const BLANK_EVERY = 3_600_000;
/** The wait after such a check is this many times as long as the check took, which reads the whole table where no index helps. */
const BLANK_SHARE = 1_000;
/** A watermark is in the future when it is more than so many ms ahead of this machine's clock. So large because a time without an offset may be of any zone. */
const FUTURE = 24 * 3_600_000;

/** What is known of the query after the first look at it. */
interface Shape {
  query: PollQuery;
  columns: ComparedColumns;
}

/**
 * Finds new rows by a watermark column, whose values rise, and a key column, which orders rows with the same watermark.
 *
 * A transaction may commit after another one with higher values. So a row is read only when it, or a row after it in this order, was already seen `delayWindow` ms
 * ago. That needs no clock of the database's machine.
 */
export class WatermarkPoll implements PollWay {
  private shape: Shape | undefined;
  /** The last row that was read, in this process. */
  private last: Position | undefined;
  private begun = false;
  /** Whether the user was warned that the last row read has a watermark in the future. */
  private isAhead = false;
  /** When to check next for rows without a watermark, by `performance.now()`. */
  private blankAt = -Infinity;
  /** Whether the last row read was found to be no later than the highest row in the database; else that is to be checked, see {@link checkPlace}. */
  private isPlaced = false;
  /** Whether the user was warned that the last row read is later than the highest one. */
  private isWarned = false;
  /** Up to which watermark the last poll has read. */
  private lastBound: RowValue | undefined;
  /** The highest row, as it was seen `delayWindow` ms ago. */
  private ripe: Position | null = null;

  constructor(
    private readonly context: PollContext,
    private readonly settings: Settings,
    private readonly watermark: Watermark,
  ) {}

  async poll(): Promise<Polled> {
    try {
      const shape = (this.shape ??= await this.look());
      if (!this.begun) await this.begin(shape);
      if (performance.now() >= this.blankAt) await this.checkBlank(shape);
      // not while rows are in the flow: it may delete rows when it has finished with them, in any order
      if (!this.isPlaced && this.context.room.taken === 0) await this.checkPlace(shape);
      const bound = await this.bound(shape);
      if (bound === null) return { rows: 0, more: false };
      const found = await this.pages(shape, bound);
      // a table that was emptied, and whose values begin anew, has another highest row that is not behind the last one; of one whose rows are deleted once they are read that is told once
      if (found.rows === 0 && !found.more && bound?.watermark !== this.lastBound && !this.isWarned) this.isPlaced = false;
      this.lastBound = bound?.watermark;
      return found;
    } catch (error) {
      this.isPlaced = false; // a database that was away may have been restored from a backup
      throw error;
    }
  }

  close(): Promise<void> {
    return this.watermark.close();
  }

  private async look(): Promise<Shape> {
    const { watermarkColumn, keyColumn } = this.settings;
    const query = new PollQuery(this.context.settings.query, await this.context.dialect(), watermarkColumn, keyColumn);
    const source = await this.open(query.shape);
    await source.close();
    const columns = { watermark: columnNamed(source.columns, watermarkColumn).column, key: columnNamed(source.columns, keyColumn).column };
    return { query, columns };
  }

  private async begin(shape: Shape): Promise<void> {
    const { watermark, settings } = this;
    await watermark.load();
    if (!watermark.position && settings.start === "new") watermark.begin((await this.lastRow(shape)) ?? { watermark: null });
    this.last = watermark.position;
    if (this.last) this.checkTime(this.last);
    this.begun = true;
  }

  /** Warns once when there are rows without a watermark. They may come at any time, so it is checked again and again. */
  private async checkBlank({ query }: Shape): Promise<void> {
    const { context, settings } = this;
    const began = performance.now();
    try {
      if (!(await this.first(query.blank))) return;
    } finally {
      this.blankAt = began + Math.max(BLANK_EVERY, BLANK_SHARE * (performance.now() - began));
    }
    this.blankAt = Infinity; // once is enough
    context.warn(`Rows without a value in ${settings.watermarkColumn} are never read: they have no place in the order`);
  }

  /** Warns once when the watermark is in the future. One writer with a wrong clock is enough: rows that come later with the right time would be passed over. */
  private checkTime({ watermark }: Position): void {
    const { context, settings } = this;
    if (this.isAhead || typeof watermark !== "string" || !isFuture(watermark)) return;
    this.isAhead = true;
    context.warn(
      `Rows are read behind ${settings.watermarkColumn} ${watermark}, which lies in the future: those that come with an earlier one are passed over. If that time is wrong, correct it in the database, and ` +
        "put a copy of this node in its place, which begins anew",
    );
  }

  /**
   * Warns when the highest row comes before the last row read: the database was restored, perhaps, and new rows are passed over until their watermarks are
   * higher. Only an operator can tell what is right.
   */
  private async checkPlace({ query, columns }: Shape): Promise<void> {
    const { last, context, settings } = this;
    this.isPlaced = true;
    if (last?.key === undefined || last.watermark === null) return;
    const highest = await this.one(query.highest);
    if (highest === null || highest === last.watermark) return; // the table is empty, or the last row has the highest watermark
    if (await this.first(query.page(columns, last, undefined, 1))) return; // asked last, since a higher row may have come meanwhile
    const { watermarkColumn } = settings;
    this.isWarned = true;
    context.warn(
      `Rows are read behind ${watermarkColumn} ${String(last.watermark)}, and the highest there is ${String(highest)}: new rows are passed over until they are behind that. ` +
        "If the database was restored from a backup, or the table emptied, put a copy of this node in its place, which begins anew",
    );
  }

  /** The last row that may be read; `undefined` for any, `null` when there is none. */
  private async bound(shape: Shape): Promise<Position | null | undefined> {
    const { delayWindow } = this.settings;
    if (delayWindow === 0) return undefined;
    const last = await this.lastRow(shape);
    if (last && !isDeepStrictEqual(last, this.ripe)) await this.context.sleep(delayWindow);
    return (this.ripe = last);
  }

  /** The last row there is, in the order that rows are read in. */
  private async lastRow({ query, columns }: Shape): Promise<Position | null> {
    const watermark = await this.one(query.highest);
    if (watermark === null) return null;
    const isKey = columns.key.name === columns.watermark.name; // a number that rises: nothing more to ask for
    return { watermark, key: isKey ? watermark : await this.one(query.last(columns, watermark)) };
  }

  private async pages(shape: Shape, bound: Position | undefined): Promise<Polled> {
    const { context } = this;
    let rows = 0;
    for (;;) {
      const most = await roomToRead(context);
      if (context.paused() || context.closed) return { rows, more: true };
      const { fresh, more } = await this.page(shape, bound, most);
      rows += fresh;
      if (!more) return { rows, more };
    }
  }

  /** @returns how many rows were handed over, and whether there may be more */
  private async page({ query, columns }: Shape, bound: Position | undefined, most: number): Promise<{ fresh: number; more: boolean }> {
    const { context, settings, last } = this;
    const limit = most + (last?.key === undefined ? 0 : 1); // the last row comes again, unless it is gone
    const source = await this.open(query.page(columns, last, bound, limit));
    try {
      const [watermarkAt, keyAt] = [columnNamed(source.columns, settings.watermarkColumn).index, columnNamed(source.columns, settings.keyColumn).index];
      const read = (await source.rest(limit - 1)).slice(0, limit);
      if (context.closed) return { fresh: 0, more: true };
      const { fresh, wrong } = this.check(read, watermarkAt, keyAt);
      for (const rows of messagesOf(fresh.slice(0, most), context.settings)) {
        const end = rows.at(-1) as RowValue[];
        const position: Position = { watermark: end[watermarkAt] ?? null, key: end[keyAt] ?? null };
        this.last = position;
        const fingerprint = (): string => JSON.stringify(rows.map((row) => [row[watermarkAt], row[keyAt]]));
        context.hand({ columns: source, rows, watermark: position.watermark, fingerprint, finished: this.watermark.add(position) });
      }
      if (this.last && fresh.length > 0) this.checkTime(this.last);
      if (wrong) throw wrong;
      const more = read.length === limit;
      if (more && fresh.length === 0) throw this.stuck();
      return { fresh: fresh.length, more };
    } finally {
      await source.close();
    }
  }

  /**
   * Drops the row that was read last, and rows before it, which a page may contain when the database compares less exactly than the values are (text without case,
   * floats). Also finds a row with no valid place in the order: no key, bytes, or the same watermark and key as the row before.
   */
  private check(rows: RowValue[][], watermarkAt: number, keyAt: number): { fresh: RowValue[][]; wrong?: ConnectorError } {
    const { watermarkColumn, keyColumn } = this.settings;
    const fresh: RowValue[][] = [];
    const { last } = this;
    let before: Position | undefined;
    for (const [place, row] of rows.entries()) {
      const [watermark, key] = [row[watermarkAt] ?? null, row[keyAt] ?? null];
      if (key === null) return { fresh, wrong: new ConnectorError("NOT_CONFIGURED", `A row has no value in the key column ${keyColumn}, so nobody could tell whether it was read`) };
      if (watermark instanceof Uint8Array) return { fresh, wrong: incomparable(watermarkColumn, watermark) };
      if (key instanceof Uint8Array) return { fresh, wrong: incomparable(keyColumn, key) };
      if (place > 0 && before?.watermark === watermark && before.key === key) {
        const where = `${watermarkColumn} ${String(watermark)} and ${keyColumn} ${String(key)}`;
        return { fresh, wrong: new ConnectorError("NOT_CONFIGURED", `Two rows have ${where}: together the two columns must be unique, or a row would be missed`) };
      }
      if (last?.watermark === watermark && last.key === key) fresh.length = 0;
      else fresh.push(row);
      before = { watermark, key };
    }
    return { fresh };
  }

  /** The error for a whole page without a row after the last one: the next page would be the same. */
  private stuck(): ConnectorError {
    const { watermarkColumn, keyColumn } = this.settings;
    return new ConnectorError("NOT_CONFIGURED", `Too many rows are compared as equal by ${watermarkColumn} and ${keyColumn}: together the two columns must be unique as the database compares them`);
  }

  private async one(statement: Query): Promise<RowValue> {
    return (await this.first(statement))?.[0] ?? null;
  }

  /** Its first row, if there is one. */
  private async first(statement: Query): Promise<RowValue[] | undefined> {
    const source = await this.open(statement);
    try {
      return (await source.rest(1))[0];
    } finally {
      await source.close();
    }
  }

  private async open(statement: Query): Promise<RowSource> {
    return RowSource.open(this.context.database, await withValues(this.context, statement), fetchSizeFor(this.context.settings));
  }
}

/** Whether a watermark is a time in the future. Numbers are not taken for times. */
function isFuture(watermark: string): boolean {
  return watermark === "infinity" || (/^\d{4}-\d\d-\d\d/.test(watermark) && Date.parse(watermark) > Date.now() + FUTURE);
}
