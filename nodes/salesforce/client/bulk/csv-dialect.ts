/** The words that Bulk API 2.0 has for delimiters, and what they stand for. */
export const DELIMITERS = { BACKQUOTE: "`", CARET: "^", COMMA: ",", PIPE: "|", SEMICOLON: ";", TAB: "\t" } as const;

/** The words it has for line endings. */
export const LINE_ENDINGS = { LF: "\n", CRLF: "\r\n" } as const;

/** The character of a delimiter's word; a comma when there is none. */
export function delimiterOf(word: string | undefined): string {
  return DELIMITERS[word as keyof typeof DELIMITERS] ?? DELIMITERS.COMMA;
}
