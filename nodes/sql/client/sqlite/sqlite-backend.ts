import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { ConnectorError, errorText, isConnectorError } from "../../../common/errors";
import { atWorkFor } from "../child/at-work-for";
import type { Backend, ConnectionCursor, DatabaseConnection, DriverColumn, Parameter, QueryResult } from "../child/backend";
import { databaseError, statementError } from "../errors";
import { PageSize } from "../child/page-size";
import type { OpenOptions } from "../protocol";
import { SqlitePlace } from "./sqlite-place";

/** How long SQLite waits for a write of another process, in ms. */
const BUSY_TIMEOUT = 5000;
/** How long statements may follow each other without a pause, in ms. Without signs of life, the parent would believe that a statement never ends. */
const BREATH = 500;

let breathed = 0;

/** Opens Node's own SQLite. It is synchronous, which is harmless here, since the child process has nothing else to do. */
export class SqliteBackend implements Backend {
  readonly dialect = "sqlite" as const;
  private readonly sqlite: typeof import("node:sqlite");
  private readonly open = new Set<SqliteConnection>();
  /** The file that was open before, while its write-ahead log is still in the way. */
  private left: SqlitePlace | undefined;

  /** @throws ConnectorError `DRIVER_MISSING` on a Node.js without `node:sqlite` */
  constructor(private readonly options: Pick<OpenOptions, "file">) {
    try {
      this.sqlite = require("node:sqlite") as typeof import("node:sqlite"); // eslint-disable-line @typescript-eslint/no-require-imports -- absent before Node 22.13
    } catch (error) {
      throw tooOld(error);
    }
    // columns() gives the names of a result's columns before its rows; it is absent before 22.16, and in 23.0 to 23.10, too
    if (!("columns" in this.sqlite.StatementSync.prototype)) throw tooOld();
  }

  connect(): Promise<DatabaseConnection> {
    return attempt(() => {
      for (const { place } of this.open) if (place.isLeft) this.leave(place);
      this.setLogAside();
      const database = new this.sqlite.DatabaseSync(this.options.file, { enableForeignKeyConstraints: true });
      try {
        // WAL lets others read while we write; FULL writes each commit to the disk, as a message's done() promises
        database.exec(`pragma busy_timeout = ${BUSY_TIMEOUT}; pragma journal_mode = wal; pragma synchronous = full`);
      } catch (error) {
        database.close();
        throw error;
      }
      const connection = new SqliteConnection(database, new SqlitePlace(this.options.file), this);
      this.open.add(connection);
      return connection;
    }, databaseError);
  }

  /** Closes all connections to a file whose name now belongs to another file, or to none. @returns what happened, in words for the user */
  leave(place: SqlitePlace): string {
    for (const connection of this.open) connection.drop();
    this.left = place;
    const log = this.setLogAside();
    return `The file ${place.file} was deleted or replaced while it was open: it is opened anew${log === undefined ? "" : `, and the write-ahead log of the one before is kept as ${log}`}`;
  }

  /** Moves the log of the file before out of the way. @throws ConnectorError `DATABASE_UNAVAILABLE` when that fails: another file's log would damage the new file */
  private setLogAside(): string | undefined {
    try {
      const log = this.left?.setLogAside();
      this.left = undefined;
      return log;
    } catch (error) {
      const say = `The file ${this.options.file} was deleted or replaced while it was open, and is not opened anew while the write-ahead log of the one before is in the way: ${errorText(error)}`;
      throw new ConnectorError("DATABASE_UNAVAILABLE", say, { cause: error });
    }
  }

  /** Called when a connection was closed. */
  forget(connection: SqliteConnection): void {
    this.open.delete(connection);
  }
}

class SqliteConnection implements DatabaseConnection {
  private closed = false;
  /** Set when the database refused something: a file that could only be read when it was opened stays read-only, whatever its rights are now. */
  private refused = false;

  constructor(
    private readonly database: DatabaseSync,
    readonly place: SqlitePlace,
    private readonly backend: SqliteBackend,
  ) {}

  get alive(): boolean {
    return !this.closed && !this.refused;
  }

  query(sql: string, parameters: readonly Parameter[] = []): Promise<QueryResult> {
    return this.attempt(() => {
      const statement = this.prepare(sql);
      const columns = columnsOf(statement);
      const values = parameters.map(exact) as SQLInputValue[];
      if (columns.length > 0) {
        const rows = statement.all(...values);
        if (!this.database.isTransaction) this.stay();
        return { rows, rowsAffected: -1, columns: columnsOf(statement) }; // may differ from those above, see cursor()
      }
      const { changes } = statement.run(...values);
      if (!this.database.isTransaction) this.stay();
      return { rows: [], rowsAffected: Number(changes), columns };
    });
  }

  cursor(sql: string, parameters: readonly Parameter[], fetchSize: number): Promise<ConnectionCursor> {
    return this.attempt(() => {
      this.stay();
      const statement = this.prepare(sql);
      const columns = columnsOf(statement);
      // rows as lists (since Node.js 22.16): columns of the same name keep their values, and no object is made
      if ("setReturnArrays" in statement) statement.setReturnArrays(true);
      const rows = statement.iterate(...(parameters.map(exact) as SQLInputValue[])) as Iterator<unknown>;
      return {
        columns,
        fetch: async () => {
          const page = await this.attempt(() => take(rows, fetchSize));
          // SQLite by itself prepares a statement again when another process has altered the table
          if (namesOf(columnsOf(statement)) !== namesOf(columns)) throw new ConnectorError("DATABASE_BUSY", "A table of the query was altered as it began");
          return page;
        },
        close: async () => void rows.return?.(),
      };
    });
  }

  begin(): Promise<void> {
    return this.attempt(() => this.database.exec("begin immediate")); // else two transactions that read first would lock each other out
  }

  commit(): Promise<void> {
    return this.attempt(() => {
      this.database.exec("commit");
      this.stay();
    });
  }

  private prepare(sql: string): StatementSync {
    const statement = this.database.prepare(sql);
    statement.setReadBigInts(true); // otherwise a large 64-bit integer throws
    return statement;
  }

  rollback(): Promise<void> {
    return this.attempt(() => {
      if (this.database.isTransaction) this.database.exec("rollback"); // absent in Node 23.11, since it came with 22.16 and 24.0: nothing is rolled back there
    });
  }

  async close(): Promise<void> {
    this.drop();
  }

  /** Closes the connection, synchronously. */
  drop(): void {
    if (this.closed) return;
    this.closed = true;
    this.backend.forget(this);
    this.database.close();
  }

  private async attempt<T>(work: () => T): Promise<T> {
    if (performance.now() - breathed > BREATH) {
      await setTimeout(1);
      breathed = performance.now();
    }
    atWorkFor.getStore()?.();
    try {
      return await attempt(work);
    } catch (error) {
      this.refused ||= this.place.file !== ":memory:" && isConnectorError(error) && error.code === "DATABASE_REFUSED";
      throw error;
    }
  }

  /** To be called after each commit, since a file that was deleted or replaced can still be written to. @throws ConnectorError `DATABASE_UNAVAILABLE` when it was */
  private stay(): void {
    if (!this.place.isLeft) return;
    throw new ConnectorError("DATABASE_UNAVAILABLE", this.backend.leave(this.place));
  }
}

function columnsOf(statement: StatementSync): DriverColumn[] {
  return statement.columns().map(({ name, type }) => ({ name, type: typeOf(type), size: 0, scale: 0 }));
}

function namesOf(columns: readonly DriverColumn[]): string {
  return columns.map(({ name }) => name).join("\0");
}

/** Returns the declared type. SQLite has no booleans: a column declared as one holds 0 and 1 and is a `bit`, as for its ODBC driver. Other types only are names. */
function typeOf(declared: string | null): string {
  const type = (declared ?? "").toLowerCase();
  return /^(bool|boolean|bit)$/.test(type) ? "bit" : type;
}

function take(rows: Iterator<unknown>, most: number): unknown[][] {
  const taken: unknown[][] = [];
  const size = new PageSize();
  for (let more = true; taken.length < most && (more || most === Infinity); ) {
    const next = rows.next();
    if (next.done) break;
    const row: unknown[] = Array.isArray(next.value) ? next.value : Object.values(next.value as object);
    taken.push(row);
    more = size.add(row);
  }
  return taken;
}

function tooOld(cause?: unknown): ConnectorError {
  const say = `The embedded SQLite needs Node.js 22.16 or later (of 23, 23.11); this is ${process.version}: upgrade Node.js, or use SQLite through ODBC`;
  return new ConnectorError("DRIVER_MISSING", say, { cause });
}

/** Turns a whole number into a big integer. SQLite would get a number as a float, and 5 would become "5.0" in a text column. */
function exact(value: Parameter): Parameter {
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
}

async function attempt<T>(work: () => T, failed: typeof databaseError = statementError): Promise<T> {
  try {
    return work();
  } catch (error) {
    if (isConnectorError(error)) throw error;
    const { errcode: native, code } = error as { errcode?: unknown; code?: unknown };
    if (typeof native === "number") throw failed({ state: "HY000", native, message: errorText(error) }, "sqlite");
    if (code === "ERR_INVALID_STATE") throw new ConnectorError("DATABASE_UNAVAILABLE", errorText(error), { cause: error }); // the database is closed, which no row has caused
    throw new ConnectorError("ROW_REFUSED", errorText(error), { cause: error }); // a value that cannot be bound
  }
}
