import { ConnectorError } from "../../../nodes/common/errors";
import type { CursorOpened, Fetched, ReadRequest, RowValue } from "../../../nodes/sql/client/protocol";

/** A database whose one query gives these rows; a test makes it fail. */
export class FakeDatabase {
  /** Rows of every query, as values of {@link columns}. */
  rows: RowValue[][];
  readonly asked: ReadRequest[] = [];
  fetches = 0;
  /** Cursors that are open. */
  readonly open = new Map<number, { rows: RowValue[][]; at: number; size: number }>();
  /** What the next calls fail with, in order. */
  readonly failures: { openCursor: ConnectorError[]; fetch: ConnectorError[] } = { openCursor: [], fetch: [] };
  /** Who waits for the database. */
  readonly knocking: (() => void)[] = [];
  private lastId = 0;

  constructor(
    readonly columns: string[],
    rows: RowValue[][],
  ) {
    this.rows = rows;
  }

  /** `count` rows with the one column `id`, from 0. */
  static counting(count: number): FakeDatabase {
    return new FakeDatabase(["id"], Array.from({ length: count }, (_, id) => [id]));
  }

  async openCursor(request: ReadRequest): Promise<CursorOpened> {
    this.asked.push(request);
    const failure = this.failures.openCursor.shift();
    if (failure) throw failure;
    this.lastId += 1;
    this.open.set(this.lastId, { rows: this.rows, at: 0, size: request.fetchSize });
    return { cursor: this.lastId, columns: this.columns.map((name) => ({ name, type: "integer" })) };
  }

  async fetch(cursor: number): Promise<Fetched> {
    this.fetches += 1;
    await new Promise((resolve) => setImmediate(resolve));
    const failure = this.failures.fetch.shift();
    if (failure) this.open.delete(cursor);
    if (failure) throw failure;
    const open = this.open.get(cursor);
    if (!open) throw new ConnectorError("DATABASE_UNAVAILABLE", "no such cursor");
    const rows = open.rows.slice(open.at, open.at + open.size);
    open.at += rows.length;
    if (rows.length === 0) this.open.delete(cursor);
    return { rows, done: rows.length === 0 };
  }

  async closeCursor(cursor: number): Promise<void> {
    this.open.delete(cursor);
  }

  untilReady(): Promise<void> {
    return new Promise((resolve) => this.knocking.push(resolve));
  }

  /** The database answers again. */
  back(): void {
    for (const resolve of this.knocking.splice(0)) resolve();
  }
}
