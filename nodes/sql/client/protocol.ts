/**
 * What travels between Node-RED's process and the database's child process, over Node's IPC channel with structured clone:
 * dates, big integers and bytes keep their type.
 */
import { ConnectorError, type ErrorCode, type ErrorScope } from "../../common/errors";

/** What runs the SQL: a driver under ODBC, or Node's own SQLite. */
export type Engine = "odbc" | "sqlite";

/** The database products with a dialect of their own. */
export type DialectName = "postgresql" | "mariadb" | "sqlite";

/** How the child opens its database. Times in ms. Holds the password: never logged. */
export interface OpenOptions {
  engine: Engine;
  /** ODBC: complete, with credentials and presets. */
  connectionString: string;
  /** SQLite: path of the file, or `:memory:`. */
  file: string;
  dialect: DialectName | "auto";
  poolSize: number;
  loginTimeout: number;
  queryTimeout: number;
}

/** What the child found at the other end. */
export interface PingResult {
  dialect: DialectName;
}

/** JSON text, told apart from a string: it is written as it is into a JSON column, as text into any other. */
export interface JsonText {
  json: string;
}

/** A value that every engine can be given, see `encode.ts`. */
export type PlainValue = null | string | number | boolean | bigint | Date | Uint8Array | JsonText;

/** One row to write: the columns it has, and their values in the same order. Rows of one shape share the `columns` array. */
export interface WriteRow {
  columns: readonly string[];
  values: PlainValue[];
}

/** How rows get into the table. */
export type WriteMode = "insert" | "upsert";

/** A batch of rows for one table. */
export interface WriteRequest {
  /** Name, or `schema.name`. */
  table: string;
  mode: WriteMode;
  /** Upsert: the columns of the unique key. */
  keys: readonly string[];
  /** The user named the columns: one that does not exist concerns every message. Else they are the payload's, and it concerns one message. */
  mapped: boolean;
  rows: WriteRow[];
}

/** What became of one row: `null` when it is committed. */
export type RowOutcome = ErrorData | null;

/** A {@link ConnectorError} as data. */
export interface ErrorData {
  code: ErrorCode;
  text: string;
  scope: ErrorScope;
  retryable: boolean;
  details: Record<string, unknown>;
}

/** What the child can be asked, with its argument and answer. */
export interface Operations {
  /** First of all; connects to nothing yet. */
  open: { argument: OpenOptions; answer: null };
  /** Takes a connection, asks the database for an answer and gives it back. */
  ping: { argument: null; answer: PingResult };
  write: { argument: WriteRequest; answer: RowOutcome[] };
  close: { argument: null; answer: null };
}

export type Operation = keyof Operations;

/** Parent to child. */
export interface Request {
  id: number;
  operation: Operation;
  argument: unknown;
}

/** Child to parent: an answer, or a sign of life while requests are at work. */
export type Reply = { id: number; answer: unknown } | { id: number; error: ErrorData } | { alive: true };

/** An error made ready for the channel; its cause stays behind. */
export function toData(error: ConnectorError): ErrorData {
  const { code, message: text, scope, retryable, details } = error;
  return { code, text, scope, retryable, details };
}

/** The error of the other side. */
export function fromData({ code, text, ...options }: ErrorData): ConnectorError {
  return new ConnectorError(code, text, options);
}
