import type { Backend, DatabaseConnection } from "./backend";
import { databaseError, odbcDiagnosis } from "./errors";
import { missingPackage } from "./install-hint";
import { OdbcConnection } from "./odbc-connection";
import type { OdbcHandle, OdbcModule } from "./odbc-module";
import { ParameterTypes } from "./parameter-types";
import type { DialectName, OpenOptions } from "./protocol";

/** A driver that ignores its login timeout gets this many ms more. */
const LOGIN_GRACE = 2000;
/** Rows psqlodbc asks the server for at once. */
const DRIVER_FETCH = 500;
/** A server that ends what cannot be cancelled does so this many ms after we have tried. */
const SERVER_GRACE = 1000;

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
    const { loginTimeout, queryTimeout } = this.options;
    const reads = purpose === "read";
    const connectionString = this.options.connectionString + (reads ? this.streaming() : "");
    const seconds = Math.max(1, Math.ceil(loginTimeout / 1000));
    const timer = setTimeout(() => this.stuck(`no answer to the login within ${seconds} s, and the driver waits on`), seconds * 1000 + LOGIN_GRACE);
    try {
      const handle = await this.odbc.connect({ connectionString, loginTimeout: seconds, connectionTimeout: 0, fetchArray: reads });
      if (this.dialect === "postgresql") await begin(handle, reads ? readingSession(queryTimeout) : writingSession(queryTimeout));
      return new OdbcConnection(handle, { reads, timeout: queryTimeout, dialect: this.dialect, stuck: this.stuck, types: this.types });
    } catch (error) {
      throw databaseError(odbcDiagnosis(error), this.dialect);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * What makes a driver fetch rows as they are wanted: by default it takes the whole result into memory first. The first of two equal keys wins. Connector/ODBC 3.1.15 does not
   * heed it, with `FORWARDONLY=1` neither: 100 MB of rows are in its memory before the first is given.
   */
  private streaming(): string {
    if (this.dialect === "postgresql") return `;UseDeclareFetch=1;Fetch=${DRIVER_FETCH}`;
    return this.dialect === "mariadb" ? ";NO_CACHE=1" : "";
  }
}

/** @throws what the driver does; the connection is closed then, for the server has only so many */
async function begin(handle: OdbcHandle, session: string): Promise<void> {
  try {
    await handle.query(session, []);
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw error;
  }
}

/**
 * What a session of PostgreSQL that reads sets. The server ends what takes too long: its driver cancels a query, but not a fetch (psqlodbc 13.02). And it must not end a transaction
 * that waits for the flow between two fetches: the query would begin anew each time, and never come to its end. Not every version knows all of these.
 */
function readingSession(queryTimeout: number): string {
  return (
    `select set_config(name, case name when 'statement_timeout' then '${queryTimeout}' else '0' end, false) from pg_settings ` +
    "where name in ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
  );
}

/**
 * What a session of PostgreSQL that writes sets, unless it is ended sooner anyway. Where a table is locked, as while it is altered, a statement with values waits as it is prepared, and its driver cancels only
 * what it executes: the process would have to be ended, with all that others do in it. Not every user may see pg_settings.
 */
function writingSession(queryTimeout: number): string {
  const limit = queryTimeout + SERVER_GRACE;
  return (
    `select set_config('statement_timeout', '${limit}', false) ` +
    `where cast(current_setting('statement_timeout') as interval) not between interval '1 ms' and interval '${limit} ms'`
  );
}
