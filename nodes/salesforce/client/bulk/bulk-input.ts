import { isUtf8 } from "node:buffer";
import { StringDecoder } from "node:string_decoder";
import { ConnectorError } from "../../../common/errors";
import { isPlain } from "../../../common/is-plain";
import { cellOf } from "./csv-cell";
import { CsvReader } from "./csv-reader";

/** One row to load. */
export interface InputRow {
  /** One text for each column. */
  cells: string[];
  /** The row as it came: an object of a list, or an object made from a line of CSV. */
  readonly row: unknown;
}

/** Rows to load. `rows` can be called any number of times. */
export interface BulkInput {
  columns: string[];
  rows(): Iterable<InputRow>;
}

/** How many characters the header may have, and how many columns there may be, for the org. */
const MAX_HEADER = 32_000;
const MAX_COLUMNS = 5_000;
/** How many characters all fields of one row may have, for the org. */
const MAX_RECORD = 400_000;
/** How much CSV is parsed at once: bytes of a buffer, or characters of a text. */
const SLICE = 256 * 1024;

/**
 * Reads the rows that a message brings: a list of objects, or CSV as text or bytes.
 *
 * @param idsOnly whether rows are to be deleted: only their `Id` is sent, and the list may be one of ids
 * @param delimiter between the cells of CSV
 * @throws ConnectorError `INPUT_INVALID` or `FORMAT_INVALID`, here or while iterating over the rows
 */
export function bulkInput(value: unknown, idsOnly: boolean, delimiter: string): BulkInput {
  if (Array.isArray(value)) return listInput(value, idsOnly);
  if (typeof value === "string" || Buffer.isBuffer(value)) return csvInput(value, idsOnly, delimiter);
  throw new ConnectorError("INPUT_INVALID", `Rows to load are a list of objects, or CSV as text or bytes; this is ${value === null ? "null" : typeof value}`);
}

/** Whether a value holds rows (a list, or CSV) rather than being one row. */
export function isRows(value: unknown): boolean {
  return Array.isArray(value) || typeof value === "string" || Buffer.isBuffer(value);
}

function listInput(list: readonly unknown[], idsOnly: boolean): BulkInput {
  const columns = idsOnly ? ["Id"] : columnsOf(list);
  return {
    columns,
    *rows() {
      for (let index = 0; index < list.length; index += 1) yield { cells: at(index, () => cellsOf(list[index], columns, idsOnly)), row: list[index] };
    },
  };
}

/** The names of all fields, in the order in which they first occur. A parent by its external id, `{Account: {Number__c: 7}}`, is the column `Account.Number__c`. */
export function columnsOf(list: readonly unknown[]): string[] {
  const names = new Map<string, string>();
  list.forEach((record, index) => {
    for (const name of at(index, () => pathsOf(recordOf(record)))) {
      if (!names.has(name.toLowerCase())) names.set(name.toLowerCase(), name);
    }
  });
  return checkColumns([...names.values()]);
}

/** The cells of a record: a text for each column. @throws ConnectorError `INPUT_INVALID` */
export function cellsOf(record: unknown, columns: readonly string[], idsOnly: boolean): string[] {
  if (idsOnly) return [idOf(record)];
  const fields = recordOf(record);
  let length = 0;
  const cells = columns.map((column) => {
    const own = fields[column];
    const cell = cellOf(own === undefined || isPlain(own) ? elsewhere(fields, column) : own, column);
    length += cell.length;
    return cell;
  });
  // refused here, as the org would fail the whole job
  if (length > MAX_RECORD) throw new ConnectorError("INPUT_INVALID", `a row can have ${MAX_RECORD.toLocaleString("en")} characters, and this one has ${length.toLocaleString("en")}`);
  return cells;
}

/** The value of a column that this record has under another name: a parent's field, or a name in other case. */
function elsewhere(record: Record<string, unknown>, column: string): unknown {
  const wanted = column.toLowerCase();
  const path = pathsOf(record).find((one) => one.toLowerCase() === wanted);
  if (path === undefined) return undefined;
  const [name = "", inner = ""] = path.split(/\.(.*)/s);
  return isPlain(record[name]) ? record[name][inner] : record[path];
}

function pathsOf(record: Record<string, unknown>): string[] {
  const paths: string[] = [];
  for (const name of Object.keys(record)) {
    const value = record[name];
    if (name === "attributes" || value === undefined) continue;
    if (isPlain(value)) for (const inner of Object.keys(value)) if (inner !== "attributes") paths.push(`${name}.${inner}`);
    if (!isPlain(value)) paths.push(name);
  }
  return paths;
}

function recordOf(value: unknown): Record<string, unknown> {
  if (isPlain(value)) return value;
  throw new ConnectorError("INPUT_INVALID", `a row is an object of fields, and this is ${value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`}`);
}

function idOf(value: unknown): string {
  const id = typeof value === "string" ? value : Object.entries(recordOf(value)).find(([name]) => name.toLowerCase() === "id")?.[1];
  if (typeof id === "string" && id.trim() !== "") return id.trim();
  throw new ConnectorError("INPUT_INVALID", "a row to delete is an id, or an object with an Id");
}

function csvInput(csv: string | Buffer, idsOnly: boolean, delimiter: string): BulkInput {
  if (Buffer.isBuffer(csv) && !isUtf8(csv)) throw new ConnectorError("FORMAT_INVALID", "The CSV is not UTF-8, which is all the org takes");
  const [columns] = lines(csv, delimiter);
  if (!columns) throw new ConnectorError("FORMAT_INVALID", "The CSV is empty: its first line names the fields");
  checkColumns(columns);
  const id = columns.findIndex((name) => name.toLowerCase() === "id");
  if (idsOnly && id < 0) throw new ConnectorError("FORMAT_INVALID", "The CSV has no column Id, by which rows are deleted");
  return {
    columns: idsOnly ? ["Id"] : columns,
    *rows() {
      const rest = lines(csv, delimiter);
      rest.next();
      let index = 0;
      for (const cells of rest) {
        index += 1;
        if (cells.length !== columns.length) {
          throw new ConnectorError("FORMAT_INVALID", `Row ${index} of the CSV has ${cells.length} fields, and the header ${columns.length}`, { details: { row: index } });
        }
        yield new CsvRow(columns, cells, idsOnly ? [cells[id] as string] : cells);
      }
    },
  };
}

/** A line of CSV. Its object is made only when asked for. */
class CsvRow implements InputRow {
  constructor(
    private readonly columns: readonly string[],
    private readonly all: readonly string[],
    readonly cells: string[],
  ) {}

  get row(): Record<string, string> {
    return Object.fromEntries(this.columns.map((name, index) => [name, this.all[index] ?? ""]));
  }
}

function* lines(csv: string | Buffer, delimiter: string): Generator<string[]> {
  const reader = new CsvReader(delimiter);
  const decoder = new StringDecoder("utf8");
  for (let from = 0; from < csv.length; from += SLICE) {
    const end = from + SLICE;
    yield* reader.push(typeof csv === "string" ? csv.slice(from, end) : decoder.write(csv.subarray(from, end)));
  }
  yield* reader.end();
}

/** Checks the names of the columns. @throws ConnectorError `INPUT_INVALID` for a header that the org would refuse */
function checkColumns(columns: string[]): string[] {
  const invalid = (text: string): ConnectorError => new ConnectorError("INPUT_INVALID", text);
  if (columns.length > MAX_COLUMNS) throw invalid(`The rows have ${columns.length} fields; the org takes ${MAX_COLUMNS}`);
  if (columns.join(",").length > MAX_HEADER) throw invalid(`The names of the fields are longer than the ${MAX_HEADER} characters the org takes`);
  const seen = new Set<string>();
  const twice = columns.find((name) => seen.size === seen.add(name.toLowerCase()).size);
  if (twice !== undefined) throw invalid(`The field ${twice} stands twice in the header`);
  if (columns.some((name) => name.trim() === "")) throw invalid("A field has no name");
  return columns;
}

function at<T>(index: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConnectorError) throw new ConnectorError(error.code, `Row ${index + 1}: ${error.message}`, { details: { ...error.details, row: index + 1 } });
    throw error;
  }
}
