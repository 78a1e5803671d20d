import type { Backend, DatabaseConnection } from "../child/backend";
import { databaseError, odbcDiagnosis } from "../errors";
import { missingPackage } from "./install-hint";
import { OdbcConnection } from "./odbc-connection";
import type { OdbcHandle, OdbcModule } from "./odbc-module";
import { ParameterTypes } from "./parameter-types";
import type { DialectName, OpenOptions } from "../protocol";

/** ms after the login timeout that a driver which ignores it may still take. */
const LOGIN_GRACE = 2000;
/** How many rows psqlodbc asks the server for at once. */
const DRIVER_FETCH = 500;
/** ms between our attempt to cancel a statement and the server's own time limit for it, which also ends what cannot be cancelled. */
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
   * Settings that make a driver fetch rows as they are wanted; by default it first takes the whole result into memory. Where the user has set the same keys, theirs
   * count. Connector/ODBC 3.1.15 ignores this setting, also together with `FORWARDONLY=1`: it has 100 MB of rows in memory before it gives the first.
   */
  private streaming(): string {
    if (this.dialect === "postgresql") return `;UseDeclareFetch=1;Fetch=${DRIVER_FETCH}`;
    return this.dialect === "mariadb" ? ";NO_CACHE=1" : "";
  }
}

/** Sets up a session. @throws the driver's error; the connection is closed then, since the server has only so many */
async function begin(handle: OdbcHandle, session: string): Promise<void> {
  try {
    await handle.query(session, []);
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw error;
  }
}

/**
 * Returns the settings of a PostgreSQL session that reads. The server ends statements that take too long, since its driver can cancel a query but not a fetch (psqlodbc
 * 13.02). It must not end a transaction that waits for the flow between two fetches: the query would be begun anew each time, and never be read to its end. Not
 * every version of the server has all three settings.
 */
function readingSession(queryTimeout: number): string {
  return (
    `select set_config(name, case name when 'statement_timeout' then '${queryTimeout}' else '0' end, false) from pg_settings ` +
    "where name in ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
  );
}

/**
 * Returns the settings of a PostgreSQL session that writes: a time limit, unless there is a shorter one. While a table is locked, because it is altered, say, a
 * statement with values waits when it is prepared, and the driver can cancel it only when it executes. Without a limit of the server, the process would have
 * to be ended, together with the statements of others. It does not read pg_settings, which not every user may see.
 */
function writingSession(queryTimeout: number): string {
  const limit = queryTimeout + SERVER_GRACE;
  return (
    `select set_config('statement_timeout', '${limit}', false) ` +
    `where cast(current_setting('statement_timeout') as interval) not between interval '1 ms' and interval '${limit} ms'`
  );
}
