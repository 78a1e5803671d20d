import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { ConnectorError, errorText } from "../../common/errors";
import type { Backend, ConnectionCursor, DatabaseConnection, DriverColumn, Parameter, QueryResult } from "./backend";
import { databaseError } from "./errors";
import type { OpenOptions } from "./protocol";

/** How long SQLite waits for another process's write, in ms. */
const BUSY_TIMEOUT = 5000;

/** Node's own SQLite. It is synchronous, which is harmless here: the child process has nothing else to do. */
export class SqliteBackend implements Backend {
  readonly dialect = "sqlite" as const;
  private readonly sqlite: typeof import("node:sqlite");

  /** @throws ConnectorError `DRIVER_MISSING` on a Node.js without `node:sqlite` */
  constructor(private readonly options: Pick<OpenOptions, "file">) {
    try {
      this.sqlite = require("node:sqlite") as typeof import("node:sqlite"); // eslint-disable-line @typescript-eslint/no-require-imports -- absent before Node 22.13
    } catch (error) {
      throw new ConnectorError(
        "DRIVER_MISSING",
        `The embedded SQLite needs Node.js 22.13 or later; this is ${process.version}: upgrade Node.js, or use SQLite through ODBC`,
        { cause: error },
      );
    }
  }

  connect(): Promise<DatabaseConnection> {
    return attempt(() => {
      const database = new this.sqlite.DatabaseSync(this.options.file, { enableForeignKeyConstraints: true });
      try {
        // WAL lets others read while we write; FULL syncs at each commit, which is what a message's done() promises
        database.exec(`pragma busy_timeout = ${BUSY_TIMEOUT}; pragma journal_mode = wal; pragma synchronous = full`);
      } catch (error) {
        database.close();
        throw error;
      }
      return new SqliteConnection(database);
    });
  }
}

class SqliteConnection implements DatabaseConnection {
  alive = true;

  constructor(private readonly database: DatabaseSync) {}

  query(sql: string, parameters: readonly Parameter[] = []): Promise<QueryResult> {
    return attempt(() => {
      const statement = this.prepare(sql);
      const columns = columnsOf(statement);
      const values = parameters.map(exact) as SQLInputValue[];
      if (columns.length > 0) return { rows: statement.all(...values), rowsAffected: -1, columns };
      return { rows: [], rowsAffected: Number(statement.run(...values).changes), columns };
    });
  }

  cursor(sql: string, parameters: readonly Parameter[], fetchSize: number): Promise<ConnectionCursor> {
    return attempt(() => {
      const statement = this.prepare(sql);
      const rows = statement.iterate(...(parameters.map(exact) as SQLInputValue[]));
      return {
        columns: columnsOf(statement),
        fetch: () => attempt(() => take(rows, fetchSize)),
        close: async () => void rows.return?.(),
      };
    });
  }

  begin(): Promise<void> {
    return attempt(() => this.database.exec("begin immediate")); // else two that read first lock each other out
  }

  commit(): Promise<void> {
    return attempt(() => this.database.exec("commit"));
  }

  private prepare(sql: string): StatementSync {
    const statement = this.database.prepare(sql);
    statement.setReadBigInts(true); // a 64-bit integer throws otherwise
    return statement;
  }

  rollback(): Promise<void> {
    return attempt(() => {
      if (this.database.isTransaction) this.database.exec("rollback"); // unknown before Node 22.16, and nothing here begins one
    });
  }

  async close(): Promise<void> {
    if (!this.alive) return;
    this.alive = false;
    this.database.close();
  }
}

function columnsOf(statement: StatementSync): DriverColumn[] {
  return statement.columns().map(({ name, type }) => ({ name, type: (type ?? "").toLowerCase(), size: 0, scale: 0 }));
}

function take(rows: Iterator<Record<string, unknown>>, most: number): Record<string, unknown>[] {
  const taken: Record<string, unknown>[] = [];
  while (taken.length < most) {
    const next = rows.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}

/** A number is bound as a float, and 5 would be "5.0" in a text column; a big integer is bound as an integer. */
function exact(value: Parameter): Parameter {
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
}

async function attempt<T>(work: () => T): Promise<T> {
  try {
    return work();
  } catch (error) {
    const native = (error as { errcode?: unknown }).errcode;
    if (typeof native === "number") throw databaseError({ state: "HY000", native, message: errorText(error) }, "sqlite");
    throw new ConnectorError("ROW_REFUSED", errorText(error), { cause: error }); // a value it cannot bind
  }
}
