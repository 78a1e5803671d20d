import { parse } from "csv-parse";
import { parse as parseSync } from "csv-parse/sync";
import { Readable } from "node:stream";
import type { Dialect } from "./dialect";

/** Most characters of the first line. */
const MAX_HEADER = 32_000;
/** Most characters of a field, and of a whole record. */
const MAX_FIELD = 131_072;
const MAX_RECORD = 400_000;
/** Most fields of a record. */
const MAX_FIELDS = 5000;
/** How many bytes are given to the parser at once. */
const SLICE = 64 * 1024;

/** A mistake in the data of a job that makes the whole job fail. The message becomes the job's `errorMessage`. */
export class InvalidData extends Error {
  override readonly name = "InvalidData";
}

/** Returns the names of the columns. @throws InvalidData when the header cannot be used */
export function readHeader(data: Buffer, dialect: Dialect): string[] {
  const first = firstLine(data);
  const found = first.endsWith("\r") ? "CRLF" : "LF";
  const ended = first.length < data.length;
  if (ended && found !== dialect.lineEnding) {
    throw new InvalidData(`ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is ${dialect.lineEnding}`);
  }
  const line = first.replace(/\r$/, "").replace(/^\uFEFF/, "");
  if (line.trim() === "") throw new InvalidData("InvalidBatch : The CSV has no header");
  if (line.length > MAX_HEADER) throw new InvalidData(`InvalidBatch : The header is longer than ${MAX_HEADER} characters`);
  try {
    const [names = []] = parseSync(line, { delimiter: dialect.delimiter, trim: true }) as string[][];
    return names;
  } catch (error) {
    throw new InvalidData(`InvalidBatch : The header cannot be read: ${(error as Error).message}`);
  }
}

/** Returns the values of every row after the header. @throws InvalidData when the first broken row is reached */
export async function* readRows(data: Buffer, dialect: Dialect, columns: number): AsyncGenerator<string[]> {
  if (columns > MAX_FIELDS) throw new InvalidData(`InvalidBatch : A record has more than ${MAX_FIELDS} fields`);
  const parser = parse({ max_record_size: MAX_RECORD, delimiter: dialect.delimiter, record_delimiter: dialect.newline, bom: true, from: 2, relax_column_count: true, skip_empty_lines: true });
  const rows = Readable.from(slices(data)).pipe(parser);
  try {
    for await (const row of rows as AsyncIterable<string[]>) {
      if (row.length !== columns) throw new InvalidData(`InvalidBatch : A row has ${row.length} columns, the header has ${columns}`);
      if (row.some((value) => value.length > MAX_FIELD)) throw new InvalidData(`InvalidBatch : A field is longer than ${MAX_FIELD} characters`);
      yield row;
    }
  } catch (error) {
    if (error instanceof InvalidData) throw error;
    throw new InvalidData(`InvalidBatch : The CSV cannot be read: ${(error as Error).message}`);
  }
}

function* slices(data: Buffer): Generator<Buffer> {
  for (let at = 0; at < data.length; at += SLICE) yield data.subarray(at, at + SLICE);
}

/** Returns the text up to the first newline. */
function firstLine(data: Buffer): string {
  const end = data.indexOf(0x0a);
  return data.toString("utf8", 0, end < 0 ? data.length : end);
}
