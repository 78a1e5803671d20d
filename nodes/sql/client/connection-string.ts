/** ODBC connection strings: `key=value;key={value};…`, keys in any case, the first of two equal keys wins. */
import { ConnectorError } from "../../common/errors";
import type { DialectName } from "./protocol";

/** What the database is logged into with. */
export interface DatabaseCredentials {
  username?: string;
  password?: string;
}

/**
 * Settings without which a driver damages data or stands still.
 *
 * - PostgreSQL: psqlodbc cuts a varchar without length at 1,020 bytes (`MaxVarcharSize=0` lifts it), gives booleans as text, and
 *   sets a savepoint before every statement of a transaction (`Protocol=7.4-0` does not). `UseDeclareFetch` is left off: with it
 *   a failed statement leaves an aborted transaction behind even in autocommit (25P02 from then on).
 * - MariaDB: the connection's character set is else the locale's.
 * - SQLite: foreign keys are else not enforced, and a locked file is an error at once.
 */
const PRESETS: Partial<Record<DialectName, Record<string, string>>> = {
  postgresql: { MaxVarcharSize: "0", BoolsAsChar: "0", Protocol: "7.4-0" },
  mariadb: { CHARSET: "utf8mb4" },
  sqlite: { FKSupport: "1", Timeout: "5000" },
};

/**
 * The complete string for the driver: the user's, the credentials in braces, and the presets the user has not set.
 *
 * @throws ConnectorError `NOT_CONFIGURED` when the string is empty or cannot be read
 */
export function connectionString(template: string, credentials: DatabaseCredentials, dialect: DialectName | "auto"): string {
  const parts = parse(template);
  const put = (key: string, aliases: string[], value: string | undefined): void => {
    if (!value) return;
    for (const alias of [key, ...aliases]) parts.delete(alias.toLowerCase());
    parts.set(key.toLowerCase(), [key, key === "UID" && PLAIN_NAME.test(value) ? value : brace(value)]);
  };
  put("UID", ["user", "username", "user id"], credentials.username);
  put("PWD", ["password"], credentials.password); // always in braces: psqlodbc reads + and % in a bare one as URL encoding
  const name = dialect === "auto" ? dialectOfDriver(template) : dialect;
  for (const [key, value] of Object.entries((name && PRESETS[name]) ?? {})) {
    if (!parts.has(key.toLowerCase())) parts.set(key.toLowerCase(), [key, value]);
  }
  return [...parts.values()].map(([key, value]) => `${key}=${value}`).join(";");
}

/** The product that a driver's name gives away; `undefined` for a DSN or an unknown driver. */
export function dialectOfDriver(template: string): DialectName | undefined {
  const driver = /(?:^|;)\s*driver\s*=\s*(\{[^}]*\}|[^;]*)/i.exec(template)?.[1] ?? "";
  if (/postgres|psqlodbc/i.test(driver)) return "postgresql";
  if (/maria|mysql|maodbc|myodbc/i.test(driver)) return "mariadb";
  if (/sqlite/i.test(driver)) return "sqlite";
  return undefined;
}

/** Keys in lower case → key as written, value as written (with its braces). */
function parse(template: string): Map<string, [key: string, value: string]> {
  if (template.includes("\0")) throw unreadable("it contains a NUL character");
  const parts = new Map<string, [string, string]>();
  const pattern = /\s*([^=;{}]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;{]*)\s*(?:;|$)|[;\s]+/gy;
  let end = 0;
  for (const match of template.trim().matchAll(pattern)) {
    end = match.index + match[0].length;
    const [, key, value] = match;
    if (key !== undefined && !parts.has(key.toLowerCase())) parts.set(key.toLowerCase(), [key, (value ?? "").trim()]);
  }
  if (end < template.trim().length) throw unreadable(`expected key=value at character ${end + 1}`);
  if (parts.size === 0) throw new ConnectorError("NOT_CONFIGURED", "The database has no connection string");
  return parts;
}

/** A name without anything special goes bare: psqlodbc takes braces off a password, but not off a user name. */
const PLAIN_NAME = /^[\w.@$-]+$/;

/** In braces nothing has a meaning but `}`, which is doubled. */
function brace(value: string): string {
  if (value.includes("\0")) throw unreadable("a credential contains a NUL character");
  return `{${value.replaceAll("}", "}}")}}`;
}

function unreadable(why: string): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", `The connection string cannot be read: ${why}`); // never the string itself: it may hold a password
}
