import { stringify } from "csv-stringify/sync";
import { chunks } from "../common/chunks";
import { invalid, shown } from "./content-error";
import { writeJson } from "./json";
import type { FormatOptions } from "./options";
import { valueText } from "./value-text";

/** The {@link FormatOptions} that matter when delimited text is written. */
export type DelimitedWriting = Pick<FormatOptions, "delimiter" | "quote" | "header" | "columns">;

/** How many fields are written in one step, which takes some 3 ms. */
const STEP = 2_500;

type Row = Record<string, unknown> | unknown[];

/**
 * Writes a value as delimited text, one line for each row, each ended by a line feed. The value is a list of objects or of lists, one object, or one list of values.
 * The columns are `columns`; without these, all that the objects have, in the order in which they first appear. If the columns have names, a header is written.
 * Null becomes an empty field, a date ISO 8601, bytes base64, an object or a list JSON.
 *
 * @returns work that can be cut into slices, for `inOneGo` or `inSlices`
 * @throws ConnectorError `FORMAT_INVALID` when some rows are lists and others objects, when a list has not as many fields as there are columns, and when, without
 *   quotes, a field would be taken for something else
 */
export function* writeDelimited(value: unknown, options: DelimitedWriting): Generator<void, string> {
  const rows = rowsOf(value);
  const names = yield* namesFor(rows, options);
  let text = options.header && names.length > 0 ? linesText([names], 1, options) : "";
  let number = text === "" ? 1 : 2;
  for (const part of partsOf(rows)) {
    const lines = part.map((row) => (isList(row) ? row : names.map((name) => (Object.hasOwn(row, name) ? row[name] : undefined))).map(fieldText));
    text += linesText(lines, number, options);
    number += lines.length;
    yield;
  }
  return text;
}

/** Whether a value is so large that writing it takes longer than two steps. */
export function isLong(value: unknown): boolean {
  return isList(value) && value.length > 1 && value.length * widthOf(value[0]) > 2 * STEP;
}

/** The names of the columns. Rows that are lists may have none. */
function* namesFor(rows: Row[], { columns }: DelimitedWriting): Generator<void, string[]> {
  const [first] = rows;
  const lists = !first || isList(first);
  const found = new Set<string>(columns);
  for (const part of partsOf(rows)) {
    for (const row of part) {
      if (isList(row) !== lists) throw invalid("The rows are lists and objects: a list of either is needed");
      if (!isList(row)) {
        if (columns.length === 0) for (const name of Object.keys(row)) found.add(name);
      } else if (columns.length > 0 && row.length !== columns.length) throw invalid(`A row has ${row.length} fields, for ${columns.length} columns`);
    }
    yield;
  }
  if (!lists && found.size === 0) throw invalid("The rows have no columns");
  return [...found];
}

/** The rows in portions, each for one step. */
function partsOf(rows: Row[]): Generator<Row[]> {
  return chunks(rows, Math.max(1, Math.ceil(STEP / widthOf(rows[0]))));
}

function widthOf(row: unknown): number {
  if (isList(row)) return Math.max(1, row.length);
  return typeof row === "object" && row !== null ? Math.max(1, Object.keys(row).length) : 1;
}

function linesText(lines: string[][], number: number, options: DelimitedWriting): string {
  return options.quote ? quoted(lines, options) : unquoted(lines, number, options);
}

function rowsOf(value: unknown): Row[] {
  if (isRow(value) && !isList(value)) return [value];
  if (!isList(value)) throw invalid(`The payload is ${value === null ? "null" : typeof value}, not rows`);
  if (value.length > 0 && !value.some(isRow)) return [value];
  const odd = value.find((row) => !isRow(row));
  if (odd !== undefined || value.includes(undefined)) throw invalid("The payload holds rows and single values: a list of either is needed");
  return value as Row[];
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

function isRow(value: unknown): value is Row {
  return valueText(value) === undefined;
}

function fieldText(value: unknown): string {
  return valueText(value) ?? writeJson(value);
}

function quoted(lines: string[][], { delimiter, quote }: DelimitedWriting): string {
  return stringify(lines, {
    delimiter,
    quote,
    escape: quote,
    // without quotes these would be read as a line break, or as the byte order mark of the text
    quoted_match: /[\r\n\ufeff]/,
    // a line with one empty field would be skipped as an empty line
    quoted_empty: lines.some((line) => line.length === 1 && line[0] === ""),
  });
}

/** @param number of the first of these lines, for errors */
function unquoted(lines: string[][], number: number, { delimiter }: DelimitedWriting): string {
  return lines
    .map((line, index) => {
      const text = line.join(delimiter);
      const why = whyNot(line, text, delimiter);
      if (why === undefined) return `${text}\n`;
      throw invalid(`Line ${number + index} cannot be written without quotes: ${why}`);
    })
    .join("");
}

/** Why a line, written without quotes, would not be read as it was. `undefined` if it would. */
function whyNot(line: string[], text: string, delimiter: string): string | undefined {
  if (text === "" && line.length === 1) return "it is empty";
  if (/[\r\n]/.test(text)) return "a field holds a line break";
  // where the delimiter has several characters, the end of a field and the delimiter behind it may be taken for the delimiter and the beginning of the next field
  const fields = text.split(delimiter);
  return line.length === 0 || (fields.length === line.length && fields.every((field, index) => field === line[index])) ? undefined : `a field holds the delimiter ${shown(delimiter)}`;
}
