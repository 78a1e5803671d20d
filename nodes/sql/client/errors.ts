/**
 * Converts what drivers report to this package's error codes. It takes the SQLSTATE, the native code and the product together, because SQLite's driver
 * reports everything as HY000, MariaDB's a refused connect as HY000, and PostgreSQL's a wrong password as 08001.
 */
import { ConnectorError, type ConnectorErrorOptions, type ErrorCode, errorText } from "../../common/errors";
import { driverHint } from "./odbc/install-hint";
import { namesOwnPlan, refusesLogin, refusesRow, waitsForVacuum } from "./postgresql-messages";
import type { DialectName } from "./protocol";

/** One diagnostic record of a driver. */
export interface Diagnosis {
  /** SQLSTATE; empty when there is none. */
  state: string;
  /** The product's own error number. */
  native: number;
  message: string;
}

/** SQLSTATEs of a NULL, a check and a view's check. PostgreSQL quotes the whole row in a further line of their messages, which is not to get into a log. */
const QUOTES_ROW = /^(23502|23514|44000)$/;

/** Driver texts are cut to so many characters, since they also go into headers of dead letters, which are small. */
const TEXT_LENGTH = 500;

/** What to do about a pooler that does not keep sessions. With such a pooler, what is prepared on one connection would be found on another. */
export const KEEP_SESSIONS = "connect to the server itself, or let the pooler keep sessions (PgBouncer: pool_mode = session)";
const NOT_ONE_SESSION = `. It seems that a pooler gives each statement another session: ${KEEP_SESSIONS}`;
/** What to do about `NOT_CONFIGURED`, by SQLSTATE. */
const HINTS: Partial<Record<string, string>> = {
  IM001: ". Statements with values need it: leave UseServerSidePrepare out of the connection string, or use another driver",
  "42P05": NOT_ONE_SESSION,
  "26000": NOT_ONE_SESSION,
};

/** SQLSTATEs of a prepared statement that exists already, or does not exist. */
const PLAN = /^(42P05|26000)$/;

interface Verdict {
  code: ErrorCode;
  options?: Pick<ConnectorErrorOptions, "scope" | "retryable">;
}

type Rule = [test: RegExp, code: ErrorCode];

/** Codes by SQLSTATE; the first rule that fits counts, so the more special ones come first. */
const STATES: Rule[] = [
  [/^(28|3D|42501|IM00[23])/, "DATABASE_REFUSED"],
  [/^IM003/, "DRIVER_MISSING"],
  [/^53400/, "DATABASE_BUSY"], // the statement needs more temporary files than it may have
  [/^(08|57P0|53|58|25006)/, "DATABASE_UNAVAILABLE"],
  [/^(42P01|42703|42S02|42S22|3F000)/, "TABLE_UNKNOWN"],
  [/^(42P10|IM001)/, "NOT_CONFIGURED"], // ON CONFLICT names columns without a unique index; the driver lacks what statements with values need
  [/^(40|55P03|57014|HYT0|HY008|25P0)/, "DATABASE_BUSY"],
];

/** Codes by texts that say more than the SQLSTATE they come with. psqlodbc reports every failed connect as 08001, with the text of the server or a pooler. */
const TEXTS: Rule[] = [
  [/can't open lib/i, "DRIVER_MISSING"],
  // a killed server: HY000 from psqlodbc
  [/server closed the connection|(could not (receive data from|send data to)|no connection to the) server|connection (not open|has been closed|was lost)/i, "DATABASE_UNAVAILABLE"],
  [/password authentication failed|no pg_hba\.conf entry|(role|database) ".*" does not exist|permission denied for database|no password supplied|no such (user|database)\b|SASL authentication failed|unsupported startup parameter/i, "DATABASE_REFUSED"],
];

/** Native code of MariaDB's and MySQL's drivers: TLS with the server failed, for whatever reason, or the connection broke meanwhile. */
const TLS_FAILED = 2026;
/**
 * TLS errors that somebody must fix: a certificate that is not trusted, expired or missing, or no encryption where it is required. No words that could be in
 * quotes, since those may be a server's name.
 */
const NO_TLS = /[\s:]certificate\b|private key|alert unknown ca|SSL (was|is) required|TLS\/SSL error: (no such file|key values mismatch|hostname mismatch)/i;

/**
 * The server answers, but takes no changes: the disk or the table is full (with 3 and 20 it has waited for room until the statement was cancelled), it is
 * read-only, the user's statements for this hour are used up, or a server behind this one is away.
 */
const MARIADB_FULL = [3, 20, 1021, 1026, 1114, 1226, 1290, 1429, 1792, 1836, 12701];
/**
 * Errors of the operating system that a storage engine (1030) or a commit (1180) passes on: disk error, no memory, too many open files, no room, read-only.
 * The storage engines' own numbers begin at 120. The number is the first after the tags, in every language.
 */
const MARIADB_SYSTEM = /^(?:\[[^\]]*\])*\D*(5|12|23|24|28|30)\b/;
/** SQLite's codes for no memory, a disk error and a full disk. */
const SQLITE_FULL = [7, 10, 13];

/** A lock was not available, or the limit of time or of temporary files is over: by SQLSTATE, then by the native codes of MariaDB and of SQLite. */
const WAITED = /^(55P03|57014|25P04|53400|HYT0|HY008)/;
const MARIADB_WAITED = [1205, 1317, 1969, 3024];
const SQLITE_WAITED = [5, 6, 9, 15]; // 15: lost each race for the write-ahead log, for seconds

/** MariaDB's and MySQL's own numbers (mariadb.com/kb/en/mariadb-error-codes). */
const MARIADB: Record<string, number[]> = {
  DATABASE_REFUSED: [1044, 1045, 1049, 1129, 1130, 1142, 1143, 1227, 1698],
  DATABASE_UNAVAILABLE: [...MARIADB_FULL, 1040, 1053, 1203, 1927, 2002, 2003, 2005, 2006, 2013, TLS_FAILED, 2055],
  TABLE_UNKNOWN: [1051, 1054, 1146],
  DATABASE_BUSY: [...MARIADB_WAITED, 1020, 1213, 1412], // 1020, 1213, 1412: changed, deadlocked or altered since the transaction began
  // by number, since not all come with their state: 1442 of a trigger, 1526 and 1748 of a partition, 1906 and 3105 of a generated column
  ROW_REFUSED: [1048, 1062, 1153, 1264, 1265, 1292, 1364, 1366, 1406, 1442, 1451, 1452, 1526, 1690, 1748, 1906, 3105, 3819, 4025],
};

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const SQLITE: Record<string, number[]> = {
  DATABASE_BUSY: SQLITE_WAITED,
  DATABASE_UNAVAILABLE: SQLITE_FULL,
  DATABASE_REFUSED: [3, 8, 11, 14, 23, 26],
  ROW_REFUSED: [12, 18, 19, 20, 25],
};

/** Returns the error code for a failure. */
function classify(diagnosis: Diagnosis, dialect?: DialectName): Verdict {
  const { state, native, message } = diagnosis;
  const byText = isDrivers(diagnosis, dialect) ? find(TEXTS, message) : undefined;
  if (byText) return { code: byText };
  if ((state.startsWith("08") || native === TLS_FAILED) && NO_TLS.test(message)) return { code: "DATABASE_REFUSED" };
  if (state.startsWith("08") && refusesLogin(message)) return { code: "DATABASE_REFUSED" };
  if (isFullPostgresql(diagnosis)) return { code: "DATABASE_UNAVAILABLE" };
  if (state === "42501" && refusesRow(message)) return { code: "ROW_REFUSED" };
  if (PLAN.test(state) && !namesOwnPlan(message)) return { code: "NOT_CONFIGURED" }; // what was prepared belongs to another session
  if (dialect === "sqlite" || /^\[SQLite\]/.test(message)) return sqlite(native, message);
  if (dialect === "mariadb" || /^\[ma-/.test(message)) {
    const code = isFullMariadb(diagnosis) ? "DATABASE_UNAVAILABLE" : byNumber(MARIADB, native);
    if (code) return { code };
  }
  const code = find(STATES, state);
  if (code) return { code };
  // 0A, 21–23, 42, 44, 45 (raised by a trigger), 54, 07, P0 …: the server refused this row; 25001, 2D, 2F: it refused what the statement does.
  // Any other state is unknown, and the row may be stored later
  return { code: "ROW_REFUSED", options: { retryable: !/^(0A|2[1-3DF]|25001|42|44|45|54|07|P0|HY003|HY09)/.test(state) } };
}

/** Makes an error of a driver's failure, with the driver's own text. */
export function databaseError(diagnosis: Diagnosis, dialect?: DialectName): ConnectorError {
  const { code, options } = classify(diagnosis, dialect);
  const text = clean(dialect === "postgresql" && QUOTES_ROW.test(diagnosis.state) ? diagnosis.message.replace(/;?\n[^]*/, "") : diagnosis.message);
  const details = { state: diagnosis.state, native: diagnosis.native, ...(dialect ? { database: dialect } : {}) };
  if (code === "DRIVER_MISSING") {
    const driver = /can't open lib '([^']*)'/i.exec(text)?.[1] ?? "";
    return new ConnectorError(code, `${text}. ${driverHint(driver)}`, { details: { ...details, missing: "driver" } });
  }
  const hint = code === "NOT_CONFIGURED" ? HINTS[diagnosis.state] : undefined;
  return new ConnectorError(code, `${text}${hint ?? ""}`, { ...options, details });
}

/**
 * Makes an error of a statement's failure. A statement runs only after the login, so a refusal is about this statement (`details.statement`), and others may go on.
 * Where the database says that it is read-only, or its disk full, it has answered (`details.answers`), so a ping would tell nothing.
 */
export function statementError(diagnosis: Diagnosis, dialect?: DialectName): ConnectorError {
  const error = databaseError(diagnosis, dialect);
  if (error.code === "DATABASE_REFUSED" || error.code === "NOT_CONFIGURED") return new ConnectorError(error.code, error.message, { details: { ...error.details, statement: true } });
  if (error.code !== "DATABASE_UNAVAILABLE" || !takesNothing(diagnosis, dialect)) return error;
  return new ConnectorError(error.code, error.message, { details: { ...error.details, answers: true } });
}

/**
 * Text that begins with `ERROR:` in the server's language. Where a statement fails with a state of a lost connection (08…), it means that a server behind this
 * one is away (foreign tables, dblink): the driver's text for its own connection does not begin so, and a pooler (PgBouncer) that closes it says `FATAL:`.
 */
const SERVER_SPEAKS = /^(\[[^\]]*\])*(?!FATAL:)[^\s:]+: /;

/** Whether the database answers, but takes no changes at present. */
function takesNothing(diagnosis: Diagnosis, dialect?: DialectName): boolean {
  const { state, native, message } = diagnosis;
  if (dialect === "mariadb") return isFullMariadb(diagnosis);
  if (dialect === "sqlite") return SQLITE_FULL.includes(native & 0xff);
  return /^(25006|53[1-9]|58)/.test(state) || isFullPostgresql(diagnosis) || (state.startsWith("08") && SERVER_SPEAKS.test(message));
}

/**
 * Whether a statement has waited in vain for a lock, or up to its time limit. What it waited for may take long: a change of the table, or another program
 * that writes to the file. Not so for a deadlock, which is over at once.
 */
export function hasWaited({ code, details }: ConnectorError): boolean {
  const { state = "", native = 0, database } = details as { state?: string; native?: number; database?: string };
  if (code !== "DATABASE_BUSY") return false;
  if (database === "sqlite") return SQLITE_WAITED.includes(native & 0xff);
  return database === "mariadb" ? MARIADB_WAITED.includes(native) : WAITED.test(state);
}

function isFullPostgresql({ state, message }: Diagnosis): boolean {
  return state === "54000" && waitsForVacuum(message);
}

function isFullMariadb({ native, message }: Diagnosis): boolean {
  return MARIADB_FULL.includes(native) || ((native === 1030 || native === 1180) && MARIADB_SYSTEM.test(message));
}

/**
 * Whether PostgreSQL has ended a connection over what was done on it: a standby had to go on replaying (40001), or the transaction took longer than it may
 * (25P03, 25P04). The next connection would end alike, so this is no outage.
 */
export function endedByItself({ details }: ConnectorError): boolean {
  return details["database"] === "postgresql" && /^(40001|25P0[34])/.test(String(details["state"]));
}

/**
 * Returns the error for a failed statement with values. PostgreSQL looks up all tables of such a statement before it runs it, and its driver tells which of the two failed.
 * A table that is missing only when it runs is missing in a function or trigger, and may have been named by the message: so the error concerns the message.
 */
export function failureWithin(error: ConnectorError, diagnosis: Diagnosis): ConnectorError {
  if (error.code !== "TABLE_UNKNOWN" || error.details["database"] !== "postgresql" || !/Error while executing the query\s*$/.test(diagnosis.message)) return error;
  return new ConnectorError(error.code, `${error.message} (in a function or trigger that the statement runs)`, { scope: "message", retryable: false, details: error.details });
}

/** Returns the first diagnostic record of npm odbc's error that is no warning. The error's own message is generic. */
export function odbcDiagnosis(error: unknown): Diagnosis {
  const records = (error as { odbcErrors?: { state?: string; code?: number; message?: string }[] }).odbcErrors ?? [];
  // unixODBC sometimes puts warnings (01…) before the failure
  const record = records.find(({ state }) => state && !state.startsWith("01")) ?? records[0];
  if (!record) return { state: "", native: 0, message: errorText(error) };
  return { state: record.state ?? "", native: record.code ?? 0, message: record.message || errorText(error) };
}

/** Whether the text may be the driver's own. A server's text about a row may contain any words, since it quotes values. */
function isDrivers({ state, native, message }: Diagnosis, dialect?: DialectName): boolean {
  if (!/^($|01|08|HY|IM|S1)/.test(state)) return false;
  if (dialect === "sqlite" || /^\[SQLite\]/.test(message)) return native === 0;
  if (dialect === "mariadb" || /^\[ma-/.test(message)) return native < 1000 || (native >= 2000 && native < 3000); // other numbers are the server's
  return true;
}

function sqlite(native: number, message: string): Verdict {
  const primary = native & 0xff; // extended result codes keep the primary one in the low byte
  if (/no such (table|column)|has no column named/.test(message)) return { code: "TABLE_UNKNOWN" };
  if (/ON CONFLICT clause does not match/.test(message)) return { code: "NOT_CONFIGURED" };
  const code = byNumber(SQLITE, primary);
  return code ? { code } : { code: "ROW_REFUSED" };
}

function find(rules: Rule[], text: string): ErrorCode | undefined {
  return rules.find(([test]) => test.test(text))?.[1];
}

function byNumber(table: Record<string, number[]>, native: number): ErrorCode | undefined {
  return Object.keys(table).find((code) => table[code]?.includes(native)) as ErrorCode | undefined;
}

/**
 * Returns a driver's text as one line that begins with the reason, since a status has room for 60 characters: without the tags of the driver manager and psqlodbc's
 * fixed phrases.
 */
function clean(message: string): string {
  const text = message
    .replace(/^(\[[^\]]*\])+/, "")
    .replace(/["«»„“]\s?_PLAN\w+\s?["«»“”]/, "") // psqlodbc's name for a prepared statement: it is different each time, so the same error would fill the log
    .replace(/;?\s*Error while (executing the query|preparing parameters)\s*$/i, "")
    .replace(/\s+/g, " ")
    .trim()
    // for a host name with two addresses psqlodbc gives two texts; the first is kept
    .replace(/^connection to server (?:at|on) "?([^",]*)"?(?: \([^)]*\))?, port (\d+) failed: (?:\S+: {2})?(.*?)( Is the server running.*| connection to server .*)?$/, "$3 (server $1:$2)")
    .replace(/^(\p{Lu}{3,}|\p{Lo}+): /u, ""); // the severity ("ERROR: "), in the server's language
  return text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH - 1)}…` : text;
}
