import { CsvError as StreamError, parse as parser, type Parser } from "csv-parse";
import { CsvError as SyncError, parse } from "csv-parse/sync";
import { ConnectorError, errorText, toConnectorError } from "../common/errors";
import type { Slices } from "../common/slices";
import { invalid, shown } from "./content-error";
import { DelimitedRows, type DelimitedRow } from "./delimited-rows";
import { LineSplitter, unlikeFirst } from "./line-splitter";
import type { FormatOptions } from "./options";

/** What is read of {@link FormatOptions}. */
export type DelimitedReading = Pick<FormatOptions, "delimiter" | "quote" | "header" | "columns">;

/** Lines and fields at most. The parser takes 4 µs for a line and 0.5 µs for a field, and a row of seven columns some 300 bytes of memory. */
const MAX_LINES = 250_000;
const MAX_FIELDS = 2_000_000;

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
  const size = new Size(options.delimiter);
  size.add(text);
  const rows = new DelimitedRows(options);
  if (options.quote === "" || !text.includes(options.quote)) {
    const lines = new LineSplitter(options.delimiter, (line) => rows.add(line));
    lines.write(text);
    lines.end();
  } else for (const line of parseAll(text, options)) rows.add(line);
  return rows.end();
}

/**
 * The same in slices, so that the event loop is not kept from other work.
 *
 * @param pieces the text cut into pieces, in order, none of which ends between CR and LF
 * @param stopped asked after each slice: nobody wants the rows any more
 * @returns the rows, or `undefined` when it was stopped
 * @throws ConnectorError as {@link readDelimited}
 */
export async function readDelimitedInSlices(pieces: readonly string[], options: DelimitedReading, slices: Slices, stopped: () => boolean): Promise<DelimitedRow[] | undefined> {
  const { delimiter, quote } = options;
  const size = new Size(delimiter);
  let plain = true;
  for (const [index, piece] of pieces.entries()) {
    const lines = size.add(piece);
    // without a line end in it, a piece is joined to all that went before: that takes its time by the square of the line
    if ((lines === 0 && index < pieces.length - 1) || (quote !== "" && piece.includes(quote))) plain = false;
    if (slices.over) await slices.next();
    if (stopped()) return undefined;
  }
  const rows = new DelimitedRows(options);
  const target = plain ? new LineSplitter(delimiter, (line) => rows.add(line)) : new StreamParser(options, (line) => rows.add(line));
  for (const piece of pieces) {
    await target.write(piece);
    if (slices.over) await slices.next();
    if (stopped()) return undefined;
  }
  await target.end();
  return rows.end();
}

/** How large the text is that came so far. */
class Size {
  private lines = 0;
  private delimiters = 0;

  constructor(private readonly delimiter: string) {}

  /** @returns the line ends in this piece @throws ConnectorError `PAYLOAD_TOO_LARGE` */
  add(piece: string): number {
    const returns = countOf(piece, "\r");
    const lines = countOf(piece, "\n") + (returns === 0 ? 0 : returns - countOf(piece, "\r\n"));
    this.lines += lines;
    if (this.lines > MAX_LINES) throw tooLarge("lines", MAX_LINES);
    this.delimiters += countOf(piece, this.delimiter);
    if (this.lines + this.delimiters > MAX_FIELDS) throw tooLarge("fields", MAX_FIELDS);
    return lines;
  }
}

function countOf(text: string, wanted: string): number {
  let count = 0;
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + wanted.length)) count += 1;
  return count;
}

function tooLarge(what: string, most: number): ConnectorError {
  return new ConnectorError("PAYLOAD_TOO_LARGE", `The content has more than ${most} ${what}`);
}

/** csv-parse, fed piece by piece. */
class StreamParser {
  private readonly parser: Parser;
  private readonly ended: Promise<void>;
  private failure: ConnectorError | undefined;

  constructor(options: DelimitedReading, onLine: (fields: string[]) => void) {
    this.parser = parser(parserOptions(options) as never);
    this.parser.on("data", (line: string[]) => {
      if (this.failure) return;
      try {
        onLine(line);
      } catch (error) {
        this.failure = toConnectorError(error, "FORMAT_INVALID"); // a listener that throws would end the process
      }
    });
    this.parser.on("error", (error) => (this.failure ??= notDelimited(error)));
    this.ended = new Promise((resolve) => this.parser.once("close", resolve));
  }

  /** Resolves when the piece is read. @throws ConnectorError */
  async write(piece: string): Promise<void> {
    await new Promise<void>((resolve) => {
      this.parser.write(piece, (error) => {
        if (error) this.failure ??= notDelimited(error); // told here before it is as an event
        resolve();
      });
    });
    if (this.failure) throw this.failure;
  }

  /** Resolves when all is read. @throws ConnectorError */
  async end(): Promise<void> {
    this.parser.end();
    await this.ended;
    if (this.failure) throw this.failure;
  }
}

function parseAll(text: string, options: DelimitedReading): string[][] {
  try {
    return parse(text, parserOptions(options) as never);
  } catch (error) {
    throw notDelimited(error);
  }
}

function parserOptions({ delimiter, quote }: DelimitedReading): object {
  return {
    delimiter,
    ...(quote === "" ? { quote: false } : { quote, escape: quote }),
    record_delimiter: ["\r\n", "\n", "\r"], // all of them: what is discovered by the first line leaves carriage returns in the others
    skip_empty_lines: true,
  };
}

function notDelimited(error: unknown): ConnectorError {
  return invalid(`Not delimited text: ${explain(error)}`, isParsers(error) ? undefined : error);
}

/** The package bundles the class twice. */
function isParsers(error: unknown): error is SyncError {
  return error instanceof SyncError || error instanceof StreamError;
}

/** In our own words: the parser's hold what stands in the line. */
function explain(error: unknown): string {
  if (!isParsers(error)) return shown(errorText(error));
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
