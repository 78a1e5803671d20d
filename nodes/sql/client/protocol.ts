/**
 * What travels between Node-RED's process and the database's child process, over Node's IPC channel with structured clone:
 * dates, big integers and bytes keep their type.
 */
import { ConnectorError, type ErrorCode, type ErrorScope } from "../../common/errors";

/** What runs the SQL: a driver under ODBC, or Node's own SQLite. */
export type Engine = "odbc" | "sqlite";

/** The database products with a dialect of their own. */
export type DialectName = "postgresql" | "mariadb" | "sqlite" | "sqlserver" | "oracle" | "db2" | "generic";

/** How the child opens its database. Times in ms. Holds the password: never logged. */
export interface OpenOptions {
  engine: Engine;
  /** ODBC: with credentials; what the driver needs besides is added in the child. */
  connectionString: string;
  /** SQLite: an absolute path, or `:memory:`. */
  file: string;
  dialect: DialectName | "auto";
  /** Most connections, 1 to 10. */
  poolSize: number;
  loginTimeout: number;
  queryTimeout: number;
  /** A connection that was idle for longer is asked for a sign of life before it is used. */
  idleCheck: number;
}

/** What the child found at the other end. */
export interface PingResult {
  dialect: DialectName;
  /** How the database names itself and its version; empty when it does not. */
  product: string;
  /** Name of the ODBC driver or path of its library, or `node:sqlite`. */
  driver: string;
  /** From a question to its answer, in ms. */
  roundTrip: number;
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
  /** With an inbox: what is committed under an id is not done again. */
  id?: string;
}

/** Dedupe: the table that keeps the ids of what is committed, written in the same transaction. */
export interface InboxOptions {
  /** Name, or `schema.name`. Made when it is missing. */
  table: string;
  /** Whose ids they are: two nodes may store the same message, each once. At most 64 characters. */
  owner: string;
  /** Ids older than this many days are deleted, a few at a time. */
  days: number;
}

/** What is done with a row: `ignore` inserts it unless it is there, `update` and `delete` find it by its key. */
export type WriteMode = "insert" | "upsert" | "update" | "delete" | "ignore";

/** A batch of rows for one table. */
export interface WriteRequest {
  /** Name, or `schema.name`. */
  table: string;
  mode: WriteMode;
  /** The columns a row is found by; of an upsert those of a unique key. Insert: none; ignore: none for any unique key. */
  keys: readonly string[];
  /** The user named the columns: one that does not exist concerns every message. Else they are the payload's, and it concerns one message. */
  mapped: boolean;
  rows: WriteRow[];
  /** Insert: a row whose unique key is there already counts as done. */
  duplicateIsSuccess?: boolean;
  /** Update and delete: to find no row is an error of that row. */
  zeroRowsIsError?: boolean;
  inbox?: InboxOptions;
}

/** What is committed, where that is not simply one row. */
export interface RowDone {
  /** -1 when the database tells only the sum of several. */
  rowsAffected: number;
  /** The row, or its id in the inbox, was there already: nothing was written. */
  duplicate?: true;
}

/** What became of one row: `null` when it is committed and is one row of the table. */
export type RowOutcome = ErrorData | RowDone | null;

/**
 * A statement as its author wrote it, with `:name` where a value goes. The child puts the values there as parameters, never as text; a
 * list stands for as many parameters, for `in (:ids)`.
 */
export interface NamedStatement {
  sql: string;
  values: Readonly<Record<string, PlainValue | readonly PlainValue[]>>;
}

/** `store`: asked by what keeps positions and leases, which waits for no statement of a node. */
export type Purpose = "store";

/** Statements that are committed together or not at all. */
export interface Transaction {
  statements: readonly NamedStatement[];
  /** With an inbox: what is committed under an id is not done again. */
  id?: string;
}

/** Transactions of several messages, one after the other, each with an outcome of its own. */
export interface ExecuteRequest {
  transactions: readonly Transaction[];
  inbox?: InboxOptions;
  /** An `update` or `delete` that finds no row is an error of its transaction. */
  zeroRowsIsError?: boolean;
  /** Most rows a statement may return: a larger result is an error. */
  maxRows: number;
  purpose?: Purpose;
}

/** What one statement of a transaction did. */
export interface StatementResult {
  /** -1 when the driver does not tell. */
  rowsAffected: number;
  /** What it returned (`returning`, `output`), when it returns rows. */
  rows?: Row[];
}

/** What became of one transaction. `duplicate`: its id was in the inbox, and nothing was done. */
export type TransactionOutcome = { results: StatementResult[]; duplicate?: true } | { error: ErrorData; statement?: number };

/** A value of a row that was read. Exact decimals, and integers above 2^53, are text; times are ISO 8601. */
export type RowValue = null | string | number | boolean | Uint8Array;

/** A row that was read: values by column name. */
export type Row = Record<string, RowValue>;

/** A column of what is read. */
export interface ColumnInfo {
  name: string;
  /** The database's own name of the type, in lower case. */
  type: string;
}

/** A query whose rows are fetched as they are wanted. */
export interface ReadRequest extends NamedStatement {
  /** Rows a fetch brings. */
  fetchSize: number;
  /** What must hold of a change that returns its rows: else it is undone. */
  claim?: Claim;
}

/** Rows that a statement changes as it reads them. */
export interface Claim {
  /** No more than these: who asks could not take the others. */
  most: number;
  /** They are told apart by the column of this name. */
  key?: string;
}

/** A {@link ReadRequest} that has begun. */
export interface CursorOpened {
  cursor: number;
  columns: ColumnInfo[];
}

/** Rows as lists of values, in the order of the columns: names would travel with every row. */
export interface Fetched {
  rows: RowValue[][];
  /** There are no more; the cursor is closed. */
  done: boolean;
}

/** What is found on this machine. */
export interface DriversFound {
  /** Names of installed ODBC drivers, as a connection string's `Driver=` takes them. */
  drivers: string[];
  /** Names of configured data sources, as `DSN=` takes them. */
  sources: string[];
}

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
  ping: { argument: { purpose?: Purpose }; answer: PingResult };
  write: { argument: WriteRequest; answer: RowOutcome[] };
  execute: { argument: ExecuteRequest; answer: TransactionOutcome[] };
  openCursor: { argument: ReadRequest; answer: CursorOpened };
  fetch: { argument: { cursor: number }; answer: Fetched };
  closeCursor: { argument: { cursor: number }; answer: null };
  close: { argument: null; answer: null };
}

/** One of {@link Operations}. */
export type Operation = keyof Operations;

/** Parent to child. */
export interface Request {
  id: number;
  operation: Operation;
  argument: unknown;
}

/** Child to parent: an answer, a sign of life while requests are at work, or of which of them a statement begins that nothing can interrupt. */
export type Reply = { id: number; answer: unknown } | { id: number; error: ErrorData } | { alive: true } | { begins: number };

/** Whether a row or a transaction failed. */
export function isErrorData(outcome: RowOutcome | undefined): outcome is ErrorData {
  return !!outcome && "code" in outcome;
}

/** An error made ready for the channel; its cause stays behind. */
export function toData(error: ConnectorError): ErrorData {
  const { code, message: text, scope, retryable, details } = error;
  return { code, text, scope, retryable, details };
}

/** The error of the other side. */
export function fromData({ code, text, ...options }: ErrorData): ConnectorError {
  return new ConnectorError(code, text, options);
}
