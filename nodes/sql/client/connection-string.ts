/** ODBC connection strings: `key=value;key={value};…`, keys in any case, the first of two equal keys wins. */
import { ConnectorError } from "../../common/errors";

/** User and password to log in with. */
export interface DatabaseCredentials {
  username?: string;
  password?: string;
}

/** Keys, in lower case, under which drivers take the user and the password. */
const USER_KEYS = ["uid", "user", "username", "user id"];
const PASSWORD_KEYS = ["pwd", "password"];

/** User names that are written without braces: psqlodbc takes braces off a password, but not off a user name. */
const PLAIN_NAME = /^[\w.@$-]+$/;

/** A connection string that was parsed and can be changed. */
export class ConnectionString {
  /** Keys in lower case → key as written, value as written (with its braces). */
  private readonly parts = new Map<string, [key: string, value: string]>();

  /** @throws ConnectorError `NOT_CONFIGURED` when the text is empty or cannot be read */
  constructor(text: string) {
    const template = text.trim();
    if (template.includes("\0")) throw unreadable("it contains a NUL character");
    const pattern = /\s*([^=;{}]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;{]*)\s*(?:;|$)|[;\s]+/gy;
    let end = 0;
    for (const match of template.matchAll(pattern)) {
      end = match.index + match[0].length;
      const [, key, value] = match;
      if (key !== undefined && !this.has(key)) this.set(key, (value ?? "").trim());
    }
    if (end < template.length) throw unreadable(`expected key=value at character ${end + 1}`);
    if (this.parts.size === 0) throw new ConnectorError("NOT_CONFIGURED", "The database has no connection string");
  }

  /** Its driver: a name, or the path of a library. */
  get driver(): string | undefined {
    return this.get("driver");
  }

  /** Its data source; `undefined` when it also names a driver, which takes precedence. */
  get source(): string | undefined {
    return this.driver ? undefined : this.get("dsn");
  }

  /** Whether the string has this key, in any case. */
  has(key: string): boolean {
    return this.parts.has(key.toLowerCase());
  }

  /** Returns the value of a key, without its braces. */
  get(key: string): string | undefined {
    const value = this.parts.get(key.toLowerCase())?.[1];
    return value?.startsWith("{") ? value.slice(1, -1).replaceAll("}}", "}") : value;
  }

  /** Sets the value of a key. It is written as it is, so braces must be there already. */
  set(key: string, value: string): void {
    this.parts.set(key.toLowerCase(), [key, value]);
  }

  /** Replaces the user and the password by these. Where one is empty, the string keeps its own. */
  logIn({ username, password }: DatabaseCredentials): void {
    if (username) {
      for (const key of USER_KEYS) this.parts.delete(key);
      this.set("UID", PLAIN_NAME.test(username) ? username : brace(username));
    }
    if (password) {
      for (const key of PASSWORD_KEYS) this.parts.delete(key);
      this.set("PWD", brace(password)); // always in braces: psqlodbc reads + and % in a bare one as URL encoding
    }
  }

  toString(): string {
    return [...this.parts.values()].map(([key, value]) => `${key}=${value}`).join(";");
  }
}

/**
 * Puts credentials into a connection string.
 *
 * @throws ConnectorError `NOT_CONFIGURED` when it is empty or cannot be read
 */
export function withCredentials(text: string, credentials: DatabaseCredentials): string {
  const connection = new ConnectionString(text);
  connection.logIn(credentials);
  return connection.toString();
}

/** Puts a value in braces, where only `}` has a meaning, which is doubled. */
function brace(value: string): string {
  if (value.includes("\0")) throw unreadable("a credential contains a NUL character");
  return `{${value.replaceAll("}", "}}")}}`;
}

function unreadable(why: string): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", `The connection string cannot be read: ${why}`); // never the string itself: it may hold a password
}
