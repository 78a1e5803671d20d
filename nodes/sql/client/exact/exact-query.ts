import type { DatabaseConnection, DriverColumn } from "../child/backend";
import type { Statement } from "../dialect";
import type { ColumnInfo, RowValue } from "../protocol";
import type { LexedSql } from "../sql-lexer";

/** How a query is run so that the driver does not damage its rows. */
export interface ExactQuery {
  /** The statement to run instead of the query, with the same parameters. */
  sql: string;
  /** The columns of the query itself. */
  columns: ColumnInfo[];
  /** Whether rows have to be fetched one at a time. */
  oneByOne?: boolean;
  /**
   * Whether the columns of {@link sql}, as the driver describes them, still have the expected types. If not, the query must be described anew. Default: they
   * always have.
   */
  fits?(columns: readonly DriverColumn[]): boolean;
  /** Converts rows of {@link sql} to rows of the query. @param columns of {@link sql}, as the driver describes them. @throws ConnectorError `VALUE_TRUNCATED` */
  decode(rows: unknown[][], columns: readonly DriverColumn[]): RowValue[][];
}

/**
 * Makes the {@link ExactQuery} for a query, by asking the database what columns it would return. Resolves with `undefined` where the driver gives the rows
 * undamaged, so that the query can be run as it is.
 */
export type MakeExact = (connection: DatabaseConnection, statement: Statement, lexed: LexedSql) => Promise<ExactQuery | undefined>;

/** Asks for the columns of a query without its rows. */
export async function describe(connection: DatabaseConnection, { sql, parameters }: Statement): Promise<DriverColumn[]> {
  return (await connection.query(`select * from (\n${sql}\n) q limit 0`, parameters)).columns;
}
