import { tooManyRows } from "../../common/too-many-rows";
import type { Claim, ColumnInfo, CursorOpened, Fetched, NamedStatement, Row, RowValue } from "../client/protocol";
import type { ReadingDatabase } from "./reading-database";
import type { CommonSettings } from "./settings";

/** What to do when a statement that is read whole gives more rows than allowed. */
export const TAKE_FEWER = "let the statement take fewer at a time";

/** Rows fetched at once: with more, nothing is gained (sql over ODBC, 100,000 rows). */
const FETCH_SIZE = 500;
/** With fewer, a fetch costs more than its rows. */
const LEAST_FETCHED = 20;

/** How many rows to fetch at once: no more than the flow is to have, for whoever has large ones allows but a few. */
export function fetchSizeFor({ output, batchSize, maxInFlight }: Pick<CommonSettings, "output" | "batchSize" | "maxInFlight">): number {
  if (output === "all") return FETCH_SIZE;
  return Math.min(FETCH_SIZE, Math.max(LEAST_FETCHED, maxInFlight, output === "batch" ? batchSize : 0));
}

/** The rows of one query, in pages. The page after the one that is handed out is on its way already. */
export class RowSource {
  /** Names, in order. */
  readonly names: readonly string[];
  /** Makes an object of a row. */
  readonly rowOf: (values: readonly RowValue[]) => Row;
  private coming: Promise<Fetched> | undefined;
  private finished = false;
  /** How many rows the first page may have that is all of them. */
  private whole: number | undefined;
  /** Read again, it would not give the same. */
  once = false;

  private constructor(
    private readonly client: ReadingDatabase,
    private readonly cursor: number,
    readonly columns: readonly ColumnInfo[],
  ) {
    this.names = columns.map(({ name }) => name);
    this.rowOf = rowMaker(this.names);
    this.ask();
  }

  /**
   * Begins to read.
   *
   * @param fetchSize rows a page holds
   * @param claim of a statement that changes what it reads
   * @throws ConnectorError
   */
  static async open(client: ReadingDatabase, statement: NamedStatement, fetchSize: number, claim?: Claim): Promise<RowSource> {
    const opened: CursorOpened = await client.openCursor({ ...statement, fetchSize, ...(claim ? { claim } : {}) });
    return new RowSource(client, opened.cursor, opened.columns);
  }

  /** The next rows; `undefined` when there are no more. @throws ConnectorError */
  async next(): Promise<RowValue[][] | undefined> {
    if (this.whole !== undefined) return this.inOneGo(this.whole);
    while (this.coming) {
      const { rows, done } = await this.coming;
      this.coming = undefined;
      if (done) this.finished = true;
      else this.ask();
      if (rows.length > 0) return rows;
    }
    return undefined;
  }

  /** All rows that are left. @param most when there are more, the reading ends with one row above that @throws ConnectorError */
  async rest(most: number): Promise<RowValue[][]> {
    const all: RowValue[][] = [];
    for (let rows = await this.next(); rows; rows = await this.next()) {
      for (const row of rows) all.push(row);
      if (all.length > most) break;
    }
    return all;
  }

  /** The first page is to be all rows, `most` at the most: a statement that changes what it reads then holds no locks while the flow works. */
  asOnePage(most: number): this {
    this.whole = most;
    this.once = true;
    return this;
  }

  /** Reads no further. Never rejects: a cursor that cannot be closed went with its connection. */
  async close(): Promise<void> {
    this.coming = undefined;
    if (this.finished) return;
    this.finished = true;
    await this.client.closeCursor(this.cursor).catch(() => undefined);
  }

  private async inOneGo(most: number): Promise<RowValue[][] | undefined> {
    this.whole = undefined;
    const rows = await this.rest(most);
    if (rows.length > most) throw tooManyRows(most, TAKE_FEWER);
    return rows.length > 0 ? rows : undefined;
  }

  private ask(): void {
    this.coming = this.client.fetch(this.cursor);
    this.coming.catch(() => undefined); // told to who asks for the rows
  }
}

function rowMaker(names: readonly string[]): (values: readonly RowValue[]) => Row {
  // setting a property of this name would set the prototype
  if (names.includes("__proto__")) return (values) => Object.fromEntries(names.map((name, index) => [name, valueOf(values[index])]));
  return (values) => {
    const row: Row = {};
    for (let index = 0; index < names.length; index += 1) row[names[index] as string] = valueOf(values[index]);
    return row;
  };
}

/** Bytes as a Buffer, which is what a flow expects, and its own: the row may be sent once more. */
function valueOf(value: RowValue | undefined): RowValue {
  return value instanceof Uint8Array ? Buffer.from(value) : (value ?? null);
}
