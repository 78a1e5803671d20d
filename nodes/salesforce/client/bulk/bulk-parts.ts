import { Slices } from "../../../common/slices";
import { ConnectorError } from "../../../common/errors";
import type { BulkInput, InputRow } from "./bulk-input";
import { csvLine } from "./csv-cell";

/** How much goes into one job. */
export interface PartLimits {
  /** Rows. */
  rows: number;
  /** Bytes of CSV. */
  bytes: number;
}

/** How many bytes of CSV one job gets at most: the org takes 150 MB in base64, and Salesforce advises this number. */
export const MAX_BYTES = 100 * 1000 * 1000;

/** How the CSV of a job is written. */
export interface CsvStyle {
  delimiter: string;
  newline: string;
}

/** Rows that go into one job. */
export interface Part {
  columns: readonly string[];
  rows: InputRow[];
  csv: Buffer;
}

/** How many lines are joined and encoded at once. */
const BLOCK = 1000;

/** Cuts rows into parts for one job each. Only one part is in memory at a time, in addition to the input. @throws whatever iterating over the rows throws */
export async function* partsOf(input: BulkInput, style: CsvStyle, limits: PartLimits): AsyncGenerator<Part> {
  const slices = new Slices();
  let csv = new CsvText(input.columns, style);
  let rows: InputRow[] = [];
  for (const row of input.rows()) {
    const line = csv.line(row.cells);
    const size = Buffer.byteLength(line);
    if (rows.length > 0 && (rows.length >= limits.rows || csv.size + size > limits.bytes)) {
      yield { columns: input.columns, rows, csv: csv.end() };
      csv = new CsvText(input.columns, style);
      rows = [];
    }
    if (csv.size + size > limits.bytes) throw new ConnectorError("PAYLOAD_TOO_LARGE", `One row takes ${size} bytes; a job can have ${limits.bytes}`);
    csv.add(line, size);
    rows.push(row);
    if (slices.over) await slices.next();
  }
  if (rows.length > 0) yield { columns: input.columns, rows, csv: csv.end() };
}

/** The CSV of some rows. */
export function csvOf(columns: readonly string[], rows: readonly InputRow[], style: CsvStyle): Buffer {
  const csv = new CsvText(columns, style);
  for (const { cells } of rows) {
    const line = csv.line(cells);
    csv.add(line, Buffer.byteLength(line));
  }
  return csv.end();
}

/** The CSV of a part, with other names in its header. */
export function csvNamed({ columns, csv }: Part, names: readonly string[], style: CsvStyle): Buffer {
  if (names.every((name, index) => name === columns[index])) return csv;
  return Buffer.concat([csvOf(names, [], style), csv.subarray(csvOf(columns, [], style).length)]);
}

/** CSV that is built line by line, and kept as bytes. */
class CsvText {
  size = 0;
  private readonly blocks: Buffer[] = [];
  private lines: string[] = [];

  constructor(
    columns: readonly string[],
    private readonly style: CsvStyle,
  ) {
    const header = this.line(columns);
    this.add(header, Buffer.byteLength(header));
  }

  line(cells: readonly string[]): string {
    // a single empty cell is written as "", as readers skip empty lines
    return (csvLine(cells, this.style.delimiter) || '""') + this.style.newline;
  }

  add(line: string, size: number): void {
    this.lines.push(line);
    this.size += size;
    if (this.lines.length >= BLOCK) this.pack();
  }

  end(): Buffer {
    this.pack();
    return Buffer.concat(this.blocks);
  }

  private pack(): void {
    this.blocks.push(Buffer.from(this.lines.join("")));
    this.lines = [];
  }
}
