import { ConnectorError } from "../../common/errors";
import { type Backend, type ConnectionCursor, type DatabaseConnection, type DriverColumn, type Parameter, type QueryResult, Untyped } from "./backend";
import type { Statement } from "./dialect";
import { databaseError, odbcDiagnosis } from "./errors";
import { missingPackage } from "./install-hint";
import { ParameterTypes } from "./parameter-types";
import type { DialectName, OpenOptions } from "./protocol";
import { lex } from "./sql-lexer";

/** The part of npm odbc that is used. Its pool and its reusable statements are not: the one never recovers, the other loses data (IBM/node-odbc #334). */
interface OdbcModule {
  connect(options: { connectionString: string; loginTimeout: number; connectionTimeout: number; fetchArray: boolean }): Promise<OdbcHandle>;
}

interface OdbcHandle {
  readonly connected: boolean;
  query(sql: string, parameters: Parameter[]): Promise<OdbcResult>;
  query(sql: string, parameters: Parameter[], options: { cursor: true; fetchSize: number }): Promise<OdbcCursor>;
  beginTransaction(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  cancel(): Promise<void>;
  close(): Promise<void>;
}

/** Rows, objects or lists as the connection was asked for, with what the driver says of them; `columns` describes the result, rows or not. */
interface OdbcResult extends Array<unknown> {
  count: number;
  columns: { name: string; dataTypeName: string; columnSize: number; decimalDigits: number }[];
}

interface OdbcCursor {
  fetch(): Promise<OdbcResult>;
  close(): Promise<void>;
}

/** After its time limit a statement is cancelled; one that has not ended this many ms later never will. */
const CANCEL_GRACE = 5000;
/** A driver that ignores its login timeout gets this many ms more. */
const LOGIN_GRACE = 2000;
const CLOSE_LIMIT = 2000;
/** Rows psqlodbc asks the server for at once. */
const DRIVER_FETCH = 500;

/** Opens connections through the unixODBC driver manager. */
export class OdbcBackend implements Backend {
  readonly dialect: DialectName | undefined;
  private readonly odbc: OdbcModule;
  private readonly types = new ParameterTypes();

  /**
   * @param stuck called when a driver call does not come back and cannot be cancelled: its thread is lost, only the process's end frees it
   * @throws ConnectorError `DRIVER_MISSING` with the command to run
   */
  constructor(
    private readonly options: OpenOptions,
    private readonly stuck: (reason: string) => void,
  ) {
    this.dialect = options.dialect === "auto" ? undefined : options.dialect;
    try {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- optional and native: only loaded in the child, only when asked for
      this.odbc = require("odbc") as OdbcModule;
    } catch (error) {
      throw missingPackage(error);
    }
  }

  async connect(purpose?: "read"): Promise<DatabaseConnection> {
    const { loginTimeout } = this.options;
    const reads = purpose === "read";
    const connectionString = this.options.connectionString + (reads ? this.streaming() : "");
    const seconds = Math.max(1, Math.ceil(loginTimeout / 1000));
    const timer = setTimeout(() => this.stuck(`no answer to the login within ${seconds} s, and the driver waits on`), seconds * 1000 + LOGIN_GRACE);
    try {
      const handle = await this.odbc.connect({ connectionString, loginTimeout: seconds, connectionTimeout: 0, fetchArray: reads });
      return new OdbcConnection(handle, { reads, timeout: this.options.queryTimeout, dialect: this.dialect, stuck: this.stuck, types: this.types });
    } catch (error) {
      const failed = databaseError(odbcDiagnosis(error), this.dialect);
      // whatever else keeps us from logging in keeps everybody out: never a row's fault
      if (failed.scope === "system") throw failed;
      throw new ConnectorError("DATABASE_UNAVAILABLE", failed.message, { details: failed.details, cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** What makes a driver fetch rows as they are wanted: by default it takes the whole result into memory first. The first of two equal keys wins. */
  private streaming(): string {
    if (this.dialect === "postgresql") return `;UseDeclareFetch=1;Fetch=${DRIVER_FETCH}`;
    return this.dialect === "mariadb" ? ";NO_CACHE=1" : "";
  }
}

interface ConnectionOptions {
  reads: boolean;
  timeout: number;
  dialect: DialectName | undefined;
  stuck: (reason: string) => void;
  types: ParameterTypes;
}

class OdbcConnection implements DatabaseConnection {
  /** A failed statement has left a connection that reads in a transaction nobody can end (psqlodbc with UseDeclareFetch: 25P02 from then on). */
  private spoilt = false;

  constructor(
    private readonly handle: OdbcHandle,
    private readonly options: ConnectionOptions,
  ) {}

  get alive(): boolean {
    return this.handle.connected && !this.spoilt;
  }

  async query(sql: string, parameters: readonly Parameter[] = []): Promise<QueryResult> {
    this.checkReturning(sql);
    const ready = await this.typed({ sql, parameters: [...parameters] });
    const result = await this.known(sql, () => this.handle.query(ready.sql, ready.parameters.map(exact)));
    this.stillConnected();
    const columns = this.columnsOf(result);
    const rows = this.options.reads ? result.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, (row as unknown[])[index]]))) : result;
    return { rows: rows as Record<string, unknown>[], rowsAffected: result.count, columns };
  }

  async cursor(sql: string, parameters: readonly Parameter[], fetchSize: number, oneByOne = false): Promise<ConnectionCursor> {
    if (!this.options.reads) return this.wholeResult(sql, parameters);
    this.checkReturning(sql);
    // with MariaDB's driver the addon skips rows when it fetches more than one at once (Connector/ODBC 3.1.15)
    const atOnce = oneByOne || this.options.dialect === "mariadb" ? 1 : fetchSize;
    const ready = await this.typed({ sql, parameters: [...parameters] });
    const cursor = await this.known(sql, () => this.handle.query(ready.sql, ready.parameters.map(exact), { cursor: true, fetchSize: atOnce }));
    const next = async (): Promise<OdbcResult> => this.limited(() => cursor.fetch());
    /** The rows after those given last: the driver fetches them while the others are read and sent. */
    let ahead: Promise<OdbcResult> | undefined;
    const close = async (): Promise<void> => {
      await ahead?.catch(() => undefined);
      await cursor.close().catch(() => undefined);
    };
    let first: OdbcResult;
    try {
      first = await next(); // before it nothing is known of the columns
    } catch (error) {
      await close();
      throw error;
    }
    ahead = Promise.resolve(first);
    const rowsOf = (result: OdbcResult): unknown[][] => result as unknown[][];
    return {
      columns: this.columnsOf(first),
      fetch: async () => {
        const rows = rowsOf(await (ahead ?? next()));
        ahead = undefined;
        if (rows.length === 0) this.stillConnected(); // else it would be taken for the end
        if (rows.length === fetchSize && atOnce > 1) {
          ahead = next();
          ahead.catch(() => undefined); // told by the next fetch
        }
        while (rows.length > 0 && rows.length < fetchSize && atOnce < fetchSize) {
          const [row] = rowsOf(await next());
          if (!row) break;
          rows.push(row);
        }
        return rows;
      },
      close,
    };
  }

  /**
   * A result at once, given as a cursor would: a connection that is not for reading takes it into memory anyway. npm odbc 2.6.0 frees a
   * JavaScript reference on a thread of its own when it closes a cursor, and many short ones at once end the process (4 of 5 runs of 2,500 queries
   * on 4 connections).
   */
  private async wholeResult(sql: string, parameters: readonly Parameter[]): Promise<ConnectionCursor> {
    const { rows, columns } = await this.query(sql, parameters);
    let rest = rows.map((row) => Object.values(row));
    const fetch = (): Promise<unknown[][]> => {
      const all = rest;
      rest = [];
      return Promise.resolve(all);
    };
    return { columns, fetch, close: () => Promise.resolve() };
  }

  private async typed(statement: Statement): Promise<Statement> {
    if (!statement.parameters.some((value) => value instanceof Untyped)) return statement;
    return this.options.types.resolve(statement, async (sql) => (await this.query(sql)).rows);
  }

  /** A driver call with what is known of a statement: wrong, perhaps, when it fails. */
  private async known<T>(sql: string, call: () => Promise<T>): Promise<T> {
    try {
      return await this.limited(call);
    } catch (error) {
      this.options.types.forget(sql);
      throw error;
    }
  }

  begin(): Promise<void> {
    return this.limited(() => this.handle.beginTransaction());
  }

  async commit(): Promise<void> {
    await this.limited(() => this.handle.commit());
    this.stillConnected();
  }

  /**
   * psqlodbc gives out a result whose connection broke behind it as a good one, and then commits nothing, in silence: the transaction was the
   * connection's (seen in 4 of 182 commits while the server ended connections at random). What is there is looked at again, or done again.
   */
  private stillConnected(): void {
    if (!this.handle.connected) throw new ConnectorError("DATABASE_UNAVAILABLE", "The connection to the database broke before it was known whether it has done what was asked");
  }

  /** A driver call with the time limit of a statement. */
  private async limited<T>(call: () => Promise<T>): Promise<T> {
    const { timeout, dialect, stuck } = this.options;
    let grace: NodeJS.Timeout | undefined;
    const timer = setTimeout(() => {
      this.handle.cancel().catch(() => undefined);
      grace = setTimeout(() => stuck(`a statement did not end within ${timeout} ms and cannot be cancelled`), CANCEL_GRACE);
    }, timeout);
    try {
      return await call();
    } catch (error) {
      const lost = !this.handle.connected;
      this.spoilt = this.options.reads;
      const failed = databaseError(odbcDiagnosis(error), dialect);
      // whatever state a driver gives a lost connection: the row is not to blame
      if (failed.scope === "message" && lost) throw new ConnectorError("DATABASE_UNAVAILABLE", failed.message, { details: failed.details });
      throw failed;
    } finally {
      clearTimeout(timer);
      clearTimeout(grace);
    }
  }

  async rollback(): Promise<void> {
    try {
      await this.handle.rollback();
    } catch (error) {
      throw databaseError(odbcDiagnosis(error), this.options.dialect);
    }
  }

  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_LIMIT)));
    // closing a dead connection fails with MariaDB's driver: nothing to be done about it
    await Promise.race([this.handle.close().catch(() => undefined), limit]);
    clearTimeout(timer);
  }

  private columnsOf({ columns }: OdbcResult): DriverColumn[] {
    const { dialect } = this.options;
    return (columns ?? []).map(({ name, dataTypeName, columnSize: size, decimalDigits: scale }) => {
      const type = dataTypeName.replace(/^SQL_/, "").toLowerCase();
      // SQLite has no types for time: what is stored is text of any kind
      if (dialect === "sqlite") return { name, type: type.startsWith("type_") ? "varchar" : type, size, scale };
      return { name, type, size, scale, honest: dialect === "mariadb" };
    });
  }

  /** SQLite's driver runs such a statement, and loses its rows. */
  private checkReturning(sql: string): void {
    if (this.options.dialect !== "sqlite" || !/\breturning\b/i.test(sql) || !lex(sql.replaceAll("?", ":p"), "sqlite").returns) return;
    throw new ConnectorError("NOT_CONFIGURED", "SQLite's ODBC driver loses the rows of `returning`: leave it out, or use the embedded SQLite", { details: { statement: true } });
  }
}

/** The addon takes no big integers as parameters; as text they are exact. */
function exact(value: Parameter): Parameter {
  return typeof value === "bigint" ? String(value) : value;
}
