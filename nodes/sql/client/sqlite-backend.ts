import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { ConnectorError, errorText, isConnectorError } from "../../common/errors";
import { atWorkFor } from "./at-work-for";
import type { Backend, ConnectionCursor, DatabaseConnection, DriverColumn, Parameter, QueryResult } from "./backend";
import { databaseError, statementError } from "./errors";
import { PageSize } from "./page-size";
import type { OpenOptions } from "./protocol";
import { SqlitePlace } from "./sqlite-place";

/** How long SQLite waits for another process's write, in ms. */
const BUSY_TIMEOUT = 5000;
/** Statements follow each other without a break so long at most, in ms: the parent takes who gives no sign of life for a statement that never ends. */
const BREATH = 500;

let breathed = 0;

/** Node's own SQLite. It is synchronous, which is harmless here: the child process has nothing else to do. */
export class SqliteBackend implements Backend {
  readonly dialect = "sqlite" as const;
  private readonly sqlite: typeof import("node:sqlite");
  private readonly open = new Set<SqliteConnection>();
  /** Of the file before, while what stood beside it is still there. */
  private left: SqlitePlace | undefined;

  /** @throws ConnectorError `DRIVER_MISSING` on a Node.js without `node:sqlite` */
  constructor(private readonly options: Pick<OpenOptions, "file">) {
    try {
      this.sqlite = require("node:sqlite") as typeof import("node:sqlite"); // eslint-disable-line @typescript-eslint/no-require-imports -- absent before Node 22.13
    } catch (error) {
      throw tooOld(error);
    }
    // the names of a result's columns cannot be asked for before; absent in 23.0 to 23.10, too
    if (!("columns" in this.sqlite.StatementSync.prototype)) throw tooOld();
  }

  connect(): Promise<DatabaseConnection> {
    return attempt(() => {
      for (const { place } of this.open) if (place.isLeft) this.leave(place);
      this.setLogAside();
      const database = new this.sqlite.DatabaseSync(this.options.file, { enableForeignKeyConstraints: true });
      try {
        // WAL lets others read while we write; FULL syncs at each commit, which is what a message's done() promises
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

  /** The file is another one now: closes all that is open on the one before. @returns what happened, for people */
  leave(place: SqlitePlace): string {
    for (const connection of this.open) connection.drop();
    this.left = place;
    const log = this.setLogAside();
    return `The file ${place.file} was deleted or replaced while it was open: it is opened anew${log === undefined ? "" : `, and the write-ahead log of the one before is kept as ${log}`}`;
  }

  /** @throws ConnectorError `DATABASE_UNAVAILABLE`: with the log of another, the new file would be damaged */
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

  /** No longer open. */
  forget(connection: SqliteConnection): void {
    this.open.delete(connection);
  }
}

class SqliteConnection implements DatabaseConnection {
  private closed = false;
  /** A file that could only be read when it was opened is not written to, whatever its rights are now. */
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
        return { rows, rowsAffected: -1, columns: columnsOf(statement) }; // others than before, perhaps: see below
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
      // a list for a row: two columns of one name keep their values, and no object is made (Node.js 22.16 on)
      if ("setReturnArrays" in statement) statement.setReturnArrays(true);
      const rows = statement.iterate(...(parameters.map(exact) as SQLInputValue[])) as Iterator<unknown>;
      return {
        columns,
        fetch: async () => {
          const page = await this.attempt(() => take(rows, fetchSize));
          // SQLite prepares a statement anew by itself when another process has altered the table
          if (namesOf(columnsOf(statement)) !== namesOf(columns)) throw new ConnectorError("DATABASE_BUSY", "A table of the query was altered as it began");
          return page;
        },
        close: async () => void rows.return?.(),
      };
    });
  }

  begin(): Promise<void> {
    return this.attempt(() => this.database.exec("begin immediate")); // else two that read first lock each other out
  }

  commit(): Promise<void> {
    return this.attempt(() => {
      this.database.exec("commit");
      this.stay();
    });
  }

  private prepare(sql: string): StatementSync {
    const statement = this.database.prepare(sql);
    statement.setReadBigInts(true); // a 64-bit integer throws otherwise
    return statement;
  }

  rollback(): Promise<void> {
    return this.attempt(() => {
      if (this.database.isTransaction) this.database.exec("rollback"); // unknown before Node 22.16, and nothing here begins one
    });
  }

  async close(): Promise<void> {
    this.drop();
  }

  /** Closes at once. */
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

  /** To be called when a statement has committed: who deletes the file, or puts another in its place, stops nobody from writing to the old one. @throws ConnectorError `DATABASE_UNAVAILABLE` */
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

/** SQLite has no booleans: 0 and 1 in a column declared so are, as its ODBC driver has it. Other types are names: the values tell what they are. */
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

/** A number is bound as a float, and 5 would be "5.0" in a text column; a big integer is bound as an integer. */
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
    if (code === "ERR_INVALID_STATE") throw new ConnectorError("DATABASE_UNAVAILABLE", errorText(error), { cause: error }); // closed: no row's fault
    throw new ConnectorError("ROW_REFUSED", errorText(error), { cause: error }); // a value it cannot bind
  }
}
