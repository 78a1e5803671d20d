import { CsvError as StreamError, parse as parser, type Parser } from "csv-parse";
import { CsvError as SyncError, parse } from "csv-parse/sync";
import { ConnectorError, errorText, toConnectorError } from "../common/errors";
import type { Slices } from "../common/slices";
import { invalid, shown } from "./content-error";
import { DelimitedRows, type DelimitedRow } from "./delimited-rows";
import { LineSplitter, unlikeFirst } from "./line-splitter";
import type { FormatOptions } from "./options";

/** The {@link FormatOptions} that matter when delimited text is read. */
export type DelimitedReading = Pick<FormatOptions, "delimiter" | "quote" | "header" | "columns">;

/** The most lines and fields that are read. The parser takes 4 µs for a line and 0.5 µs for a field, and a row of seven columns takes some 300 bytes of memory. */
const MAX_LINES = 250_000;
const MAX_FIELDS = 2_000_000;

/**
 * Reads delimited text: a list of objects if a header or `columns` give names, else a list of lists. Values are text, exactly as written. Lines may end with CR, LF
 * or both; empty lines are skipped.
 *
 * With a header, `columns` says which columns are kept, and in which order. Without one, it names the fields from left to right.
 *
 * @throws ConnectorError `FORMAT_INVALID`, naming the line, when a line has more or fewer fields than the first one or its quotes are wrong, and when the header is
 *   wrong; `PAYLOAD_TOO_LARGE`
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
 * Like {@link readDelimited}, but in slices, between which the event loop can do other work.
 *
 * @param pieces the text in pieces, in order, none of which ends between a CR and its LF
 * @param stopped called after each slice; true ends the work, because nobody wants the rows any more
 * @returns the rows; `undefined` if it was stopped
 * @throws ConnectorError as {@link readDelimited}
 */
export async function readDelimitedInSlices(pieces: readonly string[], options: DelimitedReading, slices: Slices, stopped: () => boolean): Promise<DelimitedRow[] | undefined> {
  const { delimiter, quote } = options;
  const size = new Size(delimiter);
  let plain = true;
  for (const [index, piece] of pieces.entries()) {
    const lines = size.add(piece);
    // the line splitter joins a piece without a line end to what it holds already, so the time for a very long line would grow by its square
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

/** Counts the lines and fields of the text so far. */
class Size {
  private lines = 0;
  private delimiters = 0;

  constructor(private readonly delimiter: string) {}

  /** Counts one more piece. @returns how many lines end in it @throws ConnectorError `PAYLOAD_TOO_LARGE` */
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

/** Feeds csv-parse piece by piece. */
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
        if (error) this.failure ??= notDelimited(error); // this comes before the event
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

/** Whether csv-parse has thrown the error. The package has the class twice, once for each of its builds. */
function isParsers(error: unknown): error is SyncError {
  return error instanceof SyncError || error instanceof StreamError;
}

/** The parser's error in our own words, since its own contain what is in the line. */
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
