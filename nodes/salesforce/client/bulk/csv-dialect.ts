/** The words that Bulk API 2.0 has for delimiters, and what they stand for. */
export const DELIMITERS = { BACKQUOTE: "`", CARET: "^", COMMA: ",", PIPE: "|", SEMICOLON: ";", TAB: "\t" } as const;

/** The words it has for line endings. */
export const LINE_ENDINGS = { LF: "\n", CRLF: "\r\n" } as const;

/** One of the words. */
export type ColumnDelimiter = keyof typeof DELIMITERS;

/** One of the words. */
export type LineEnding = keyof typeof LINE_ENDINGS;

/** The character of a delimiter's word; a comma when there is none. */
export function delimiterOf(word: string | undefined): string {
  return DELIMITERS[word as ColumnDelimiter] ?? DELIMITERS.COMMA;
}
