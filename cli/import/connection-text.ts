import { type Dialect, dialectOf } from "./dialect";
import { decoded } from "./values";

/** What a connection string tells, in any of its notations. The password itself is not kept. */
export interface Access {
  dialect?: Dialect;
  host?: string;
  port?: number;
  database?: string;
  schema?: string;
  /** File of an embedded SQLite database. */
  file?: string;
  user?: string;
  hasPassword: boolean;
  tls?: string;
  /** An ODBC connection string without user name and password. */
  odbc?: string;
  /** Names of the other options, which are not carried over. */
  dropped: string[];
}

/** Matches the names of keys whose values are secrets. */
export const LOOKS_SECRET = /pass(?!ive|through)|pwd|secret|token|credential|private|(api|access|account)[-_ ]?key|auth/i;

/** Reads a JDBC URL, another URL, an ODBC or ADO.NET connection string, or libpq's `host=… dbname=…`. Returns `undefined` for anything else. */
export function readConnectionText(written: string): Access | undefined {
  const text = written.trim();
  const bare = text.replace(/^jdbc:/i, "");
  if (/^oracle:/i.test(bare)) return oracle(bare.replace(/^oracle:\w+:/i, ""));
  if (/^sqlite:|^file:/i.test(bare)) return { dialect: "sqlite", file: fileOf(bare), hasPassword: false, dropped: [] };
  if (/^(jtds:)?(sql ?server|mssql):\/\//i.test(bare)) return serverUrl(bare.replace(/^jtds:/i, ""));
  if (/^db2:\/\//i.test(bare)) return serverUrl(bare.replace(/(\/[^/:]*):(?=\w+=)/, "$1;"));
  if (/^[a-z][\w+.-]*:\/\//i.test(bare)) return url(bare);
  if (/^[^=;]+=/.test(text)) return pairs(text);
  return undefined;
}

function fileOf(text: string): string {
  const file = text.replace(/^(sqlite:)?(file:)?/i, "").replace(/^\/\/(?=\/)/, "").replace(/\?.*$/s, "");
  return file === "" || /^(:?memory:?|::memory:)$/.test(file) ? ":memory:" : file;
}

/** Reads `postgresql://user:password@host:port/database?ssl=true`, with one host or several. */
function url(text: string): Access | undefined {
  const parts = /^(?<scheme>[a-z][\w+.-]*):\/\/(?:(?<login>[^/?#]*)@)?(?<hosts>[^/?#@]*)(?:\/(?<path>[^?#@]*))?(?:\?(?<query>[^#]*))?$/i.exec(text)?.groups;
  const { scheme = "", login = "", hosts = "", path = "", query = "" } = parts ?? {};
  const dialect = dialectOf(scheme);
  if (!dialect) return undefined; // a stray @, / or # probably belongs to a password
  const access: Access = { dialect, hasPassword: login.includes(":"), dropped: [] };
  const user = decoded(login.split(":")[0] ?? "");
  if (user) access.user = user;
  const [first = "", ...others] = hosts.split(",");
  place(access, first);
  if (others.length > 0) access.dropped.push("further hosts");
  if (path) access.database = decoded(path);
  for (const pair of query.split("&").filter(Boolean)) {
    const [name = "", ...value] = pair.split("=");
    if (value.length > 0) apply(access, decoded(name), decoded(value.join("=")));
    else access.dropped.push("an option without a value"); // it may be the end of a password that has an & in it
  }
  return access;
}

/** Reads `sqlserver://host\instance:port;databaseName=…;user=…`, and Db2's `db2://host:port/database:user=…;`. */
function serverUrl(text: string): Access | undefined {
  const parts = /^(?<scheme>[^:]+):\/\/(?:(?<login>[^/;]*)@)?(?<host>[^/;@?]*)(?:\/(?<database>[^;@?]*))?(?:[;?](?<rest>.*))?$/s.exec(text)?.groups;
  const { scheme = "", login = "", host = "", database, rest = "" } = parts ?? {};
  const dialect = dialectOf(scheme);
  const options = optionsOf(rest);
  if (!dialect || !options) return undefined;
  const access: Access = { dialect, hasPassword: login.includes(":"), dropped: [] };
  place(access, host);
  const user = decoded(login.split(":")[0] ?? "");
  if (user) access.user = user;
  if (database) access.database = database;
  for (const [name, value] of options) apply(access, name, plain(value));
  return access;
}

/** Returns the pairs of `key=value;key={value};…`; `undefined` when the text has anything else, which may be a piece of a password. */
function optionsOf(text: string): [name: string, value: string][] | undefined {
  const found: [string, string][] = [];
  let end = 0;
  for (const match of text.matchAll(/\s*([^=;{}]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|"[^"]*"|'[^']*'|[^;{]*)\s*(?:;|$)/gy)) {
    end = match.index + match[0].length;
    found.push([match[1]!.trim(), match[2]!.trim()]);
  }
  return /[^;\s]/.test(text.slice(end)) ? undefined : found;
}

/** Returns a value without its braces or quotes. */
const plain = (value: string): string => value.replace(/^\{(.*)\}$/s, "$1").replace(/^(["'])(.*)\1$/s, "$2");

/** Reads `user/password@//host:port/service`, `@host:port:SID` and `@(DESCRIPTION=…)`, the part after `jdbc:oracle:thin:`. */
function oracle(text: string): Access {
  const at = text.lastIndexOf("@");
  const [user = "", ...password] = text.slice(0, Math.max(at, 0)).split("/");
  const target = text.slice(at + 1);
  const access: Access = { dialect: "oracle", hasPassword: password.length > 0, dropped: [], ...(user ? { user } : {}) };
  const { host, port, service } = /^(?:\/\/)?(?<host>[^:/()\s]+)(?::(?<port>\d+))?(?:[:/](?<service>[^:/?\s]+))?/.exec(target)?.groups ?? {};
  if (host === undefined) access.odbc = `DBQ=${target.replace(/[;{}]/g, "")}`;
  else if (port === undefined && service === undefined) access.odbc = `DBQ=${host}`; // the name of an entry in tnsnames.ora
  else {
    place(access, `${host}:${port ?? "1521"}`);
    if (service) access.database = service;
  }
  return access;
}

/** Matches a value without brace or quote that has a password's key in it: the pairs were not separated as they should be. */
const HIDES_SECRET = /^[^{"'].*\s\w*(password|passwd|pwd)\s*=/is;

/** Matches a value with a password in an address, such as that of a proxy. */
const HAS_LOGIN = /:\/\/[^/]*:[^/]*@/;

/** Reads `key=value;…`, also with blanks between the pairs, as libpq writes them. */
function pairs(text: string): Access | undefined {
  const blanks = /^\w+\s*=\s*('(?:[^'\\]|\\.)*'|[^\s;]*)(\s+\w+\s*=\s*('(?:[^'\\]|\\.)*'|[^\s;]*))+$/.test(text);
  const found = optionsOf(blanks ? text.replace(/(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\S*)\s*/g, "$1=$2;") : text);
  if (!found || found.length === 0) return undefined;
  if (!blanks && found.some(([, value]) => HIDES_SECRET.test(value))) return undefined; // see HIDES_SECRET
  const access: Access = { hasPassword: false, dropped: [] };
  if (!found.some(([key]) => /^(driver|dsn)$/i.test(key))) {
    for (const [key, value] of found) apply(access, key, plain(value));
    return access;
  }
  const kept: string[] = [];
  for (const [key, value] of found) {
    const dialect = /^driver$/i.test(key) ? dialectOf(plain(value)) : undefined;
    if (dialect) access.dialect = dialect;
    if (/^(uid|user( ?id|name)?|pwd|password)$/i.test(key)) apply(access, key, plain(value));
    else if (LOOKS_SECRET.test(key) || HAS_LOGIN.test(value)) access.dropped.push(key);
    else kept.push(`${key}=${value}`);
  }
  access.odbc = kept.join(";");
  return access;
}

/** Reads host and port from `host:port`, `host,port`, `[::1]:port` or `host\instance`. */
function place(access: Access, text: string): void {
  const match = /^(?:tcp:)?(\[[^\]]*\]|[^:,]*)(?:[:,](\d{1,5}))?/i.exec(text.trim());
  const host = match?.[1]?.replace(/^\[|\]$/g, "").trim();
  if (host) access.host = host;
  if (match?.[2]) access.port = Number(match[2]);
}

/** Sets what one option tells, by any of the option's names. */
function apply(access: Access, name: string, value: string): void {
  const key = name.toLowerCase().replace(/[\s_-]/g, "");
  if (["user", "username", "userid", "uid"].includes(key)) access.user = value;
  else if (["password", "pwd"].includes(key)) access.hasPassword = value !== "";
  else if (["server", "datasource", "host", "hostname", "addr", "address", "servername", "hostaddr"].includes(key)) {
    if (/\.(db|sqlite3?|db3)$|^:memory:$/i.test(value)) Object.assign(access, { dialect: "sqlite", file: value });
    else place(access, value);
  } else if (key === "port" || key === "portnumber") {
    if (/^\d{1,5}$/.test(value)) access.port = Number(value);
  } else if (["database", "databasename", "initialcatalog", "dbname", "servicename"].includes(key)) access.database = value;
  else if (["schema", "currentschema", "searchpath"].includes(key)) access.schema = value;
  else if (["sslmode", "ssl", "usessl", "encrypt", "requiressl", "sslconnection"].includes(key)) access.tls = value;
  else if (name) access.dropped.push(/^[\w. -]{1,40}$/.test(name) ? name : "an option without a proper name");
}
