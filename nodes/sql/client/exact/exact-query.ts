import type { DatabaseConnection, DriverColumn } from "../backend";
import type { Statement } from "../dialect";
import type { ColumnInfo, RowValue } from "../protocol";
import type { LexedSql } from "../sql-lexer";

/** How a query is asked so that its rows survive the driver. */
export interface ExactQuery {
  /** The statement to run instead, with the same parameters. */
  sql: string;
  /** As the author named them. */
  columns: ColumnInfo[];
  /** Rows have to be fetched one at a time. */
  oneByOne?: boolean;
  /** Whether the columns that the driver describes for {@link sql} are of the kinds that were found out; else it is to be found out anew. Default: always. */
  fits?(columns: readonly DriverColumn[]): boolean;
  /** Reads rows as the driver gives them for {@link sql}; `columns` as the driver describes those. @throws ConnectorError `VALUE_TRUNCATED` */
  decode(rows: unknown[][], columns: readonly DriverColumn[]): RowValue[][];
}

/**
 * Finds it out for a query, by asking the database what the query would return. Gives nothing where the driver's own description will do,
 * and where the query is of a kind that cannot stand inside another.
 */
export type MakeExact = (connection: DatabaseConnection, statement: Statement, lexed: LexedSql) => Promise<ExactQuery | undefined>;

/** The columns of a query, which is not run. */
export async function describe(connection: DatabaseConnection, { sql, parameters }: Statement): Promise<DriverColumn[]> {
  return (await connection.query(`select * from (\n${sql}\n) q limit 0`, parameters)).columns;
}
