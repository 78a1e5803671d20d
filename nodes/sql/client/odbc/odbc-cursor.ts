import type { ConnectionCursor, DriverColumn } from "../child/backend";
import type { Statement } from "../dialect";
import { odbcParameters, type OdbcHandle, type OdbcNativeCursor, type OdbcResult, type OdbcStatement } from "./odbc-module";
import { PageSize } from "../child/page-size";

/** Makes a driver call with the time limit of a statement. Rejects with a `ConnectorError`. @param cancel cancels the call */
type Limited = <T>(call: () => Promise<T>, cancel?: () => Promise<void>) => Promise<T>;

/** How {@link OdbcCursor} reads. */
export interface OdbcCursorOptions {
  /** How many rows a fetch gives at most. */
  fetchSize: number;
  /** How many rows the driver is asked for at once. */
  atOnce: number;
  limited: Limited;
  columnsOf(result: OdbcResult): DriverColumn[];
  /** @throws ConnectorError when the connection broke although the last call succeeded */
  stillConnected(): void;
}

/** A cursor of a driver that fetches rows as they are wanted. */
export class OdbcCursor implements ConnectionCursor {
  readonly columns: DriverColumn[];
  /** The next rows: the driver already fetches them while those given last are decoded and sent. */
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
      const first = await limited(() => opened.fetch(), cancel); // the columns are only known with the first rows
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
    if (rows.length === 0) stillConnected(); // else a lost connection would be taken for the end of the rows
    if (rows.length === fetchSize && atOnce > 1) {
      this.ahead = this.next();
      this.ahead.catch(() => undefined); // the next fetch reports the error
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

/** Closes the cursor first, which may wait for the server: freeing a statement holds the addon's lock, and must not wait. */
async function free(statement: OdbcStatement, cursor: OdbcNativeCursor | undefined): Promise<void> {
  await cursor?.close().catch(() => undefined);
  await statement.close().catch(() => undefined);
}

function rowsOf(result: OdbcResult): unknown[][] {
  return result as unknown[][];
}
