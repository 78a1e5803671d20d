import { ConnectorError, toConnectorError } from "../../common/errors";
import { tooManyRows } from "../../common/too-many-rows";
import type { DatabaseConnection } from "./backend";
import type { Dialect } from "./dialect";
import { ExactQueries, type RowCursor } from "./exact";
import { inPages } from "./page-size";
import type { Pool } from "./pool";
import type { CursorOpened, Fetched, ReadRequest, RowValue } from "./protocol";
import { changesSession } from "./side-effects";
import { type LexedSql, returnsNothing } from "./sql-lexer";
import { bind, lexed } from "./statement";

/** What {@link Cursors} needs. */
export interface CursorsOptions {
  /** Lends a connection for as long as a cursor is open; who finds none free waits. */
  pool: Pool;
  /** Lends one for a change that returns its rows: psqlodbc makes a cursor of all that begins with `with`, where it fetches rows as they are wanted. */
  writers: Pool;
  /** Known once there was a connection. */
  dialect: () => Dialect;
  /** The embedded SQLite gives values as they are stored; drivers do not. */
  native: boolean;
  /** All rows are read when the cursor is opened, at most so many: a database in memory has one connection for all. */
  atOnce?: number;
}

interface Open {
  /** The next rows; none when there are no more. */
  fetch(): Promise<RowValue[][]>;
  /** Gives the connection back; with an error, as one that has failed. */
  end(error?: unknown): void;
}

/** The reads that are going on. Each has a connection to itself: a reader waits for the flow as long as it takes, and no writer waits for a reader. */
export class Cursors {
  private readonly cursors = new Map<number, Open>();
  private exact: ExactQueries | undefined;
  private lastId = 0;

  constructor(private readonly options: CursorsOptions) {}

  /** How many reads are going on. */
  get count(): number {
    return this.cursors.size;
  }

  /** @throws ConnectorError; nothing is left open then */
  open(request: ReadRequest): Promise<CursorOpened> {
    return new Promise((resolve, reject) => {
      this.options.pool.use((connection) => this.serve(connection, request, resolve)).catch(reject); // once it is open, fetch tells
    });
  }

  /** @throws ConnectorError; the cursor is closed then */
  async fetch(id: number): Promise<Fetched> {
    const open = this.cursors.get(id);
    if (!open) throw new ConnectorError("DATABASE_UNAVAILABLE", "The query is no longer being read");
    try {
      const rows = await open.fetch();
      if (rows.length === 0) this.end(id);
      return { rows, done: rows.length === 0 };
    } catch (error) {
      this.end(id, error);
      throw error;
    }
  }

  /** Reads no further. Harmless when the cursor is closed already. */
  closeCursor(id: number): Promise<void> {
    this.end(id);
    return Promise.resolve();
  }

  /** Ends all reads. @param timeout as of {@link Pool.close} */
  async close(timeout: number): Promise<void> {
    for (const id of [...this.cursors.keys()]) this.end(id);
    await this.options.pool.close(timeout);
  }

  private async serve(connection: DatabaseConnection, request: ReadRequest, opened: (cursor: CursorOpened) => void): Promise<void> {
    const { native, writers } = this.options;
    const { name } = this.options.dialect();
    const query = lexed(request.sql, name);
    const isStrange = changesSession(query, name);
    if (!query.returns || native) return asItWas(connection, isStrange, async () => this.hold(await this.begin(connection, request, query), opened));
    // all its rows have come when it is open
    const cursor = await writers.use((writer) => asItWas(writer, isStrange, () => this.begin(writer, request, query)));
    return this.hold(cursor, opened);
  }

  /** Holds the connection until the cursor ends. */
  private async hold(cursor: RowCursor, opened: (cursor: CursorOpened) => void): Promise<void> {
    const { atOnce } = this.options;
    const open: Pick<Open, "fetch"> = atOnce === undefined ? cursor : await takeAll(cursor, atOnce);
    this.lastId += 1;
    const id = this.lastId;
    const { columns } = cursor;
    if (atOnce !== undefined) {
      this.cursors.set(id, { fetch: () => open.fetch(), end: () => undefined });
      opened({ cursor: id, columns });
      return;
    }
    let working: Promise<unknown> = Promise.resolve();
    try {
      await new Promise<void>((resolve, reject) => {
        this.cursors.set(id, {
          fetch: inPages(() => {
            const rows = cursor.fetch();
            working = rows.catch(() => undefined);
            return rows;
          }),
          end: (error) => (error === undefined ? resolve() : reject(toConnectorError(error, "DATABASE_UNAVAILABLE"))),
        });
        opened({ cursor: id, columns });
      });
    } finally {
      await working; // a statement at work is not closed under its feet
      await cursor.close();
    }
  }

  private async begin(connection: DatabaseConnection, request: ReadRequest, query: LexedSql): Promise<RowCursor> {
    const dialect = this.options.dialect();
    if (returnsNothing(query)) throw noRows(); // before it has changed anything
    const exact = (this.exact ??= new ExactQueries(dialect.name, this.options.native));
    const cursor = await exact.open(connection, bind(request, dialect), query, request);
    if (cursor.columns.length > 0 || query.returns) return cursor;
    await cursor.close();
    throw noRows();
  }

  private end(id: number, error?: unknown): void {
    const open = this.cursors.get(id);
    this.cursors.delete(id);
    open?.end(error);
  }
}

/** Whoever has the connection next expects it as it was before the work, also where that has failed. */
async function asItWas<T>(connection: DatabaseConnection, isStrange: boolean, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    if (isStrange) await connection.close();
  }
}

function noRows(): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", "The statement returns no rows: sql read runs queries, sql write everything else", { details: { statement: true } });
}

async function takeAll(cursor: RowCursor, most: number): Promise<Pick<Open, "fetch">> {
  const chunks: RowValue[][][] = [];
  try {
    for (let count = 0; ; ) {
      const rows = await cursor.fetch();
      if (rows.length === 0) break;
      count += rows.length;
      if (count > most) throw tooManyRows(most, "all that a query gives of a database in memory is read at once; use a file, or a limit", { scope: "system", details: { statement: true } });
      chunks.push(rows);
    }
  } finally {
    await cursor.close();
  }
  return { fetch: inPages(() => Promise.resolve(chunks.shift() ?? [])) };
}
