import { parse } from "csv-parse";
import { parse as parseSync } from "csv-parse/sync";
import { Readable } from "node:stream";
import type { Dialect } from "./dialect";

/** Characters the first line may have. */
const MAX_HEADER = 32_000;
/** Characters a field and a whole record may have. */
const MAX_FIELD = 131_072;
const MAX_RECORD = 400_000;
/** Fields a record may have. */
const MAX_FIELDS = 5000;
/** Bytes given to the parser at once. */
const SLICE = 64 * 1024;

/** A mistake in the data of a job that ends the whole job. The message is the job's `errorMessage`. */
export class InvalidData extends Error {
  override readonly name = "InvalidData";
}

/** The names of the columns. @throws InvalidData */
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

/** Every row behind the header, as text. @throws InvalidData when the CSV is broken, at the row where it is */
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

/** Up to the first newline, as text. */
function firstLine(data: Buffer): string {
  const end = data.indexOf(0x0a);
  return data.toString("utf8", 0, end < 0 ? data.length : end);
}
