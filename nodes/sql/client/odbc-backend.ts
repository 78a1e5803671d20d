import { ConnectorError } from "../../common/errors";
import type { Backend, ConnectionCursor, DatabaseConnection, DriverColumn, Parameter, QueryResult } from "./backend";
import { databaseError, odbcDiagnosis } from "./errors";
import { missingPackage } from "./install-hint";
import type { DialectName, OpenOptions } from "./protocol";

/** The part of npm odbc that is used. Its pool and its reusable statements are not: the one never recovers, the other loses data (IBM/node-odbc #334). */
interface OdbcModule {
  connect(options: { connectionString: string; loginTimeout: number; connectionTimeout: number }): Promise<OdbcHandle>;
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

/** Rows with what the driver says of them; `columns` describes the result, rows or not. */
interface OdbcResult extends Array<Record<string, unknown>> {
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
const LOGIN_GRACE = 5000;
const CLOSE_LIMIT = 2000;

/** Opens connections through the unixODBC driver manager. */
export class OdbcBackend implements Backend {
  readonly dialect: DialectName | undefined;
  private readonly odbc: OdbcModule;

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

  async connect(): Promise<DatabaseConnection> {
    const { connectionString, loginTimeout } = this.options;
    const seconds = Math.max(1, Math.ceil(loginTimeout / 1000));
    const timer = setTimeout(() => this.stuck("the driver ignores the login timeout"), seconds * 1000 + LOGIN_GRACE);
    try {
      const handle = await this.odbc.connect({ connectionString, loginTimeout: seconds, connectionTimeout: 0 });
      return new OdbcConnection(handle, this.options.queryTimeout, this.dialect, this.stuck);
    } catch (error) {
      const failed = databaseError(odbcDiagnosis(error), this.dialect);
      // whatever else keeps us from logging in keeps everybody out: never a row's fault
      if (failed.scope === "system") throw failed;
      throw new ConnectorError("DATABASE_UNAVAILABLE", failed.message, { details: failed.details, cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}

class OdbcConnection implements DatabaseConnection {
  constructor(
    private readonly handle: OdbcHandle,
    private readonly timeout: number,
    private readonly dialect: DialectName | undefined,
    private readonly stuck: (reason: string) => void,
  ) {}

  get alive(): boolean {
    return this.handle.connected;
  }

  async query(sql: string, parameters: readonly Parameter[] = []): Promise<QueryResult> {
    const result = await this.limited(() => this.handle.query(sql, parameters.map(exact)));
    return { rows: result, rowsAffected: result.count, columns: columnsOf(result) };
  }

  async cursor(sql: string, parameters: readonly Parameter[], fetchSize: number): Promise<ConnectionCursor> {
    const cursor = await this.limited(() => this.handle.query(sql, parameters.map(exact), { cursor: true, fetchSize }));
    const columns: DriverColumn[] = [];
    return {
      columns,
      fetch: async () => {
        const rows = await this.limited(() => cursor.fetch());
        if (columns.length === 0) columns.push(...columnsOf(rows));
        return rows;
      },
      close: () => cursor.close().catch(() => undefined),
    };
  }

  begin(): Promise<void> {
    return this.limited(() => this.handle.beginTransaction());
  }

  commit(): Promise<void> {
    return this.limited(() => this.handle.commit());
  }

  /** A driver call with the time limit of a statement. */
  private async limited<T>(call: () => Promise<T>): Promise<T> {
    let grace: NodeJS.Timeout | undefined;
    const timer = setTimeout(() => {
      this.handle.cancel().catch(() => undefined);
      grace = setTimeout(() => this.stuck(`a statement did not end within ${this.timeout} ms and cannot be cancelled`), CANCEL_GRACE);
    }, this.timeout);
    try {
      return await call();
    } catch (error) {
      const failed = databaseError(odbcDiagnosis(error), this.dialect);
      // whatever state a driver gives a lost connection: the row is not to blame
      if (failed.scope === "message" && !this.alive) throw new ConnectorError("DATABASE_UNAVAILABLE", failed.message, { details: failed.details });
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
      throw databaseError(odbcDiagnosis(error), this.dialect);
    }
  }

  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_LIMIT)));
    // closing a dead connection fails with MariaDB's driver: nothing to be done about it
    await Promise.race([this.handle.close().catch(() => undefined), limit]);
    clearTimeout(timer);
  }
}

function columnsOf({ columns }: OdbcResult): DriverColumn[] {
  return (columns ?? []).map(({ name, dataTypeName, columnSize, decimalDigits }) => ({
    name,
    type: dataTypeName.replace(/^SQL_/, "").toLowerCase(),
    size: columnSize,
    scale: decimalDigits,
  }));
}

/** The addon takes no big integers as parameters; as text they are exact. */
function exact(value: Parameter): Parameter {
  return typeof value === "bigint" ? String(value) : value;
}
