import type { Parameter } from "../backend";
import type { DialectName, PlainValue, WriteMode } from "../protocol";

/** A column as the database describes it. */
export interface Column {
  name: string;
  /** The product's own name of the type, lower case. */
  type: string;
}

/** A statement with the parameters it takes. */
export interface Statement {
  sql: string;
  parameters: Parameter[];
}

/** Where rows go and how. */
export interface Target {
  /** Quoted. */
  table: string;
  columns: readonly Column[];
  mode: WriteMode;
  /** Upsert: names as the table has them. */
  keys: readonly string[];
}

/**
 * What is peculiar to one product. `Row` is a row made ready for {@link Dialect.write}: done once, however often the batch is split.
 */
export interface Dialect<Row = unknown> {
  readonly name: DialectName;
  /** Run once on every new connection. */
  readonly setup: readonly string[];
  /** False: one writer at a time, more connections only wait for each other. */
  readonly concurrent: boolean;
  /** Most rows with so many columns in one statement. */
  maxRows(columns: number): number;
  /** The parts of a table name (one, or schema and table), quoted. */
  quoteTable(parts: readonly string[]): string;
  /** Lists the columns of a table as rows `{name, type}`; no rows when there is no such table. Needs no right on the table itself. */
  describe(parts: readonly string[]): Statement;
  /** Lists `{name, columns}` of the unique keys; only where an upsert without a fitting key is not an error by itself. */
  uniqueKeys?(parts: readonly string[]): Statement;
  /** Makes a row ready. */
  encode(values: readonly PlainValue[], columns: readonly Column[]): Row;
  /** Bytes of a row, roughly. */
  size(row: Row): number;
  /** One statement for all rows. */
  write(target: Target, rows: readonly Row[]): Statement;
}
