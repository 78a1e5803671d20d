import { counted } from "../common/counted";
import { ConnectorError } from "../common/errors";
import { invalid, shown } from "./content-error";
import type { FormatOptions } from "./options";

/** The most columns that a header may name: an object with a million properties takes a second to make. */
const MAX_NAMES = 10_000;

/** A line: an object by the names of its columns, or the list of its fields. */
export type DelimitedRow = Record<string, string> | string[];

/** Makes rows of the lines of delimited text, each of which is given as a list of its fields. All lines must have as many fields as the first. */
export class DelimitedRows {
  private readonly rows: DelimitedRow[] = [];
  /** Makes a row of a line. Set when the first line, which may be the header, has come. */
  private toRow: ((line: string[]) => DelimitedRow) | undefined;

  constructor(private readonly options: Pick<FormatOptions, "header" | "columns">) {}

  /** Adds a line. @throws ConnectorError for the first line only: `FORMAT_INVALID` if it does not fit the columns, `PAYLOAD_TOO_LARGE` if it has too many */
  add(line: string[]): void {
    if (this.toRow) {
      this.rows.push(this.toRow(line));
      return;
    }
    const { header, columns } = this.options;
    this.toRow = header ? byHeader(line, columns) : byPlace(line, columns);
    if (!header) this.rows.push(this.toRow(line));
  }

  /** Returns all rows. @throws ConnectorError `FORMAT_INVALID` when columns were to be taken from a header and there was no line at all */
  end(): DelimitedRow[] {
    const { header, columns } = this.options;
    if (!this.toRow && header && columns.length > 0) throw invalid("The header is missing: the content is empty");
    return this.rows;
  }
}

function byHeader(header: string[], columns: readonly string[]): (line: string[]) => DelimitedRow {
  if (header.length > MAX_NAMES) throw new ConnectorError("PAYLOAD_TOO_LARGE", `The header names more than ${MAX_NAMES} columns`);
  const twice = header.find((name, index) => header.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`The header names the column ${shown(twice)} twice`);
  if (columns.length === 0) return named(header);
  const missing = columns.find((name) => !header.includes(name));
  if (missing !== undefined) {
    throw invalid(`The header has no column ${shown(missing)}${header.length === 1 ? ": it has one field, so the delimiter may be another" : ""}`);
  }
  return named(columns, columns.map((name) => header.indexOf(name)));
}

function byPlace(first: string[], columns: readonly string[]): (line: string[]) => DelimitedRow {
  if (columns.length === 0) return (line) => line;
  if (columns.length !== first.length) {
    throw invalid(`The lines have ${counted(first.length, "field")}, for ${counted(columns.length, "column")}${first.length === 1 ? ": the delimiter may be another" : ""}`);
  }
  return named(columns);
}

/** @param places at which the fields with these names are; default: from left to right */
function named(names: readonly string[], places?: readonly number[]): (line: string[]) => DelimitedRow {
  // assigned to an object, this name would change the object's prototype
  if (names.includes("__proto__")) throw invalid("No column may be called __proto__");
  return (line) => {
    const row: Record<string, string> = {};
    for (let index = 0; index < names.length; index++) row[names[index]!] = line[places ? places[index]! : index]!;
    return row;
  };
}
