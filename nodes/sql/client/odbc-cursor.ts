import type { ConnectionCursor, DriverColumn } from "./backend";
import type { Statement } from "./dialect";
import { odbcParameters, type OdbcHandle, type OdbcNativeCursor, type OdbcResult, type OdbcStatement } from "./odbc-module";
import { PageSize } from "./page-size";

/** A driver call with the time limit of a statement. Rejects with a `ConnectorError`. @param cancel ends it */
type Limited = <T>(call: () => Promise<T>, cancel?: () => Promise<void>) => Promise<T>;

/** How {@link OdbcCursor} reads. */
export interface OdbcCursorOptions {
  /** Rows that a fetch gives. */
  fetchSize: number;
  /** Rows the driver is asked for at once. */
  atOnce: number;
  limited: Limited;
  columnsOf(result: OdbcResult): DriverColumn[];
  /** @throws ConnectorError when the connection has broken behind a call that went well */
  stillConnected(): void;
}

/** The rows of a query, which the driver gives as they are wanted. */
export class OdbcCursor implements ConnectionCursor {
  readonly columns: DriverColumn[];
  /** The rows after those given last: the driver fetches them while the others are read and sent. */
  private ahead: Promise<OdbcResult> | undefined;

  private constructor(
    private readonly statement: OdbcStatement,
    private readonly cursor: OdbcNativeCursor,
    first: OdbcResult,
    private readonly options: OdbcCursorOptions,
  ) {
    this.columns = options.columnsOf(first);
    this.ahead = Promise.resolve(first);
  }

  /** Runs a query. @throws ConnectorError; nothing is left open then */
  static async open(handle: OdbcHandle, { sql, parameters }: Statement, options: OdbcCursorOptions): Promise<OdbcCursor> {
    const { limited, atOnce } = options;
    const statement = await limited(() => handle.createStatement());
    const cancel = (): Promise<void> => statement.cancel();
    let cursor: OdbcNativeCursor | undefined;
    try {
      cursor = await limited(async () => {
        await statement.prepare(sql);
        if (parameters.length > 0) await statement.bind(odbcParameters(parameters));
        return statement.execute({ cursor: true, fetchSize: atOnce });
      }, cancel);
      const opened = cursor;
      const first = await limited(() => opened.fetch(), cancel); // before it nothing is known of the columns
      return new OdbcCursor(statement, cursor, first, options);
    } catch (error) {
      await free(statement, cursor);
      throw error;
    }
  }

  async fetch(): Promise<unknown[][]> {
    const { fetchSize, atOnce, stillConnected } = this.options;
    const rows = rowsOf(await (this.ahead ?? this.next()));
    this.ahead = undefined;
    if (rows.length === 0) stillConnected(); // else it would be taken for the end
    if (rows.length === fetchSize && atOnce > 1) {
      this.ahead = this.next();
      this.ahead.catch(() => undefined); // told by the next fetch
    }
    if (rows.length === 0 || atOnce >= fetchSize) return rows;
    const size = new PageSize();
    for (let row = rows[0]; row && size.add(row) && rows.length < fetchSize; ) {
      [row] = rowsOf(await this.next());
      if (row) rows.push(row);
    }
    return rows;
  }

  async close(): Promise<void> {
    await this.ahead?.catch(() => undefined);
    await free(this.statement, this.cursor);
  }

  private next(): Promise<OdbcResult> {
    return this.options.limited(() => this.cursor.fetch(), () => this.statement.cancel());
  }
}

/** First the cursor: freeing a statement holds the addon's lock, which must not wait for a server. */
async function free(statement: OdbcStatement, cursor: OdbcNativeCursor | undefined): Promise<void> {
  await cursor?.close().catch(() => undefined);
  await statement.close().catch(() => undefined);
}

function rowsOf(result: OdbcResult): unknown[][] {
  return result as unknown[][];
}
