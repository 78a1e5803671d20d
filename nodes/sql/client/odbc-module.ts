/** The part of npm odbc that is used. Its pool is not, which never recovers; nor is a statement run a second time, which would store other values (IBM/node-odbc #334). */
import type { Parameter } from "./backend";

/** What `require("odbc")` gives. */
export interface OdbcModule {
  /** Times in s; 0: without end. @param options.fetchArray rows are lists of values, else objects */
  connect(options: { connectionString: string; loginTimeout: number; connectionTimeout: number; fetchArray: boolean }): Promise<OdbcHandle>;
}

/** A connection. */
export interface OdbcHandle {
  readonly connected: boolean;
  /** Never with a cursor: see {@link OdbcStatement}. */
  query(sql: string, parameters: Parameter[]): Promise<OdbcResult>;
  createStatement(): Promise<OdbcStatement>;
  beginTransaction(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Ends what {@link query} is at. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A statement of its own, for a cursor. `query` would give one, too, but npm odbc 2.6.0 gives up a JavaScript reference on another thread when it
 * closes that: once for each, and many at once end the process. The cursor of a statement has none to give up there.
 */
export interface OdbcStatement {
  prepare(sql: string): Promise<void>;
  bind(parameters: Parameter[]): Promise<void>;
  /** A statement that returns nothing, and changes nothing, is an error without diagnostic records. */
  execute(options: { cursor: true; fetchSize: number }): Promise<OdbcNativeCursor>;
  /** Ends what the statement, or its cursor, is at. */
  cancel(): Promise<void>;
  /** Frees it, and its cursor; that is of no use any more. */
  close(): Promise<void>;
}

/** The rows of a statement, so many at a time. */
export interface OdbcNativeCursor {
  fetch(): Promise<OdbcResult>;
  close(): Promise<void>;
}

/** Rows, objects or lists as the connection was asked for, with what the driver says of them; `columns` describes the result, rows or not. */
export interface OdbcResult extends Array<unknown> {
  count: number;
  columns: { name: string; dataTypeName: string; columnSize: number; decimalDigits: number }[];
}

/** The addon takes no big integers as parameters; as text they are exact. */
export function odbcParameters(parameters: readonly Parameter[]): Parameter[] {
  return parameters.map((value) => (typeof value === "bigint" ? String(value) : value));
}
