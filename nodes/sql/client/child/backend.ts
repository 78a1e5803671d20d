import type { DialectName } from "../protocol";

/** A value as a driver takes it. {@link Untyped} is only for connections that find out the types of parameters themselves. */
export type Parameter = null | string | number | bigint | Uint8Array | Untyped;

/** A value whose form depends on the type that the server expects at that place of the statement (PostgreSQL). */
export class Untyped {
  /** @param name of the parameter, for an error */
  constructor(
    readonly value: string | boolean | Date | Uint8Array,
    readonly name: string,
  ) {}
}

/** A column of a result as the driver describes it. */
export interface DriverColumn {
  name: string;
  /** The driver's own name of the type, in lower case: `varchar`, `SQL_NUMERIC` as `numeric`; empty when it tells none. */
  type: string;
  /** Characters, digits or bytes the column holds at most; 0 when the driver does not tell. */
  size: number;
  /** Whether `size` is what the column can really hold. If not, it is the driver's guess, and a longer value arrives cut. */
  honest?: boolean;
  /** Digits after the decimal point. */
  scale: number;
}

/** The result of a statement. */
export interface QueryResult {
  /** The rows as the driver gives them, see `row-values.ts`; an empty list for a statement that returns none. */
  rows: Record<string, unknown>[];
  /** Rows inserted, updated or deleted, as the driver counts (MariaDB counts 2 for an upsert that updates); -1 when it does not tell. */
  rowsAffected: number;
  /** Empty when the statement returns no rows. */
  columns: DriverColumn[];
}

/** The rows of a query, fetched as they are wanted. Rejects with `ConnectorError`s; after one, only {@link close} may be called. */
export interface ConnectionCursor {
  /** Empty when the statement returns no rows. */
  readonly columns: DriverColumn[];
  /** The next rows, as many as the cursor fetches at once, each a list of the driver's values in the order of the columns; an empty list when there are no more. */
  fetch(): Promise<unknown[][]>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** One connection to the database. Every method rejects with a `ConnectorError`. */
export interface DatabaseConnection {
  /** False once the connection is known to be broken. */
  readonly alive: boolean;
  /**
   * How many bytes a statement and its values may have together, set once the server has told; a larger one is refused with `PAYLOAD_TOO_LARGE`. The server
   * would end the connection on it, which would look like an outage.
   */
  mostBytes?: number;
  /** Runs one statement. Outside a transaction it is committed at once. */
  query(sql: string, parameters?: readonly Parameter[]): Promise<QueryResult>;
  /**
   * Runs a query and fetches `fetchSize` rows at a time. A connection has one cursor at a time, and runs no other statement until it is closed.
   *
   * @param oneByOne asks the driver for single rows, since one that is asked for several at once may cut long values
   */
  cursor(sql: string, parameters: readonly Parameter[], fetchSize: number, oneByOne?: boolean): Promise<ConnectionCursor>;
  begin(): Promise<void>;
  commit(): Promise<void>;
  /** Rolls back the open transaction; harmless when there is none. */
  rollback(): Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** Opens connections, through ODBC or Node's own SQLite. */
export interface Backend {
  /** The dialect; `undefined` when it is not known before there is a connection. */
  readonly dialect: DialectName | undefined;
  /** @param purpose `read`: the connection is for cursors only, one after another */
  connect(purpose?: "read"): Promise<DatabaseConnection>;
}
