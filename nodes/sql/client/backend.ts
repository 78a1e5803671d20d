import type { DialectName } from "./protocol";

/** A value as a driver takes it. */
export type Parameter = null | string | number | bigint | Uint8Array;

/** One connection to the database. Every method rejects with a `ConnectorError`. */
export interface DatabaseConnection {
  /** False once the connection is known to be broken. */
  readonly alive: boolean;
  /** Runs one statement; outside a transaction it commits by itself. */
  query(sql: string, parameters?: readonly Parameter[]): Promise<Record<string, unknown>[]>;
  /** Ends whatever transaction is open; harmless when none is. */
  rollback(): Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** What opens connections: ODBC or Node's SQLite. */
export interface Backend {
  /** The product, when it is known without asking it. */
  readonly dialect: DialectName | undefined;
  connect(): Promise<DatabaseConnection>;
}
