import { stringify } from "csv-stringify/sync";
import { invalid, shown } from "./content-error";
import { writeJson } from "./json";
import type { FormatOptions } from "./options";
import { valueText } from "./value-text";

/** What is read of {@link FormatOptions}. */
export type DelimitedWriting = Pick<FormatOptions, "delimiter" | "quote" | "header" | "columns">;

/**
 * A value as delimited text, a line a row, each ended by a line feed: a list of objects or of lists, one object, or one list of values.
 * The columns are `columns`, else all that the objects have, in the order in which they come up. A header is written when there are
 * names for it. Null is an empty field, dates are ISO 8601, bytes base64, objects and lists JSON.
 *
 * @throws ConnectorError `FORMAT_INVALID` when rows are of both kinds, have more fields than there are columns, or hold what cannot be
 *   told from a delimiter without quotes
 */
export function writeDelimited(value: unknown, options: DelimitedWriting): string {
  const { header, columns } = options;
  const rows = rowsOf(value);
  let lines: string[][];
  if (rows.every(isList)) {
    const odd = columns.length === 0 ? undefined : rows.find((row) => row.length !== columns.length);
    if (odd) throw invalid(`A row has ${odd.length} fields, for ${columns.length} columns`);
    lines = rows.map((row) => row.map(fieldText));
    if (header && columns.length > 0) lines.unshift([...columns]);
  } else {
    if (rows.some(isList)) throw invalid("The rows are lists and objects: a list of either is needed");
    const names = columns.length > 0 ? columns : namesOf(rows as Record<string, unknown>[]);
    if (names.length === 0) throw invalid("The rows have no columns");
    lines = rows.map((row) => names.map((name) => fieldText(Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : undefined)));
    if (header) lines.unshift([...names]);
  }
  return options.quote ? quoted(lines, options) : unquoted(lines, options);
}

function rowsOf(value: unknown): (Record<string, unknown> | unknown[])[] {
  if (isRow(value) && !isList(value)) return [value];
  if (!isList(value)) throw invalid(`The payload is ${value === null ? "null" : typeof value}, not rows`);
  if (value.length > 0 && !value.some(isRow)) return [value];
  const odd = value.find((row) => !isRow(row));
  if (odd !== undefined || value.includes(undefined)) throw invalid("The payload holds rows and single values: a list of either is needed");
  return value as (Record<string, unknown> | unknown[])[];
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

function isRow(value: unknown): value is Record<string, unknown> | unknown[] {
  return valueText(value) === undefined;
}

function namesOf(rows: Record<string, unknown>[]): string[] {
  const names = new Set<string>();
  for (const row of rows) for (const name of Object.keys(row)) names.add(name);
  return [...names];
}

function fieldText(value: unknown): string {
  return valueText(value) ?? writeJson(value);
}

function quoted(lines: string[][], { delimiter, quote }: DelimitedWriting): string {
  return stringify(lines, {
    delimiter,
    quote,
    escape: quote,
    // a line break of any system, or a byte order mark at the beginning, would be read as one
    quoted_match: /[\r\n\ufeff]/,
    // an empty line would be skipped
    quoted_empty: lines.some((line) => line.length === 1 && line[0] === ""),
  });
}

function unquoted(lines: string[][], { delimiter }: DelimitedWriting): string {
  return lines
    .map((line, index) => {
      const odd = line.find((field) => field.includes(delimiter) || /[\r\n]/.test(field)) ?? (line.length === 1 && line[0] === "" ? "" : undefined);
      if (odd === undefined) return `${line.join(delimiter)}\n`;
      throw invalid(`Line ${index + 1} cannot be written without quotes: ${odd === "" ? "it is empty" : `a field holds ${odd.includes(delimiter) ? `the delimiter ${shown(delimiter)}` : "a line break"}`}`);
    })
    .join("");
}
