import { ConnectorError } from "../../common/errors";
import { type ConnectionCursor, type DatabaseConnection, type DriverColumn, type Parameter, type QueryResult, Untyped } from "./backend";
import type { Statement } from "./dialect";
import { failureWithin, odbcDiagnosis, statementError } from "./errors";
import { OdbcCursor, type OdbcCursorOptions } from "./odbc-cursor";
import { type OdbcHandle, odbcParameters, type OdbcResult } from "./odbc-module";
import type { ParameterTypes } from "./parameter-types";
import type { DialectName } from "./protocol";
import { lex } from "./sql-lexer";
import { wholeResult } from "./whole-result";

/** After its time limit a statement is cancelled; one that has not ended this many ms later never will. */
const CANCEL_GRACE = 5000;
const CLOSE_LIMIT = 2000;

/** How {@link OdbcConnection} works. */
export interface OdbcConnectionOptions {
  /** It is for cursors: rows come as lists, and as they are wanted. */
  reads: boolean;
  /** Of a statement, in ms. */
  timeout: number;
  dialect: DialectName | undefined;
  /** As of the backend. */
  stuck: (reason: string) => void;
  types: ParameterTypes;
}

/** A connection through a driver. */
export class OdbcConnection implements DatabaseConnection {
  /**
   * A statement that failed, or was cancelled, has left a connection that reads in a transaction nobody can end (psqlodbc with UseDeclareFetch: 25P02 from then on). Or SQLite's
   * file could only be read, or was another one, when it was opened: it is not written to, whatever it is now.
   */
  private spoilt = false;
  /**
   * A statement was cancelled, perhaps just as it ended by itself: unixODBC takes its cursor for closed then, and whatever is asked of it next is
   * a "Function sequence error", which says nothing of any row.
   */
  private cancelled = false;
  /** It is of no use any more, also when its driver would not close it: SQLite's does not where a statement has ended the transaction by itself. */
  private closed = false;
  /** MariaDB's server may still tell of the error of an earlier statement. */
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
    const result = await this.known(sql, () => this.limited(() => this.handle.query(ready.sql, odbcParameters(ready.parameters)), undefined, hasValues));
    this.stillConnected();
    const columns = this.columnsOf(result);
    if (this.options.dialect === "mariadb" && hidesErrors(sql, columns, result)) await this.checkErrors();
    const rows = this.options.reads ? result.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, (row as unknown[])[index]]))) : result;
    return { rows: rows as Record<string, unknown>[], rowsAffected: result.count, columns };
  }

  /** What the driver has kept to itself, the server tells. @throws ConnectorError the last error of the statement before */
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
    // the driver takes all of it into memory anyway; of a procedure of MariaDB it does not tell what fails behind its first result
    if (!reads || (dialect === "mariadb" && CALL.test(sql))) return wholeResult(this, { sql, parameters: [...parameters] }, fetchSize);
    // with MariaDB's driver the addon skips rows when it fetches more than one at once (Connector/ODBC 3.1.15)
    const atOnce = oneByOne || dialect === "mariadb" ? 1 : fetchSize;
    const ready = await this.ready({ sql, parameters: [...parameters] });
    const options: OdbcCursorOptions = {
      fetchSize,
      atOnce,
      limited: (call, cancel) => this.limited(call, cancel),
      columnsOf: (result) => this.columnsOf(result),
      stillConnected: () => this.stillConnected(),
    };
    return this.known(sql, () => OdbcCursor.open(this.handle, ready, options));
  }

  private async ready(statement: Statement): Promise<Statement> {
    if (this.mostBytes !== undefined) checkSize(statement, this.mostBytes);
    if (!statement.parameters.some((value) => value instanceof Untyped)) return statement;
    return this.options.types.resolve(statement, async (sql) => (await this.query(sql)).rows);
  }

  /** What goes by what is known of a statement: wrong, perhaps, when it fails. */
  private async known<T>(sql: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
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
  private async limited<T>(call: () => Promise<T>, cancel = () => this.handle.cancel(), hasValues = false): Promise<T> {
    const { timeout, dialect, stuck, reads } = this.options;
    if (!reads) this.cancelled = false; // a cursor's calls are one statement
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
      // whatever state a driver gives a lost connection: the row is not to blame
      if (failed.scope === "message" && lost) throw new ConnectorError("DATABASE_UNAVAILABLE", failed.message, { details: failed.details });
      if (failed.scope === "message" && this.cancelled) throw new ConnectorError("DATABASE_BUSY", `The statement did not end within ${timeout} ms`, { details: failed.details });
      throw hasValues ? failureWithin(failed, diagnosis) : failed;
    } finally {
      clearTimeout(timer);
      clearTimeout(grace);
    }
  }

  async rollback(): Promise<void> {
    try {
      await this.handle.rollback();
    } catch (error) {
      throw statementError(odbcDiagnosis(error), this.options.dialect);
    }
  }

  async close(): Promise<void> {
    if (this.closed) return; // the addon throws at a second time
    this.closed = true;
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

/**
 * Whether MariaDB's driver may have passed over an error (Connector/ODBC 3.1.15). It takes one whose SQLSTATE is a warning's, as 01000 of a word that is
 * not in an enum, for success: nothing is done then, and no row counted. Of a procedure it gives the first result, whatever comes after it.
 */
function hidesErrors(sql: string, columns: readonly DriverColumn[], { count }: OdbcResult): boolean {
  return (columns.length === 0 && count <= 0) || CALL.test(sql);
}

const CALL = /^\s*(call|execute)\b/i;

/** Only a statement that uses a table makes MariaDB forget the errors of the one before: not `set`, nor a procedure without tables. */
const FORGETS = /^\s*(insert|update|delete|replace)\b/i;
const FORGET = "select 1 from (select 1) q limit 0";

/** What a statement and each of its values take on the wire besides themselves, at the most. */
const FRAME = 1024;
const VALUE_FRAME = 12;
/** Of UTF-8, to a character as JavaScript counts them. */
const MOST_BYTES_A_UNIT = 3;

/** @throws ConnectorError `PAYLOAD_TOO_LARGE` */
function checkSize({ sql, parameters }: Statement, most: number): void {
  const size = (of: (text: string) => number): number =>
    parameters.reduce<number>((sum, value) => sum + VALUE_FRAME + (typeof value === "string" ? of(value) : value instanceof Uint8Array ? value.byteLength : 0), of(sql) + FRAME);
  if (size((text) => text.length * MOST_BYTES_A_UNIT) <= most) return; // nearly all: known without a look at the text
  const bytes = size((text) => Buffer.byteLength(text));
  if (bytes > most) throw new ConnectorError("PAYLOAD_TOO_LARGE", `The statement has ${bytes} bytes with its values; the database takes ${most} at once`);
}
