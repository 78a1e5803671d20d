import type { ConnectorError } from "../../../common/errors";
import type { Parameter } from "../backend";
import type { DialectName, PlainValue, WriteMode } from "../protocol";

/** A column as the database describes it. */
export interface Column {
  name: string;
  /** The product's own name of the type, lower case; with length and scale where a statement has to repeat them. */
  type: string;
}

/** A statement with the parameters it takes. */
export interface Statement {
  sql: string;
  parameters: Parameter[];
}

/** A statement that writes a batch. */
export interface BatchStatement extends Statement {
  /** It returns a row `{place}` for each row of the table it touched: which of the batch's rows touched it, counted from 1. */
  tellsPlaces?: true;
}

/** Where rows go and how. */
export interface Target {
  /** Quoted. */
  table: string;
  columns: readonly Column[];
  mode: WriteMode;
  /** What a row is found by: names as the table has them. */
  keys: readonly string[];
  /** Columns of unique keys by which another row may be found, as far as {@link Dialect.uniqueKeys} lists them. */
  otherKeys?: readonly (readonly string[])[];
}

/** Runs a statement of one row, and tells how many rows it affected or returned; -1 when the driver does not tell. */
export type Run = (statement: Statement) => Promise<number>;

/**
 * What is peculiar to one product. `Row` is a row made ready for {@link Dialect.write}: done once, however often the batch is split.
 */
export interface Dialect<Row = unknown> {
  readonly name: DialectName;
  /** Run once on every new connection. */
  readonly setup: readonly string[];
  /** Asks a new connection for the `bytes` that the server takes at once. Only where it hangs up on more. */
  readonly mostBytes?: string;
  /** False: one writer at a time. Of two that have read and then write, each waits for the other, under SQLite's driver for 100 s. */
  readonly concurrent: boolean;
  /** Most rows with so many columns in one statement. */
  maxRows(columns: number): number;
  /** The parts of a table name (one, or schema and table), quoted. */
  quoteTable(parts: readonly string[]): string;
  /** Lists the columns of a table as rows `{name, type}`; no rows when there is no such table. Needs no right on the table itself. */
  describe(parts: readonly string[]): Statement;
  /** Lists `{name, columns, part}` of the unique keys, `part` of one that goes by the beginning of a text only; only where an upsert without a fitting key is not an error by itself. */
  uniqueKeys?(parts: readonly string[]): Statement;
  /** Makes a row ready. */
  encode(values: readonly PlainValue[], columns: readonly Column[]): Row;
  /** Bytes of a row, roughly. */
  size(row: Row): number;
  /**
   * Modes whose rows go one a statement, in one transaction, by {@link writeRow}: no statement for several tells what became of each.
   * With `ignore` among them, and insert not, rows are inserted as a batch first, and one by one when a key is there already.
   */
  readonly rowByRow: ReadonlySet<WriteMode>;
  /** One statement for all rows, in every mode that is not {@link rowByRow}. */
  write(target: Target, rows: readonly Row[]): BatchStatement;
  /**
   * One statement that inserts those rows whose key, or where none is named any unique key, is not there already, and tells how many. Where there is none, rows of which some are
   * there go one by one.
   */
  writeUnlessThere?(target: Target, rows: readonly Row[]): Statement;
  /** Whether a batch may have failed since a row has another unique key of a row that is there already, and {@link writeRow} tells which. Only where such an upsert does not tell it. */
  hidesKey?(error: ConnectorError): boolean;
  /** Writes one row of a mode that is {@link rowByRow}, or with mode `ignore` one whose key may be there. Gives the rows affected, or -1. */
  writeRow(target: Target, row: Row, run: Run): Promise<number>;
  readonly inbox: InboxDialect;
}

/** The statements of the inbox: a table `(node, id, stored_at)` with the primary key `(node, id)`. */
export interface InboxDialect {
  /** Makes the table. The first makes it, the others what else it needs. */
  create(parts: readonly string[]): string[];
  /** Where a transaction that has begun to read could not write any more: takes the right to write. @param table quoted, as below */
  lock?(table: string): string;
  /** Adds those ids that are not there, and returns a row `{id}` for each it added. Where there is none: {@link known}, then {@link add}. */
  claim?(table: string, owner: string, ids: readonly string[]): Statement;
  /** Returns a row `{id}` for each that is there. */
  known(table: string, owner: string, ids: readonly string[]): Statement;
  /** Adds ids; a unique violation when another has just added one of them. */
  add(table: string, owner: string, ids: readonly string[]): Statement;
  /** Deletes at most `most` ids that are older than so many days. */
  prune(table: string, days: number, most: number): string;
}
