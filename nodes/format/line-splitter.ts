import { invalid } from "./content-error";

/** Splits text without quotes into the fields of its lines. What machines write mostly is such, and needs no parser, which takes ten times as long. */
export class LineSplitter {
  /** Of a line that goes on in the next piece. */
  private rest = "";
  private number = 0;
  private width: number | undefined;

  constructor(
    private readonly delimiter: string,
    private readonly onLine: (fields: string[]) => void,
  ) {}

  /** The next piece, which does not end between CR and LF. @throws ConnectorError `FORMAT_INVALID` for a line with more or fewer fields than the first */
  write(piece: string): void {
    const lines = (this.rest + piece).split(/\r\n|\n|\r/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) this.line(line);
  }

  /** The text ends here. @throws ConnectorError as {@link write} */
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

/** What is wrong with a line that has not as many fields as the first one. */
export function unlikeFirst(line: number | undefined, fields: number | undefined): string {
  return `line ${line} has ${fields} fields, and not as many as the first one`;
}
