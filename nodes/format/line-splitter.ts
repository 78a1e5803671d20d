import { invalid } from "./content-error";

/** Splits text without quotes into the fields of its lines. Most text that machines write has none, and a parser would take ten times as long. */
export class LineSplitter {
  /** The beginning of a line that goes on in the next piece. */
  private rest = "";
  private number = 0;
  private width: number | undefined;

  constructor(
    private readonly delimiter: string,
    private readonly onLine: (fields: string[]) => void,
  ) {}

  /** Adds a piece, which must not end between a CR and its LF. @throws ConnectorError `FORMAT_INVALID` for a line with more or fewer fields than the first */
  write(piece: string): void {
    const lines = (this.rest + piece).split(/\r\n|\n|\r/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) this.line(line);
  }

  /** Ends the text. @throws ConnectorError as {@link write} */
  end(): void {
    this.line(this.rest);
  }

  private line(line: string): void {
    this.number += 1;
    if (line === "") return;
    const fields = line.split(this.delimiter);
    this.width ??= fields.length;
    if (fields.length !== this.width) throw invalid(`Not delimited text: ${unlikeFirst(this.number, fields.length)}`);
    this.onLine(fields);
  }
}

/** Says that a line has not as many fields as the first one. */
export function unlikeFirst(line: number | undefined, fields: number | undefined): string {
  return `line ${line} has ${fields} fields, and not as many as the first one`;
}
