/** What is known of ODBC drivers: which database they are for, and which settings they need. */
import type { ConnectionString } from "./connection-string";
import type { DialectName } from "./protocol";

/**
 * Settings without which a driver damages data or stands still.
 *
 * - PostgreSQL: psqlodbc cuts a varchar without length at 1,020 bytes (`MaxVarcharSize=0` lifts it), gives booleans as text, and
 *   sets a savepoint before every statement of a transaction (`Protocol=7.4-0` does not). `UseDeclareFetch` is left off: with it
 *   a failed statement leaves an aborted transaction behind even in autocommit (25P02 from then on).
 * - MariaDB: the connection's character set is else the locale's, and an update of a row that stays as it is counts no row (`OPTION=2`:
 *   found rows count).
 * - SQLite: foreign keys are else not enforced, a locked file is an error at once, and an `integer` is cut to 32 bits.
 * - Oracle: text is else converted to the client's own character set (`FWC` forces SQL_WCHAR). From Oracle's documentation, not tried.
 *
 * The drivers for SQL Server and Db2 need none, by their documentation; both give dates as ISO 8601 has them.
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

/** Settings that hold the login timeout in seconds: MariaDB's driver heeds ODBC's own only until the server has taken the connection. */
const LOGIN_TIMEOUT: Partial<Record<DialectName, string>> = { mariadb: "CONN_TIMEOUT" };

/** Drivers by what their names, or their libraries, have in common. */
const DRIVERS: [name: RegExp, dialect: DialectName][] = [
  [/postgres|psqlodbc/i, "postgresql"],
  [/maria|mysql|maodbc|myodbc/i, "mariadb"],
  [/sqlite/i, "sqlite"],
  [/sql ?server|msodbcsql|sqlncli|sql native client|freetds|tdsodbc/i, "sqlserver"],
  [/oracle|sqora/i, "oracle"],
  [/db2/i, "db2"],
];

/** What the environment of a process with drivers in it must say, unless it says something else: these clients go by it for the encoding of text. */
export const DRIVER_ENVIRONMENT: Readonly<Record<string, string>> = {
  NLS_LANG: ".AL32UTF8", // Oracle
  DB2CODEPAGE: "1208", // Db2: UTF-8
};

/** The product that a driver's name, or its library, gives away. */
export function dialectOfDriver(driver: string): DialectName | undefined {
  return DRIVERS.find(([name]) => name.test(driver))?.[1];
}

/** Whether a driver cannot be used at all: FreeTDS has no SQLDescribeParam, and so takes no parameters (FreeTDS 1.3.17). */
export function takesNoParameters(driver: string): boolean {
  return /freetds|tdsodbc/i.test(driver);
}

/** What {@link addPresets} goes by besides the driver. */
export interface PresetOptions {
  /** What the data source sets, in lower case. */
  already: ReadonlySet<string>;
  /** In ms. */
  loginTimeout: number;
}

/**
 * Adds what the driver needs, unless it is set.
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
