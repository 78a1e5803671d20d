/**
 * The messages between Node-RED's process and the database's child process. Node's IPC channel sends them by structured clone, so that
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
  /** ODBC: the connection string with credentials. The child adds what else the driver needs. */
  connectionString: string;
  /** SQLite: an absolute path, or `:memory:`. */
  file: string;
  dialect: DialectName | "auto";
  /** How many connections there may be, 1 to 10. */
  poolSize: number;
  loginTimeout: number;
  queryTimeout: number;
  /** A connection that was idle for longer is pinged before it is used. */
  idleCheck: number;
  /** For how many ms after its start the process opens no second connection of a kind. Default 0. */
  growAfter?: number;
}

/** What the child found out about the database. */
export interface PingResult {
  dialect: DialectName;
  /** Name and version that the database gives itself; empty when it gives none. */
  product: string;
  /** Name of the ODBC driver or path of its library, or `node:sqlite`. */
  driver: string;
  /** ms that a query and its answer took. */
  roundTrip: number;
}

/** JSON text, as opposed to a string. A JSON column stores it as JSON, any other as text. */
export interface JsonText {
  json: string;
}

/** A value that every engine takes, see `encode.ts`. */
export type PlainValue = null | string | number | boolean | bigint | Date | Uint8Array | JsonText;

/** One row to write: its columns, and their values in the same order. Rows with the same columns share one `columns` array. */
export interface WriteRow {
  columns: readonly string[];
  values: PlainValue[];
  /** With an inbox: a row whose id is committed already is not written again. */
  id?: string;
}

/** Dedupe: the table with the ids of what is committed. An id is added in the transaction of its work. */
export interface InboxOptions {
  /** Name of the table, or `schema.name`. It is made when it is missing. */
  table: string;
  /** Node to which the ids belong, so that two nodes can store the same message, each once. At most 64 characters. */
  owner: string;
  /** Ids older than this many days are deleted, a few at a time. */
  days: number;
}

/** What is done with a row. `ignore` inserts it unless it is there already; `update` and `delete` find the row by its key. */
export type WriteMode = "insert" | "upsert" | "update" | "delete" | "ignore";

/** A batch of rows for one table. */
export interface WriteRequest {
  /** Name, or `schema.name`. */
  table: string;
  mode: WriteMode;
  /** The columns a row is found by. Upsert: those of a unique key. Insert: none. Ignore: none means any unique key. */
  keys: readonly string[];
  /** Whether the user named the columns, so that an unknown one concerns every message. If not, they are properties of the payload, and it concerns one message. */
  mapped: boolean;
  rows: WriteRow[];
  /** Insert: whether a row counts as done when its unique key is there already. */
  duplicateIsSuccess?: boolean;
  /** Update and delete: whether it is an error of the row when no row of the table is found. */
  zeroRowsIsError?: boolean;
  inbox?: InboxOptions;
}

/** The outcome of a row that is committed, but did not change exactly one row of the table. */
export interface RowDone {
  /** -1 when the database tells only the sum for several rows. */
  rowsAffected: number;
  /** The row, or its id in the inbox, was there already: nothing was written. */
  duplicate?: true;
}

/** What became of one row: `null` when it is committed and changed exactly one row of the table. */
export type RowOutcome = ErrorData | RowDone | null;

/**
 * A statement as its author wrote it, with `:name` in place of each value. The child passes the values as parameters, never as text; a
 * list becomes as many parameters as it has items, for `in (:ids)`.
 */
export interface NamedStatement {
  sql: string;
  values: Readonly<Record<string, PlainValue | readonly PlainValue[]>>;
}

/** `store`: the request comes from a store, which keeps positions and leases. It must not wait for statements of nodes. */
export type Purpose = "store";

/** Statements that are committed together or not at all. */
export interface Transaction {
  statements: readonly NamedStatement[];
  /** With an inbox: a transaction whose id is committed already is not done again. */
  id?: string;
}

/** Transactions of several messages, one after the other, each with an outcome of its own. */
export interface ExecuteRequest {
  transactions: readonly Transaction[];
  inbox?: InboxOptions;
  /** Whether an `update` or `delete` that finds no row is an error of its transaction. */
  zeroRowsIsError?: boolean;
  /** How many rows a statement may return; more are an error. */
  maxRows: number;
  purpose?: Purpose;
}

/** What one statement of a transaction did. */
export interface StatementResult {
  /** -1 when the driver does not tell. */
  rowsAffected: number;
  /** The rows, for a query or a change that returns them (`returning`, `output`). */
  rows?: Row[];
}

/** What became of one transaction. `duplicate`: its id was in the inbox already, so nothing was done. `statement`: the one that failed, from 0. */
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
  /** How many rows a fetch gives at most. */
  fetchSize: number;
  /** For a change that returns its rows: conditions on these, without which it is rolled back. */
  claim?: Claim;
}

/** Conditions on the rows that a change returns. */
export interface Claim {
  /** How many rows there may be: the reader could not take more. */
  most: number;
  /** Name of a column in which each row must have a value of its own. */
  key?: string;
}

/** The answer to a {@link ReadRequest}. */
export interface CursorOpened {
  cursor: number;
  columns: ColumnInfo[];
}

/** Rows as lists of values, in the order of the columns: as objects, each row would be sent with the names. */
export interface Fetched {
  rows: RowValue[][];
  /** Whether there are no more rows; the cursor is closed then. */
  done: boolean;
}

/** The drivers and data sources that were found on this machine. */
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

/** The requests that the child serves, each with its argument and answer. */
export interface Operations {
  /** The first request; does not connect yet. */
  open: { argument: OpenOptions; answer: null };
  /** Borrows a connection of the pool to see whether the database answers. */
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

/** Child to parent: an answer; a sign of life while requests are served; or the id of the request for which a statement begins that nothing can interrupt. */
export type Reply = { id: number; answer: unknown } | { id: number; error: ErrorData } | { alive: true } | { begins: number };

/** Whether a row or a transaction failed. */
export function isErrorData(outcome: RowOutcome | undefined): outcome is ErrorData {
  return !!outcome && "code" in outcome;
}

/** Returns an error as data for the channel, without its cause. */
export function toData(error: ConnectorError): ErrorData {
  const { code, message: text, scope, retryable, details } = error;
  return { code, text, scope, retryable, details };
}

/** Returns the error that {@link toData} got on the other side, without its cause. */
export function fromData({ code, text, ...options }: ErrorData): ConnectorError {
  return new ConnectorError(code, text, options);
}
