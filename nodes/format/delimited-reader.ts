import { CsvError, parse } from "csv-parse/sync";
import { ConnectorError, errorText } from "../common/errors";
import { invalid, shown } from "./content-error";
import type { FormatOptions } from "./options";

/** What is read of {@link FormatOptions}. */
export type DelimitedReading = Pick<FormatOptions, "delimiter" | "quote" | "header" | "columns">;

/** Lines and fields at most. The parser takes 4 µs for a line and 0.5 µs for a field, and everything else waits meanwhile. */
export const MAX_LINES = 250_000;
export const MAX_FIELDS = 2_000_000;

/** A line as an object, by the names of its columns, or as the list of its fields. */
export type DelimitedRow = Record<string, string> | string[];

/**
 * Delimited text as a list of objects when a header or `columns` give names, else as a list of lists. Every value is text as it
 * stands there. Lines may end as on any system; empty ones are skipped.
 *
 * With a header, `columns` are those that are kept, in that order; without one, they are the names of the fields from left to right.
 *
 * @throws ConnectorError `FORMAT_INVALID` with the line when a line has more or fewer fields than the first or its quotes are wrong,
 *   and when the header is; `PAYLOAD_TOO_LARGE`
 */
export function readDelimited(text: string, options: DelimitedReading): DelimitedRow[] {
  const lines = readLines(text, options);
  if (options.header) return withHeader(lines, options.columns);
  return options.columns.length === 0 ? lines : withNames(lines, options.columns, lines[0] ?? []);
}

function readLines(text: string, { delimiter, quote }: DelimitedReading): string[][] {
  const content = Buffer.from(text);
  checkSize(content, delimiter);
  if (quote === "" || !text.includes(quote)) return splitLines(text, delimiter);
  try {
    return parse(content, {
      delimiter,
      quote,
      escape: quote,
      record_delimiter: ["\r\n", "\n", "\r"], // all of them: what is discovered by the first line leaves carriage returns in the others
      skip_empty_lines: true,
    } as never);
  } catch (error) {
    throw invalid(`Not delimited text: ${explain(error)}`, error instanceof CsvError ? undefined : error);
  }
}

/** What machines write mostly has no quotes at all, and then needs no parser, which takes ten times as long. */
function splitLines(text: string, delimiter: string): string[][] {
  const lines: string[][] = [];
  let number = 0;
  for (const line of text.split(/\r\n|\n|\r/)) {
    number += 1;
    if (line === "") continue;
    const fields = line.split(delimiter);
    if (lines[0] && fields.length !== lines[0].length) throw invalid(`Not delimited text: ${unlikeFirst(number, fields.length)}`);
    lines.push(fields);
  }
  return lines;
}

function unlikeFirst(line: number | undefined, fields: number | undefined): string {
  return `line ${line} has ${fields} fields, and not as many as the first one`;
}

function checkSize(content: Buffer, delimiter: string): void {
  const lines = countOf(content, "\n") + countOf(content, "\r") - countOf(content, "\r\n");
  if (lines > MAX_LINES) throw tooLarge("lines", MAX_LINES);
  if (lines + countOf(content, delimiter) > MAX_FIELDS) throw tooLarge("fields", MAX_FIELDS);
}

function countOf(content: Buffer, text: string): number {
  const wanted = Buffer.from(text);
  let count = 0;
  for (let at = content.indexOf(wanted); at !== -1; at = content.indexOf(wanted, at + wanted.length)) count += 1;
  return count;
}

function tooLarge(what: string, most: number): ConnectorError {
  return new ConnectorError("PAYLOAD_TOO_LARGE", `The content has more than ${most} ${what}`);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** In our own words: the parser's hold what stands in the line. */
function explain(error: unknown): string {
  if (!(error instanceof CsvError)) return shown(errorText(error));
  const { lines, record } = error as { lines?: number; record?: string[] };
  switch (error.code) {
    case "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH":
      return unlikeFirst(lines, record?.length);
    case "CSV_QUOTE_NOT_CLOSED":
      return `a quote that opens in line ${lines} or before is not closed`;
    case "INVALID_OPENING_QUOTE":
      return `line ${lines} has a quote within a field that does not begin with one`;
    case "CSV_INVALID_CLOSING_QUOTE":
      return `line ${lines} has something between a closing quote and the delimiter`;
    default:
      return `line ${lines}: ${error.code}`;
  }
}

function withHeader(lines: string[][], columns: readonly string[]): DelimitedRow[] {
  const [header, ...rest] = lines;
  if (!header) {
    if (columns.length > 0) throw invalid("The header is missing: the content is empty");
    return [];
  }
  const twice = header.find((name, index) => header.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`The header names the column ${shown(twice)} twice`);
  if (columns.length === 0) return withNames(rest, header, header);
  const missing = columns.find((name) => !header.includes(name));
  if (missing !== undefined) {
    throw invalid(`The header has no column ${shown(missing)}${header.length === 1 ? ": it has one field, so the delimiter may be another" : ""}`);
  }
  return withNames(rest, columns, header, columns.map((name) => header.indexOf(name)));
}

/** @param first any line: all have as many fields @param places of the names' fields, default from left to right */
function withNames(lines: string[][], names: readonly string[], first: string[], places?: number[]): DelimitedRow[] {
  if (!places && names.length !== first.length && lines.length > 0) {
    throw invalid(`The lines have ${count(first.length, "field")}, for ${count(names.length, "column")}${first.length === 1 ? ": the delimiter may be another" : ""}`);
  }
  // set on an object, this name would change what it is
  if (names.includes("__proto__")) throw invalid("No column may be called __proto__");
  return lines.map((line) => {
    const row: Record<string, string> = {};
    for (let index = 0; index < names.length; index++) row[names[index]!] = line[places ? places[index]! : index]!;
    return row;
  });
}
