/** The names of delimiters in Bulk API 2.0, and their characters. */
export const DELIMITERS = { BACKQUOTE: "`", CARET: "^", COMMA: ",", PIPE: "|", SEMICOLON: ";", TAB: "\t" } as const;

/** The names of line endings in Bulk API 2.0, and their characters. */
export const LINE_ENDINGS = { LF: "\n", CRLF: "\r\n" } as const;

/** The character of a delimiter's name; a comma when the name is absent or unknown. */
export function delimiterOf(word: string | undefined): string {
  return DELIMITERS[word as keyof typeof DELIMITERS] ?? DELIMITERS.COMMA;
}
