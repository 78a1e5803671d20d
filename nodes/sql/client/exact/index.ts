/** Runs queries so that each value arrives exactly as it is stored, or the query fails. */
import { BoundedMap } from "../../../common/bounded-map";
import { ConnectorError, isConnectorError } from "../../../common/errors";
import { tooManyRows } from "../../../common/too-many-rows";
import type { ConnectionCursor, DatabaseConnection } from "../child/backend";
import type { Statement } from "../dialect";
import type { Claim, ColumnInfo, DialectName, ReadRequest, RowValue } from "../protocol";
import { UniqueKeys } from "../row-keys";
import { checkNames, decoderOf, noColumn } from "../child/row-values";
import type { LexedSql } from "../sql-lexer";
import { takenAtOnce, wholeResult } from "../odbc/whole-result";
import type { ExactQuery, MakeExact } from "./exact-query";
import { mariadbExact } from "./mariadb";
import { postgresqlExact } from "./postgresql";
import { sqliteExact } from "./sqlite";

const MAKERS: Partial<Record<DialectName, MakeExact>> = { postgresql: postgresqlExact, mariadb: mariadbExact, sqlite: sqliteExact };
/** Words that begin a query which can be put in brackets. */
const QUERIES = new Set(["select", "with", "values", "table", "("]);
/** ms that what was found out about a query is used: its tables may be altered. */
const HOLDS = 60_000;
const MOST_KNOWN = 200;
/**
 * SQLSTATE of PostgreSQL: there is no function or operator for these types. An exact query fails with it when the type of a column was changed. A fault of the
 * query itself is reported when it is next described.
 */
const OTHER_TYPE = "42883";

/** Opens cursors whose values arrive exactly as they are stored, or that fail. Remembers what it found out about queries. */
export class ExactQueries {
  private readonly known = new BoundedMap<string, { exact: ExactQuery | undefined; until: number }>(MOST_KNOWN);

  /** @param native whether the rows come from the database itself, not through a driver that may damage them */
  constructor(
    private readonly dialect: DialectName,
    private readonly native: boolean,
  ) {}

  /**
   * Opens a cursor. It has no columns where a change that returns its rows changed none, and the driver tells the columns only with a row.
   *
   * @throws ConnectorError the database's, or `NOT_CONFIGURED` when two columns have one name
   */
  async open(connection: DatabaseConnection, statement: Statement, lexed: LexedSql, { fetchSize, claim }: Pick<ReadRequest, "fetchSize" | "claim">): Promise<RowCursor> {
    if (lexed.returns) return this.changed(connection, statement, fetchSize, claim);
    for (let again = true; ; again = false) {
      const known = this.recall(statement);
      const exact = known ? known.exact : await this.find(connection, statement, lexed);
      const cursor = await connection.cursor(exact?.sql ?? statement.sql, statement.parameters, fetchSize, exact?.oneByOne).catch((error: unknown) => {
        this.known.delete(this.keyOf(statement)); // a table of it may have been dropped and made again
        throw exact && known && isConnectorError(error) && error.details["state"] === OTHER_TYPE ? altered() : error;
      });
      if (exact?.fits?.(cursor.columns) ?? true) return named(cursor, exact);
      await cursor.close();
      this.known.delete(this.keyOf(statement));
      if (!again) throw altered();
    }
  }

  /** Runs a change that returns rows. It is committed only when all rows have arrived and fulfil the claim; else rows would be changed, and no flow would get them. */
  private async changed(connection: DatabaseConnection, statement: Statement, fetchSize: number, { most = Infinity, key }: Partial<Claim> = {}): Promise<RowCursor> {
    await connection.begin();
    // all rows at once: SQLite holds its lock until the last row is read, and the addon, asked for a cursor, reports a change of no row as a failure
    const { native } = this;
    const rows = native ? takenAtOnce(await connection.cursor(statement.sql, statement.parameters, Infinity), fetchSize) : await wholeResult(connection, statement, fetchSize);
    const cursor = await named(rows, undefined);
    const { columns } = cursor;
    const pages: RowValue[][][] = [];
    let count = 0;
    for (let page = await cursor.fetch(); page.length > 0; page = await cursor.fetch()) {
      pages.push(page);
      count += page.length;
    }
    if (count > most) throw tooManyRows(most, "let the statement take fewer at a time");
    if (count > 0 && key !== undefined) checkKeys(key, columns, pages);
    await connection.commit();
    return { columns, fetch: () => Promise.resolve(pages.shift() ?? []), close: () => cursor.close() };
  }

  private async find(connection: DatabaseConnection, statement: Statement, lexed: LexedSql): Promise<ExactQuery | undefined> {
    const make = MAKERS[this.dialect];
    if (!make || this.native || !QUERIES.has(lexed.verb) || lexed.words.has("into")) return undefined;
    const exact = await make(connection, statement, lexed);
    this.known.set(this.keyOf(statement), { exact, until: performance.now() + HOLDS });
    return exact;
  }

  private recall(statement: Statement): { exact: ExactQuery | undefined } | undefined {
    const known = this.known.get(this.keyOf(statement));
    return known && performance.now() < known.until ? known : undefined;
  }

  /** Returns what the columns depend on: the statement, and on MariaDB also the types of its parameters, since an expression may get its type from them. */
  private keyOf({ sql, parameters }: Statement): string {
    if (this.dialect !== "mariadb" || parameters.length === 0) return sql;
    return `${sql}\0${parameters.map((value) => (value === null ? "null" : typeof value)).join()}`;
  }
}

/** Checks that each row has a value of its own in a column. @throws ConnectorError `NOT_CONFIGURED` */
function checkKeys(key: string, columns: readonly ColumnInfo[], pages: readonly RowValue[][][]): void {
  const at = columns.findIndex(({ name }) => name === key);
  if (at < 0) throw noColumn(key, columns);
  const keys = new UniqueKeys(at, key);
  for (const rows of pages) for (const row of rows) keys.add(row);
}

function altered(): ConnectorError {
  return new ConnectorError("DATABASE_BUSY", "A table of the query was altered as it began");
}

async function named(cursor: ConnectionCursor, exact: ExactQuery | undefined): Promise<ExactCursor> {
  const columns = exact?.columns ?? cursor.columns;
  try {
    checkNames(columns);
  } catch (error) {
    await cursor.close();
    throw error;
  }
  return new ExactCursor(cursor, columns, exact);
}

/** A cursor that gives rows as the flow gets them. */
export type RowCursor = Pick<ExactCursor, "columns" | "fetch" | "close">;

class ExactCursor {
  readonly columns: ColumnInfo[];
  private readonly decode: (rows: unknown[][]) => RowValue[][];

  constructor(
    private readonly cursor: ConnectionCursor,
    columns: readonly ColumnInfo[],
    exact: ExactQuery | undefined,
  ) {
    this.columns = columns.map(({ name, type }) => ({ name, type }));
    if (exact) {
      this.decode = (rows) => exact.decode(rows, cursor.columns);
    } else {
      const decoders = cursor.columns.map(decoderOf);
      this.decode = (rows) => rows.map((row) => decoders.map((decode, index) => decode(row[index])));
    }
  }

  /** Returns the next rows; an empty list when there are no more. @throws ConnectorError */
  async fetch(): Promise<RowValue[][]> {
    return this.decode(await this.cursor.fetch());
  }

  /** Never rejects. */
  close(): Promise<void> {
    return this.cursor.close();
  }
}
