import type { Dialect } from "./dialect";

/** A piece of SQL. */
export type Piece =
  | { kind: "code"; text: string }
  /** A comment or a text in dollar quotes. `open`: a comment, text or name without its end, which takes all the rest. */
  | { kind: "comment"; text: string; open?: true }
  /** A name in quotes. */
  | { kind: "name"; text: string }
  /** A literal: the word before the quote (`E`, `N`, `DATE`), the quote, and the text between the quotes. */
  | { kind: "literal"; text: string; prefix: string; quote: string; inner: string }
  | { kind: "placeholder"; text: string; field: string }
  /** A placeholder without a name: `?` or `$1`. `number` counts from 0, and is `undefined` for `?`. */
  | { kind: "position"; text: string; number: number | undefined }
  | { kind: "end"; text: ";" };

/** The path of names in the braces of a placeholder. */
const FIELD = String.raw`\s*[\p{L}_$@/][\p{L}\p{N}_$@/.\-\[\]]*\s*`;

/**
 * What counts as a placeholder in braces. A bare `{name}` is one only in a text that has none of the others: in a text with `${name}`, `'{red}'` is probably
 * an array of PostgreSQL.
 */
const MARKED = String.raw`\$\{(?<dollar>[^{}]+)\}|#\{(?<hash>[^{}]+)\}|\{\{\{?(?<mustache>[^{}]+)\}\}\}?|%\((?<percent>\w+)\)s`;
const BARE = String.raw`\{(?<bare>${FIELD}|\d+)\}`;

/** Returns a pattern for the placeholders in braces of a text. */
export function bracesOf(text: string): RegExp {
  return new RegExp(new RegExp(MARKED, "u").test(text) ? MARKED : BARE, "gu");
}

/** Returns the field that a match of {@link bracesOf} names. */
export function fieldOf(match: RegExpExecArray): string {
  return (Object.values(match.groups ?? {}).find((group) => group !== undefined) ?? "").trim();
}

/** Cuts SQL into pieces. */
export function cut(text: string, dialect: Dialect | undefined): Piece[] {
  const pieces: Piece[] = [];
  const braces = new RegExp(bracesOf(text).source, "yu");
  const tokens = tokensOf(dialect);
  let at = 0;
  let code = "";
  const flush = (): void => {
    if (code) pieces.push({ kind: "code", text: code });
    code = "";
  };
  while (at < text.length) {
    braces.lastIndex = at;
    const brace = braces.exec(text);
    tokens.lastIndex = at;
    const token = brace ? null : tokens.exec(text);
    const found = brace ?? token;
    if (!found) {
      code += text.charAt(at);
      at += 1;
      continue;
    }
    at += found[0].length;
    const piece = brace ? placeholder(brace) : pieceOf(token!);
    if (piece.kind === "code") code += piece.text;
    else {
      flush();
      pieces.push(piece);
    }
  }
  flush();
  return pieces;
}

function placeholder(match: RegExpExecArray): Piece {
  const field = fieldOf(match);
  if (/^\d+$/.test(field)) return { kind: "position", text: match[0], number: Number(field) };
  return { kind: "placeholder", text: match[0], field };
}

function tokensOf(dialect: Dialect | undefined): RegExp {
  const mariadb = dialect === "mariadb";
  const quoted = (quote: string): string => (mariadb ? String.raw`(?:[^${quote}\\]|\\[\s\S]|${quote}${quote})*` : `(?:[^${quote}]|${quote}${quote})*`);
  const parts = [
    String.raw`(?<comment>--[^\n]*|/\*[\s\S]*?\*/${mariadb ? String.raw`|#[^\n]*` : ""})`,
    ...(mariadb ? [] : [String.raw`(?<dollarQuoted>\$(?<tag>\w*)\$[\s\S]*?\$\k<tag>\$)`]),
    String.raw`(?<prefix>\b(?:E|N|U&|X|B|(?:DATE|TIME|TIMESTAMP|INTERVAL)\s*))?'(?<inner>${quoted("'")})'`,
    mariadb ? `"(?<double>${quoted('"')})"` : '(?<name>"(?:[^"]|"")*")',
    "(?<tick>`(?:[^`]|``)*`)",
    ...(dialect === "sqlserver" ? [String.raw`(?<bracket>\[(?:[^\]]|\]\])*\])`] : []),
    // comes after the closed ones, since it takes all the rest of the text
    String.raw`(?<open>(?:/\*|'|"|${"`"})[\s\S]*)`,
    "(?<cast>::|:=)",
    String.raw`:#?(?<named>[A-Za-z_]\w*)`,
    // ?| and ?& are operators of PostgreSQL. So is ? itself, but a driver takes it for a parameter anyway
    String.raw`(?<operator>\?[|&])`,
    String.raw`(?<question>\?)`,
    String.raw`\$(?<numbered>[1-9]\d*)\b`,
    "(?<end>;)",
    String.raw`(?<word>[\p{L}_](?:[\p{L}\p{N}_]|\$(?!\{))*)`,
  ];
  return new RegExp(parts.join("|"), "iyu");
}

function pieceOf(match: RegExpExecArray): Piece {
  const [text] = match;
  const groups = match.groups ?? {};
  if (groups.comment !== undefined || groups.dollarQuoted !== undefined) return { kind: "comment", text };
  if (groups.open !== undefined) return { kind: "comment", text, open: true };
  if (groups.inner !== undefined) return { kind: "literal", text, prefix: groups.prefix ?? "", quote: "'", inner: groups.inner };
  if (groups.double !== undefined) return { kind: "literal", text, prefix: "", quote: '"', inner: groups.double };
  if (groups.name !== undefined || groups.tick !== undefined || groups.bracket !== undefined) return { kind: "name", text };
  if (groups.named !== undefined) return { kind: "placeholder", text, field: groups.named };
  if (groups.question !== undefined) return { kind: "position", text, number: undefined };
  if (groups.numbered !== undefined) return { kind: "position", text, number: Number(groups.numbered) - 1 };
  if (groups.end !== undefined) return { kind: "end", text: ";" };
  return { kind: "code", text };
}

/** Returns the words of SQL outside of quotes and comments, in lower case. */
export function wordsOfCode(pieces: readonly Piece[]): string[] {
  return pieces.flatMap((piece) => (piece.kind === "code" ? piece.text.toLowerCase().match(/[a-z_]\w*/g) ?? [] : []));
}
