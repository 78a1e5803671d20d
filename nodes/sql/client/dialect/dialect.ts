import type { ConnectorError } from "../../../common/errors";
import type { Parameter } from "../child/backend";
import type { DialectName, PlainValue, WriteMode } from "../protocol";

/** A column as the database describes it. */
export interface Column {
  name: string;
  /** The product's own name of the type, in lower case; with length and scale for products whose statements have to repeat them. */
  type: string;
}

/** A statement and its parameters. */
export interface Statement {
  sql: string;
  parameters: Parameter[];
}

/** A statement that writes a batch. */
export interface BatchStatement extends Statement {
  /** It returns one row `{place}` for each row of the table that it changed: the number, from 1, of the row of the batch that changed it. */
  tellsPlaces?: true;
}

/** Where rows are written and how. */
export interface Target {
  /** Name of the table, quoted. */
  table: string;
  columns: readonly Column[];
  mode: WriteMode;
  /** The columns a row is found by, with their names as the table has them. */
  keys: readonly string[];
  /** The columns of each further unique key, by which an upsert may find another row. Only where the dialect has {@link Dialect.uniqueKeys}. */
  otherKeys?: readonly (readonly string[])[];
}

/** Runs a statement for one row. Resolves with how many rows it affected or returned; -1 when the driver does not tell. */
export type Run = (statement: Statement) => Promise<number>;

/**
 * What is peculiar to one product. `Row` is a row as {@link Dialect.write} takes it: it is encoded once, however often the batch is split.
 */
export interface Dialect<Row = unknown> {
  readonly name: DialectName;
  /** Statements to run on every new connection. */
  readonly setup: readonly string[];
  /** Run on every new connection as well, unless the user has chosen another character set (`CHARSET`): the server then takes and gives UTF-8. */
  readonly unicode?: string;
  /** A query for the number of `bytes` that the server takes at once. Only for products that end the connection on more. */
  readonly mostBytes?: string;
  /**
   * Whether several connections may write at the same time. `false` for SQLite: two transactions that have read and then write wait for each other, under its
   * driver for 100 s.
   */
  readonly concurrent: boolean;
  /** Returns how many rows with this number of columns fit in one statement. */
  maxRows(columns: number): number;
  /** A table name for a statement. @param parts the table, or schema and table, without quotes */
  quoteTable(parts: readonly string[]): string;
  /** A query for the columns of a table: rows `{name, type}`, none when there is no such table. It needs no privilege on the table itself. */
  describe(parts: readonly string[]): Statement;
  /**
   * A query for the unique keys of a table: rows `{name, columns, part}`, where `part` is not null for a key on only the beginning of a text. Only for products that do
   * not themselves refuse an upsert whose key columns have no unique key.
   */
  uniqueKeys?(parts: readonly string[]): Statement;
  /** Encodes a row, once for all statements that it may be in. */
  encode(values: readonly PlainValue[], columns: readonly Column[]): Row;
  /** Returns roughly how many bytes a row has. */
  size(row: Row): number;
  /**
   * Modes in which each row has a statement of its own, by {@link writeRow}, all in one transaction, since one for several rows would not tell what became
   * of each. Where `ignore` is among them but `insert` is not, rows to ignore are first inserted as a batch, and one by one if a key is there already.
   */
  readonly rowByRow: ReadonlySet<WriteMode>;
  /** Returns one statement for all rows, for the modes that are not in {@link rowByRow}. */
  write(target: Target, rows: readonly Row[]): BatchStatement;
  /**
   * One statement that inserts only the rows whose key is not there already (any unique key, where none is named). The rows affected tell how many it
   * inserted. A dialect without it inserts row by row when some are there already.
   */
  writeUnlessThere?(target: Target, rows: readonly Row[]): Statement;
  /**
   * Whether an upsert may have failed because another row has the same value of another unique key. The row is tried again by {@link writeRow} then, whose
   * error names that key. Only for products whose upsert does not tell it.
   */
  hidesKey?(error: ConnectorError): boolean;
  /** Writes one row, in a mode that is in {@link rowByRow} or in mode `ignore`. Resolves with the rows affected, or -1 when that is not known. */
  writeRow(target: Target, row: Row, run: Run): Promise<number>;
  readonly inbox: InboxDialect;
}

/** The statements of the inbox: a table `(node, id, stored_at)` with the primary key `(node, id)`. */
export interface InboxDialect {
  /** Returns the statements that create the inbox: the first creates the table, the others its index. */
  create(parts: readonly string[]): string[];
  /**
   * Takes the right to write at the beginning of a transaction. Only for products where one that has read may not be able to write any more. @param table
   * quoted, as below
   */
  lock?(table: string): string;
  /** Adds the ids that are not there, and returns a row `{id}` for each of them. Without it, {@link known} and {@link add} are used, in this order. */
  claim?(table: string, owner: string, ids: readonly string[]): Statement;
  /** Returns a row `{id}` for each of the ids that is there. */
  known(table: string, owner: string, ids: readonly string[]): Statement;
  /** Adds ids. Fails with a duplicate key when somebody else has just added one of them. */
  add(table: string, owner: string, ids: readonly string[]): Statement;
  /** Returns a statement that deletes at most `most` ids that are older than `days` days. */
  prune(table: string, days: number, most: number): string;
}
