/**
 * The part of npm odbc that is used. Not used: its pool, which never recovers after an outage, and running a statement twice, which would store other values
 * (IBM/node-odbc #334).
 */
import type { Parameter } from "../child/backend";

/** What `require("odbc")` gives. */
export interface OdbcModule {
  /** Times in s; 0 means for ever. @param options.fetchArray whether rows are lists of values, and not objects */
  connect(options: { connectionString: string; loginTimeout: number; connectionTimeout: number; fetchArray: boolean }): Promise<OdbcHandle>;
}

/** A connection. */
export interface OdbcHandle {
  readonly connected: boolean;
  /** Never used with a cursor: see {@link OdbcStatement}. */
  query(sql: string, parameters: Parameter[]): Promise<OdbcResult>;
  createStatement(): Promise<OdbcStatement>;
  beginTransaction(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Cancels the running {@link query}. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A statement of its own, for a cursor. `query` can open a cursor, too, but when npm odbc 2.6.0 closes that, it releases a JavaScript reference on another
 * thread; when many are closed at the same time, the process crashes. The cursor of a statement has no such reference.
 */
export interface OdbcStatement {
  prepare(sql: string): Promise<void>;
  bind(parameters: Parameter[]): Promise<void>;
  /** Rejects without diagnostic records for a statement that returns no rows and changes none. */
  execute(options: { cursor: true; fetchSize: number }): Promise<OdbcNativeCursor>;
  /** Cancels the running call of the statement or of its cursor. */
  cancel(): Promise<void>;
  /** Frees the statement and its cursor; neither can be used any more. */
  close(): Promise<void>;
}

/** A cursor of the driver: gives as many rows at a time as `fetchSize` says. */
export interface OdbcNativeCursor {
  fetch(): Promise<OdbcResult>;
  close(): Promise<void>;
}

/** Rows, as objects or lists (see `fetchArray`), and what the driver tells about them. `columns` is there also when there are no rows. */
export interface OdbcResult extends Array<unknown> {
  count: number;
  columns: { name: string; dataTypeName: string; columnSize: number; decimalDigits: number }[];
}

/** Returns parameters as the addon takes them: big integers, which it does not take, become text, which is exact. */
export function odbcParameters(parameters: readonly Parameter[]): Parameter[] {
  return parameters.map((value) => (typeof value === "bigint" ? String(value) : value));
}
