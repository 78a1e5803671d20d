import type { DialectName } from "./protocol";

/** A value as a driver takes it; {@link Untyped} only where the connection finds out the type. */
export type Parameter = null | string | number | bigint | Uint8Array | Untyped;

/** A value whose form depends on the type that the server expects in its place (PostgreSQL). */
export class Untyped {
  /** @param name the parameter's, for an error */
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
  /** `size` is what the column can hold; else it is the driver's guess, and a longer value arrives cut. */
  honest?: boolean;
  /** Digits behind the point. */
  scale: number;
}

/** What a statement brought. */
export interface QueryResult {
  /** As the driver gives them, see `row-values.ts`; none from a statement that returns nothing. */
  rows: Record<string, unknown>[];
  /** Rows inserted, updated or deleted, as the driver counts (MariaDB counts 2 for an upsert that updates); -1 when it does not tell. */
  rowsAffected: number;
  /** Empty when the statement returns no rows. */
  columns: DriverColumn[];
}

/** The rows of a query, taken as they are wanted. Rejections are `ConnectorError`s; after one only {@link close} makes sense. */
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
   * Most bytes of a statement with its values, set when the server has told; a larger one is refused as `PAYLOAD_TOO_LARGE`. The server would hang up, and look as if it were
   * away.
   */
  mostBytes?: number;
  /** Runs one statement; outside a transaction it commits by itself. */
  query(sql: string, parameters?: readonly Parameter[]): Promise<QueryResult>;
  /**
   * Runs a query whose rows are taken `fetchSize` at a time. One at a time; no other statement runs until it is closed.
   *
   * @param oneByOne the driver is asked for one row after the other: a driver that is asked for several may cut long values
   */
  cursor(sql: string, parameters: readonly Parameter[], fetchSize: number, oneByOne?: boolean): Promise<ConnectionCursor>;
  begin(): Promise<void>;
  commit(): Promise<void>;
  /** Ends whatever transaction is open; harmless when none is. */
  rollback(): Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** What opens connections: ODBC or Node's SQLite. */
export interface Backend {
  /** The product, when it is known without asking it. */
  readonly dialect: DialectName | undefined;
  /** @param purpose `read`: for one cursor after another, beside the pool */
  connect(purpose?: "read"): Promise<DatabaseConnection>;
}
