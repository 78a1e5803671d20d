import { tooManyRows } from "../../common/too-many-rows";
import type { Claim, ColumnInfo, CursorOpened, Fetched, NamedStatement, Row, RowValue } from "../client/protocol";
import type { ReadingDatabase } from "./reading-database";
import type { CommonSettings } from "./settings";

/** Advice for the error when a statement that is read at once returns more rows than allowed. */
export const TAKE_FEWER = "let the statement take fewer at a time";

/** How many rows are fetched at once. More is not faster (measured over ODBC with 100,000 rows). */
const FETCH_SIZE = 500;
/** With fewer rows, the fetch itself costs more than the rows. */
const LEAST_FETCHED = 20;

/** How many rows to fetch at once: no more than may be in the flow, since users with large rows allow only a few there. */
export function fetchSizeFor({ output, batchSize, maxInFlight }: Pick<CommonSettings, "output" | "batchSize" | "maxInFlight">): number {
  if (output === "all") return FETCH_SIZE;
  return Math.min(FETCH_SIZE, Math.max(LEAST_FETCHED, maxInFlight, output === "batch" ? batchSize : 0));
}

/** The rows of one query, in pages. The next page is fetched while the last is used. */
export class RowSource {
  /** Names, in order. */
  readonly names: readonly string[];
  /** Makes an object of a row. */
  readonly rowOf: (values: readonly RowValue[]) => Row;
  private coming: Promise<Fetched> | undefined;
  private finished = false;
  /** Set when the first page must have all rows: how many these may be. */
  private whole: number | undefined;
  /** Whether the statement, run again, would not return the same rows. */
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
   * @param claim conditions on the rows, for a statement that changes what it reads
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

  /** Makes the first page all rows, of which there may be `most`: so a statement that changes what it reads holds no locks while the flow works. */
  asOnePage(most: number): this {
    this.whole = most;
    this.once = true;
    return this;
  }

  /** Reads no further. Never rejects: a cursor that cannot be closed has ended with its connection. */
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

/** A value for a message. Bytes become a Buffer of its own, since flows expect a Buffer, and the row may be sent again. */
function valueOf(value: RowValue | undefined): RowValue {
  return value instanceof Uint8Array ? Buffer.from(value) : (value ?? null);
}
