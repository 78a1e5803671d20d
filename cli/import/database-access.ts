import { type Access, readConnectionText } from "./connection-text";
import { DEFAULT_PORT, type Dialect, dialectOf } from "./dialect";
import type { Secrets } from "./secrets";
import type { Settings } from "./settings";
import { flagOf } from "./values";

/** The properties of a `sql database`, and its credentials. */
export interface DatabasePart {
  properties: Record<string, unknown>;
  credentials: Record<string, string>;
  dialect: Dialect | undefined;
  schema: string | undefined;
}

/** The name under which the package of each dialect's driver installs it. */
const DRIVERS: Readonly<Record<Dialect, string>> = {
  postgresql: "PostgreSQL Unicode",
  mariadb: "MariaDB Unicode",
  sqlite: "SQLite3",
  sqlserver: "ODBC Driver 18 for SQL Server",
  oracle: "Oracle 23 ODBC driver",
  db2: "IBM DB2 ODBC DRIVER",
};

const URL = "database.access.url";
const DRIVER = "database.access.driver";

/** Reads how to connect to the database. */
export function readDatabase(settings: Settings, secrets: Secrets): DatabasePart {
  const access = readAccess(settings);
  const driver = settings.text(DRIVER);
  const named = driver === undefined ? undefined : dialectOf(driver);
  if (driver !== undefined && !named && !/^(odbc|jdbc|ado|sql|database|dsn)$/i.test(driver)) settings.note(DRIVER, "a product that is not known: the dialect is found out when the database is connected");
  if (access.file !== undefined) access.dialect ??= "sqlite";
  const dialect = named ?? access.dialect;
  const secret = settings.secret("database.access.password");
  const password = secret ? secrets.reference("DATABASE_PASSWORD", "password of the database", secret) : undefined;
  const inUrl = !password && access.hasPassword ? secrets.reference("DATABASE_PASSWORD", "password of the database", { path: settings.path(URL) }) : undefined;
  const user = settings.text("database.access.user") ?? access.user;
  const embedded = dialect === "sqlite" && access.odbc === undefined;
  return {
    dialect,
    schema: settings.text("database.access.schema") ?? access.schema,
    properties: {
      engine: embedded ? "sqlite" : "odbc",
      file: embedded ? (access.file ?? access.database ?? "") : "",
      connectionString: embedded ? "" : connectionString(settings, access, dialect),
      dialect: embedded ? "auto" : (dialect ?? "auto"),
      poolSize: poolSize(settings),
      loginTimeout: settings.duration("database.access.loginTimeout", 1000, 600_000),
      queryTimeout: settings.duration("database.access.queryTimeout", 100, 86_400_000),
    },
    credentials: embedded ? {} : { ...(user === undefined ? {} : { username: user }), ...(password || inUrl ? { password: password ?? inUrl! } : {}) },
  };
}

/** Returns the size of the pool, at most 10. Other programs need larger pools, since they keep a connection while a message waits for something else; the nodes do not. */
function poolSize(settings: Settings): number | undefined {
  const size = settings.number("database.access.poolSize", 1, 10_000);
  if (size === undefined || size <= 10) return size;
  settings.note("database.access.poolSize", "10 connections are the most: 10 was taken");
  return 10;
}

/** Reads where the database is: from single keys, and from the connection string where such a key is missing. */
function readAccess(settings: Settings): Access {
  const text = settings.text(URL);
  const read = text === undefined ? undefined : readConnectionText(text);
  if (text !== undefined && !read) {
    if (/^[\w .-]+$/.test(text)) return { odbc: `DSN=${text}`, hasPassword: false, dropped: [] };
    settings.note(URL, "cannot be read as a JDBC, ODBC or ADO.NET connection string; left out", "dropped");
  }
  const access: Access = read ?? { hasPassword: false, dropped: [] };
  if (access.dropped.length > 0) settings.note(URL, `without counterpart: ${access.dropped.join(", ")}`, "dropped");
  const host = settings.text("database.access.host");
  const port = settings.number("database.access.port", 1, 65_535);
  const database = settings.text("database.access.database");
  const file = settings.text("database.access.file");
  const dsn = settings.text("database.access.dsn");
  const tls = settings.text("database.access.tls");
  if (host !== undefined && /[\s@/;{}=]/.test(host)) settings.note("database.access.host", "is no host name; left out", "dropped");
  else if (host !== undefined) {
    const [, name = host, own] = /^([^:]+):(\d{1,5})$/.exec(host) ?? [];
    access.host = name;
    if (own) access.port = Number(own);
  }
  if (port !== undefined) access.port = port;
  if (database !== undefined) access.database = database;
  if (file !== undefined) access.file = file;
  if (dsn !== undefined) access.odbc = `DSN=${value(dsn)}`;
  if (tls !== undefined) access.tls = tls;
  return access;
}

/** Returns an ODBC connection string without credentials. */
function connectionString(settings: Settings, access: Access, dialect: Dialect | undefined): string {
  if (access.odbc !== undefined) {
    const driver = dialect && !/(^|;)\s*(driver|dsn)\s*=/i.test(access.odbc) ? `Driver={${DRIVERS[dialect]}};` : "";
    return driver + access.odbc;
  }
  const { host = "localhost", port, database } = access;
  if (access.host === undefined) settings.note("database.access.host", "no host is named: localhost was taken");
  const parts: [key: string, value: string | number | undefined][] = [["Driver", dialect && `{${DRIVERS[dialect]}}`]];
  const at = port ?? (dialect && DEFAULT_PORT[dialect]);
  switch (dialect) {
    case "sqlserver":
      // a port is only added when the file has one: a named instance is found by its name
      parts.push(["Server", value(port === undefined ? host : `${host},${port}`)], ["Database", database && value(database)]);
      break;
    case "oracle":
      parts.push(["DBQ", value(`${host}:${at}/${database ?? ""}`)]);
      break;
    case "db2":
      parts.push(["Hostname", value(host)], ["Port", at], ["Protocol", "TCPIP"], ["Database", database && value(database)]);
      break;
    default:
      parts.push(["Server", value(host)], ["Port", at], ["Database", database && value(database)]);
  }
  parts.push(...encryption(settings, access.tls, dialect));
  const name = settings.has("database.access.host") ? "database.access.host" : URL;
  if (dialect === undefined) settings.note(name, "nothing says which product it is: put `Driver={…};` before the connection string, or `DSN=…` in its place");
  else if (dialect !== "postgresql" && dialect !== "mariadb") settings.note(name, `the driver is called ${DRIVERS[dialect]} here: put the installed one's name into the connection string`);
  return parts.flatMap(([key, each]) => (each === undefined || each === "" ? [] : [`${key}=${each}`])).join(";");
}

/** Returns the options that tell each driver whether to encrypt the connection. */
function encryption(settings: Settings, tls: string | undefined, dialect: Dialect | undefined): [key: string, value: string][] {
  if (tls === undefined) return [];
  const on = flagOf(tls) ?? !/^(disabled?|allow|prefer(red)?|optional)$/i.test(tls);
  switch (dialect) {
    case "postgresql":
      return [["SSLmode", /^(disable|allow|prefer|require|verify-ca|verify-full)$/i.test(tls) ? tls.toLowerCase() : on ? "require" : "disable"]];
    case "mariadb":
      return on ? [["FORCETLS", "1"]] : [];
    case "sqlserver":
      return [["Encrypt", on ? "yes" : "no"]];
    case "db2":
      return on ? [["Security", "SSL"]] : [];
    default:
      if (on) settings.note("database.access.tls", "add the driver's own words for an encrypted connection to the connection string");
      return [];
  }
}

/** Returns a value of a connection string, in braces unless it has only plain characters. */
function value(text: string): string {
  return /^[\w.,:/\\@$ -]*$/.test(text) ? text : `{${text.replaceAll("}", "}}")}}`;
}
