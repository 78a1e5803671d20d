/** Facts about ODBC drivers: which database they are for, and which settings they need. */
import type { ConnectionString } from "./connection-string";
import type { DialectName } from "./protocol";

/**
 * Settings without which a driver damages data or hangs.
 *
 * - PostgreSQL: psqlodbc cuts a varchar without length at 1,020 bytes (`MaxVarcharSize=0` lifts it), gives booleans as text, and
 *   sets a savepoint before every statement of a transaction (`Protocol=7.4-0` does not). `UseDeclareFetch` is left off: with it
 *   a failed statement leaves an aborted transaction behind even in autocommit (25P02 from then on).
 * - MariaDB: without them the connection's character set is the locale's, and an update counts no row when the row stays as it is (`OPTION=2` counts
 *   the rows found).
 * - SQLite: without them foreign keys are not enforced, a locked file is an error at once, and an `integer` is cut to 32 bits.
 * - Oracle: without it text is converted to the client's own character set (`FWC` forces SQL_WCHAR). From Oracle's documentation, not tried.
 *
 * The drivers for SQL Server and Db2 need none, by their documentation; both give dates in the form of ISO 8601.
 */
const PRESETS: Readonly<Record<DialectName, Readonly<Record<string, string>>>> = {
  postgresql: { MaxVarcharSize: "0", BoolsAsChar: "0", Protocol: "7.4-0" },
  mariadb: { CHARSET: "utf8mb4", OPTION: "2" },
  sqlite: { FKSupport: "1", Timeout: "5000", BigInt: "1" },
  sqlserver: {},
  oracle: { FWC: "T" },
  db2: {},
  generic: {},
};

/** Settings for the login timeout, in seconds. MariaDB's driver observes ODBC's own only until the TCP connection is made. */
const LOGIN_TIMEOUT: Partial<Record<DialectName, string>> = { mariadb: "CONN_TIMEOUT" };

/** Dialects by patterns of the driver's name, or of its library. */
const DRIVERS: [name: RegExp, dialect: DialectName][] = [
  [/postgres|psqlodbc/i, "postgresql"],
  [/maria|mysql|maodbc|myodbc/i, "mariadb"],
  [/sqlite/i, "sqlite"],
  [/sql ?server|msodbcsql|sqlncli|sql native client|freetds|tdsodbc/i, "sqlserver"],
  [/oracle|sqora/i, "oracle"],
  [/db2/i, "db2"],
];

/** Defaults of environment variables for a process with drivers: these database clients take the encoding of text from them. */
export const DRIVER_ENVIRONMENT: Readonly<Record<string, string>> = {
  NLS_LANG: ".AL32UTF8", // Oracle
  DB2CODEPAGE: "1208", // Db2: UTF-8
};

/** Returns the dialect for a driver's name or library; `undefined` when it is not known. */
export function dialectOfDriver(driver: string): DialectName | undefined {
  return DRIVERS.find(([name]) => name.test(driver))?.[1];
}

/** Whether a driver cannot be used at all: FreeTDS has no SQLDescribeParam, and so takes no parameters (FreeTDS 1.3.17). */
export function takesNoParameters(driver: string): boolean {
  return /freetds|tdsodbc/i.test(driver);
}

/** What {@link addPresets} needs besides the driver. */
export interface PresetOptions {
  /** Keys that the data source sets, in lower case. */
  already: ReadonlySet<string>;
  /** ms. */
  loginTimeout: number;
}

/**
 * Adds the settings that the driver needs and that neither the connection string nor the data source has.
 *
 * @returns whether there was anything to add
 */
export function addPresets(connection: ConnectionString, dialect: DialectName, { already, loginTimeout }: PresetOptions): boolean {
  const wanted: Record<string, string> = { ...PRESETS[dialect] };
  const key = LOGIN_TIMEOUT[dialect];
  if (key) wanted[key] = String(Math.ceil(loginTimeout / 1000));
  const missing = Object.entries(wanted).filter(([name]) => !connection.has(name) && !already.has(name.toLowerCase()));
  for (const [name, value] of missing) connection.set(name, value);
  return missing.length > 0;
}
