import { within } from "../../../common/deadline";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import { type ConnectionCursor, type DatabaseConnection, type DriverColumn, type Parameter, type QueryResult, Untyped } from "../child/backend";
import type { Statement } from "../dialect";
import { endedByItself, failureWithin, odbcDiagnosis, statementError } from "../errors";
import { OdbcCursor, type OdbcCursorOptions } from "./odbc-cursor";
import { type OdbcHandle, odbcParameters, type OdbcResult } from "./odbc-module";
import type { ParameterTypes, ResolvedStatement } from "./parameter-types";
import type { DialectName } from "../protocol";
import { lex } from "../sql-lexer";
import { wholeResult } from "./whole-result";

/** A statement is cancelled after its time limit. If it has not ended this many ms later, it never will. */
const CANCEL_GRACE = 5000;
/** SQLSTATEs of PostgreSQL: an expression has another type than its column, or than an operator or function takes. */
const OTHER_TYPE = /^(42804|42883)$/;
/** ms that closing waits for the driver. */
const CLOSE_LIMIT = 2000;

/** How {@link OdbcConnection} works. */
export interface OdbcConnectionOptions {
  /** Whether it is for cursors: rows come as lists, and are fetched as they are wanted. */
  reads: boolean;
  /** Time limit of a statement, in ms. */
  timeout: number;
  dialect: DialectName | undefined;
  /** Ends the process; called when a driver call hangs for good. */
  stuck: (reason: string) => void;
  types: ParameterTypes;
}

/** A connection through a driver. */
export class OdbcConnection implements DatabaseConnection {
  /**
   * Whether it must not be used again. After a statement that failed or was cancelled, a connection that reads is in a transaction that nothing can end (psqlodbc with
   * UseDeclareFetch: 25P02 from then on). And where SQLite has refused a statement, because the file may only be read or was replaced, the connection keeps to
   * what it found when the file was opened, even if the file has been fixed.
   */
  private spoilt = false;
  /**
   * Whether a statement was cancelled. If that was just when it ended by itself, unixODBC takes its cursor for closed, and the next call fails with
   * "Function sequence error", which is no row's fault.
   */
  private cancelled = false;
  /** Whether it was closed on our side: SQLite's driver refuses to close it when a statement has ended the transaction by itself. */
  private closed = false;
  /** Whether a statement has failed, so that MariaDB's `show errors` may still list its error after the next. */
  private failed = false;
  mostBytes: number | undefined;

  constructor(
    private readonly handle: OdbcHandle,
    private readonly options: OdbcConnectionOptions,
  ) {}

  get alive(): boolean {
    return this.handle.connected && !this.spoilt && !this.closed;
  }

  async query(sql: string, parameters: readonly Parameter[] = []): Promise<QueryResult> {
    this.checkReturning(sql);
    const ready = await this.ready({ sql, parameters: [...parameters] });
    if (this.options.dialect === "mariadb" && this.failed && !FORGETS.test(sql)) await this.limited(() => this.handle.query(FORGET, []));
    this.failed = false;
    const hasValues = ready.parameters.length > 0;
    const result = await this.known(sql, ready, () => this.limited(() => this.handle.query(ready.sql, odbcParameters(ready.parameters)), undefined, hasValues));
    this.stillConnected();
    const columns = this.columnsOf(result);
    if (this.options.dialect === "mariadb" && hidesErrors(sql, columns, result)) await this.checkErrors();
    const rows = this.options.reads ? result.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, (row as unknown[])[index]]))) : result;
    return { rows: rows as Record<string, unknown>[], rowsAffected: result.count, columns };
  }

  /** Asks the server for an error that the driver has not reported. @throws ConnectorError the last error of the statement before */
  private async checkErrors(): Promise<void> {
    const errors = await this.limited(() => this.handle.query("show errors", []));
    const last = errors.at(-1) as object | undefined;
    if (!last) return;
    this.failed = true;
    const [, native, message] = Object.values(last) as unknown[];
    throw statementError({ state: "", native: Number(native), message: String(message) }, this.options.dialect);
  }

  async cursor(sql: string, parameters: readonly Parameter[], fetchSize: number, oneByOne = false): Promise<ConnectionCursor> {
    const { reads, dialect } = this.options;
    // without `reads` the driver takes the whole result into memory anyway; for a procedure of MariaDB, query() asks the server for errors after its first result
    if (!reads || (dialect === "mariadb" && CALL.test(sql))) return wholeResult(this, { sql, parameters: [...parameters] }, fetchSize);
    // with MariaDB's driver the addon skips rows when it fetches several at once (Connector/ODBC 3.1.15)
    const atOnce = oneByOne || dialect === "mariadb" ? 1 : fetchSize;
    const ready = await this.ready({ sql, parameters: [...parameters] });
    const options: OdbcCursorOptions = {
      fetchSize,
      atOnce,
      limited: (call, cancel) => this.limited(call, cancel),
      columnsOf: (result) => this.columnsOf(result),
      stillConnected: () => this.stillConnected(),
    };
    return this.known(sql, ready, () => OdbcCursor.open(this.handle, ready, options));
  }

  private async ready(statement: Statement): Promise<Statement & Partial<ResolvedStatement>> {
    if (this.mostBytes !== undefined) checkSize(statement, this.mostBytes);
    if (!statement.parameters.some((value) => value instanceof Untyped)) return statement;
    return this.options.types.resolve(statement, async (sql) => (await this.query(sql)).rows);
  }

  /**
   * Makes a call that relies on the remembered types of a statement's parameters. They are forgotten when it fails, since they may be wrong by now. @throws ConnectorError
   * `DATABASE_BUSY` when they are: the next try will go by others
   */
  private async known<T>(sql: string, { recalled }: Partial<ResolvedStatement>, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      this.options.types.forget(sql);
      if (!recalled || !isConnectorError(error) || !OTHER_TYPE.test(String(error.details["state"]))) throw error;
      throw new ConnectorError("DATABASE_BUSY", "A table of the statement was altered as it began", { details: error.details, cause: error });
    }
  }

  begin(): Promise<void> {
    return this.limited(() => this.handle.beginTransaction());
  }

  async commit(): Promise<void> {
    // as a statement it can be cancelled, and the driver's own commit has nothing left to send: PostgreSQL may wait for a standby without end
    if (this.options.dialect === "postgresql") await this.limited(() => this.handle.query("commit", []));
    await this.limited(() => this.handle.commit());
    this.stillConnected();
  }

  /**
   * Checks after a call that the connection is still there. When it breaks just after a statement, psqlodbc reports success, and then silently commits nothing, since
   * the transaction ended with the connection (seen in 4 of 182 commits while the server ended connections at random). @throws ConnectorError `DATABASE_UNAVAILABLE`
   */
  private stillConnected(): void {
    if (!this.handle.connected) throw new ConnectorError("DATABASE_UNAVAILABLE", "The connection to the database broke before it was known whether it has done what was asked");
  }

  /** Makes a driver call with the time limit of a statement. @throws ConnectorError */
  private async limited<T>(call: () => Promise<T>, cancel = () => this.handle.cancel(), hasValues = false): Promise<T> {
    const { timeout, dialect, stuck, reads } = this.options;
    if (!reads) this.cancelled = false; // all calls of a cursor belong to one statement
    let grace: NodeJS.Timeout | undefined;
    const timer = setTimeout(() => {
      this.cancelled = true;
      this.spoilt ||= reads;
      cancel().catch(() => undefined);
      grace = setTimeout(() => stuck(`a statement did not end within ${timeout} ms and cannot be cancelled`), CANCEL_GRACE);
    }, timeout);
    try {
      return await call();
    } catch (error) {
      const lost = !this.handle.connected;
      this.failed = true;
      const diagnosis = odbcDiagnosis(error);
      const failed = statementError(diagnosis, dialect);
      this.spoilt ||= reads || (dialect === "sqlite" && failed.code === "DATABASE_REFUSED");
      // when the connection is lost, or the statement was cancelled, the row is not to blame, whatever state the driver gives
      if (failed.scope === "message" && lost && !endedByItself(failed)) throw new ConnectorError("DATABASE_UNAVAILABLE", failed.message, { details: failed.details });
      if (failed.scope === "message" && this.cancelled) throw new ConnectorError("DATABASE_BUSY", `The statement did not end within ${timeout} ms`, { details: failed.details });
      throw hasValues ? failureWithin(failed, diagnosis) : failed;
    } finally {
      clearTimeout(timer);
      clearTimeout(grace);
    }
  }

  rollback(): Promise<void> {
    return this.limited(() => this.handle.rollback());
  }

  async close(): Promise<void> {
    if (this.closed) return; // the addon throws when it is closed twice
    this.closed = true;
    await within(this.handle.close(), CLOSE_LIMIT).catch(() => undefined); // MariaDB's driver fails to close a dead connection: there is nothing to be done about it
  }

  private columnsOf({ columns }: OdbcResult): DriverColumn[] {
    const { dialect } = this.options;
    return (columns ?? []).map(({ name, dataTypeName, columnSize: size, decimalDigits: scale }) => {
      const type = dataTypeName.replace(/^SQL_/, "").toLowerCase();
      // SQLite has no types for dates and times: such a column holds any text
      if (dialect === "sqlite") return { name, type: type.startsWith("type_") ? "varchar" : type, size, scale };
      return { name, type, size, scale, honest: dialect === "mariadb" };
    });
  }

  /** Refuses `returning` with SQLite's driver, which runs such a statement but loses its rows. @throws ConnectorError `NOT_CONFIGURED` */
  private checkReturning(sql: string): void {
    if (this.options.dialect !== "sqlite" || !/\breturning\b/i.test(sql) || !lex(sql.replaceAll("?", ":p"), "sqlite").returns) return;
    throw new ConnectorError("NOT_CONFIGURED", "SQLite's ODBC driver loses the rows of `returning`: leave it out, or use the embedded SQLite", { details: { statement: true } });
  }
}

/**
 * Whether MariaDB's driver may have passed over an error (Connector/ODBC 3.1.15). It takes an error with the SQLSTATE of a warning for success (01000 for a word that
 * is not in an enum): nothing was done then, and no row is counted. Of a procedure it gives the first result, and no error that follows.
 */
function hidesErrors(sql: string, columns: readonly DriverColumn[], { count }: OdbcResult): boolean {
  return (columns.length === 0 && count <= 0) || CALL.test(sql);
}

const CALL = /^\s*(call|execute)\b/i;

/** Statements that make MariaDB forget the errors of the one before: they use a table. `set`, or a procedure without tables, does not. */
const FORGETS = /^\s*(insert|update|delete|replace)\b/i;
const FORGET = "select 1 from (select 1) q limit 0";

/** How many bytes a statement, and each of its values, take at most in a packet besides themselves. */
const FRAME = 1024;
const VALUE_FRAME = 12;
/** Most bytes of UTF-8 for one UTF-16 unit. */
const MOST_BYTES_A_UNIT = 3;

/** @throws ConnectorError `PAYLOAD_TOO_LARGE` */
function checkSize({ sql, parameters }: Statement, most: number): void {
  const size = (of: (text: string) => number): number =>
    parameters.reduce<number>((sum, value) => sum + VALUE_FRAME + (typeof value === "string" ? of(value) : value instanceof Uint8Array ? value.byteLength : 0), of(sql) + FRAME);
  if (size((text) => text.length * MOST_BYTES_A_UNIT) <= most) return; // so small that the bytes need not be counted, as nearly all are
  const bytes = size((text) => Buffer.byteLength(text));
  if (bytes > most) throw new ConnectorError("PAYLOAD_TOO_LARGE", `The statement has ${bytes} bytes with its values; the database takes ${most} at once`);
}
