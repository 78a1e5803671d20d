import { ApiError } from "../api-error";

/** The delimiters, by the value of a job's `columnDelimiter`. */
const DELIMITERS: Readonly<Record<string, string>> = {
  BACKQUOTE: "`",
  CARET: "^",
  COMMA: ",",
  PIPE: "|",
  SEMICOLON: ";",
  TAB: "\t",
};
const LINE_ENDINGS: Readonly<Record<string, string>> = { LF: "\n", CRLF: "\r\n" };

/** How the CSV of a job is written. */
export interface Dialect {
  columnDelimiter: string;
  lineEnding: string;
  /** The character for `columnDelimiter`. */
  delimiter: string;
  /** The characters for `lineEnding`. */
  newline: string;
}

/** Reads the dialect of a new job. @throws ApiError for an unknown value */
export function readDialect(json: Record<string, unknown>): Dialect {
  const columnDelimiter = word(json, "columnDelimiter", DELIMITERS, "COMMA");
  const lineEnding = word(json, "lineEnding", LINE_ENDINGS, "LF");
  return { columnDelimiter, lineEnding, delimiter: DELIMITERS[columnDelimiter]!, newline: LINE_ENDINGS[lineEnding]! };
}

function word(json: Record<string, unknown>, name: string, words: Readonly<Record<string, string>>, fallback: string): string {
  const value = json[name] ?? fallback;
  if (typeof value === "string" && Object.hasOwn(words, value)) return value;
  throw new ApiError("INVALIDJOB", `${name} must be one of ${Object.keys(words).join(", ")}`);
}

/** Returns a line of results. All values are in quotes. */
export function quotedLine(values: readonly string[], { delimiter, newline }: Dialect): string {
  return values.map((value) => `"${value.replaceAll('"', '""')}"`).join(delimiter) + newline;
}
