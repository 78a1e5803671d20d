import { ConnectorError, toConnectorError } from "../../../common/errors";
import { tooManyRows } from "../../../common/too-many-rows";
import type { DatabaseConnection } from "./backend";
import type { Dialect } from "../dialect";
import { ExactQueries, type RowCursor } from "../exact";
import { inPages } from "./page-size";
import type { Pool } from "./pool";
import type { CursorOpened, Fetched, ReadRequest, RowValue } from "../protocol";
import { changesSession } from "./side-effects";
import { type LexedSql, returnsNothing } from "../sql-lexer";
import { bind, lexed } from "./statement";

/** What {@link Cursors} needs. */
export interface CursorsOptions {
  /** Lends each cursor a connection for as long as it is open. A cursor waits while none is free. */
  pool: Pool;
  /**
   * Lends a connection for a statement that changes rows and returns them. On those of `pool` psqlodbc fetches rows as they are wanted, and declares a cursor
   * for everything that begins with `with`, which PostgreSQL refuses for a change.
   */
  writers: Pool;
  /** Gives the dialect; to be called once there was a connection. */
  dialect: () => Dialect;
  /** Whether it is the embedded SQLite, which gives values as they are stored; ODBC drivers do not. */
  native: boolean;
  /** For a database in memory, which has one connection for everything: all rows are read when the cursor is opened. This is how many there may be. */
  atOnce?: number;
}

interface Open {
  /** Returns the next rows; an empty list when there are no more. */
  fetch(): Promise<RowValue[][]>;
  /** Gives the connection back to the pool; an error tells the pool that the work on it failed. */
  end(error?: unknown): void;
}

/** The open cursors. Each has a connection of its own until the flow has taken all its rows, so that no writer waits for a reader. */
export class Cursors {
  private readonly cursors = new Map<number, Open>();
  private exact: ExactQueries | undefined;
  private lastId = 0;

  constructor(private readonly options: CursorsOptions) {}

  /** How many cursors are open. */
  get count(): number {
    return this.cursors.size;
  }

  /** Runs a query and leaves its cursor open. @throws ConnectorError; nothing is left open then */
  open(request: ReadRequest): Promise<CursorOpened> {
    return new Promise((resolve, reject) => {
      this.options.pool.use((connection) => this.serve(connection, request, resolve)).catch(reject); // where the cursor is open already, its fetch has told of the error
    });
  }

  /** Returns the next rows of a cursor. @throws ConnectorError; the cursor is closed then */
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

  /** Closes a cursor before its end. Harmless when it is closed already. */
  closeCursor(id: number): Promise<void> {
    this.end(id);
    return Promise.resolve();
  }

  /** Closes all cursors. @param timeout as of {@link Pool.close} */
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
    // the cursor of a change holds all its rows already, so the writer is free again
    const cursor = await writers.use((writer) => asItWas(writer, isStrange, () => this.begin(writer, request, query)));
    return this.hold(cursor, opened);
  }

  /** Resolves when the cursor has ended, so that it keeps its connection until then. With `atOnce` it resolves as soon as all rows are read. */
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
      await working; // a cursor is not closed while it fetches
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

/** Does some work on a connection. @param isStrange the work changes the session: the connection is closed then, since its next user expects it unchanged */
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
