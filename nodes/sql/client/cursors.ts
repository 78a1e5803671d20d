import { ConnectorError } from "../../common/errors";
import type { ConnectionCursor, DatabaseConnection } from "./backend";
import type { Dialect } from "./dialect";
import type { CursorOpened, Fetched, ReadRequest } from "./protocol";
import { valueOf } from "./row-values";
import { bind } from "./statement";

/** What {@link Cursors} needs. */
export interface CursorsOptions {
  /** Most cursors open at once. */
  most: number;
  connect: () => Promise<DatabaseConnection>;
  /** Known once there was a connection. */
  dialect: () => Dialect;
}

interface Open {
  connection: DatabaseConnection;
  cursor: ConnectionCursor;
}

/** The reads that are going on. Each has a connection to itself: a reader waits for the flow as long as it takes, and no writer waits for a reader. */
export class Cursors {
  private readonly cursors = new Map<number, Open>();
  private lastId = 0;

  constructor(private readonly options: CursorsOptions) {}

  async open(request: ReadRequest): Promise<CursorOpened> {
    if (this.cursors.size >= this.options.most) throw new ConnectorError("DATABASE_UNAVAILABLE", `${this.options.most} queries are being read already`);
    const connection = await this.options.connect();
    const { sql, parameters } = bind(request, this.options.dialect());
    try {
      const cursor = await connection.cursor(sql, parameters, request.fetchSize);
      this.lastId += 1;
      this.cursors.set(this.lastId, { connection, cursor });
      return { cursor: this.lastId, columns: cursor.columns.map(({ name, type }) => ({ name, type })) };
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async fetch(id: number): Promise<Fetched> {
    const open = this.cursors.get(id);
    if (!open) throw new ConnectorError("DATABASE_UNAVAILABLE", "The query is no longer being read");
    const rows = await open.cursor.fetch();
    if (rows.length === 0) await this.closeCursor(id);
    return { rows: rows.map((row) => open.cursor.columns.map(({ name }) => valueOf(row[name]))), done: rows.length === 0 };
  }

  async closeCursor(id: number): Promise<void> {
    const open = this.cursors.get(id);
    this.cursors.delete(id);
    await open?.cursor.close();
    await open?.connection.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.cursors.keys()].map((id) => this.closeCursor(id)));
  }
}
