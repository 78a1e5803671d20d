import { malformed } from "./soql-error";

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", '"': '"', "'": "'", "\\": "\\" };

/** The text of a quoted SOQL string. */
export function unquote(literal: string, query: string): string {
  return scan(literal, query, (text) => text);
}

/** A LIKE pattern as a regular expression: `%` any text, `_` any character, `\%` and `\_` themselves; case does not count. */
export function likePattern(literal: string, query: string): RegExp {
  const source = scan(literal, query, (text, escaped) => {
    if (!escaped && text === "%") return ".*";
    if (!escaped && text === "_") return ".";
    return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  });
  return new RegExp(`^${source}$`, "isu");
}

function scan(literal: string, query: string, emit: (text: string, escaped: boolean) => string): string {
  const body = literal.slice(1, -1);
  let result = "";
  for (let i = 0; i < body.length; i++) {
    const character = body.charAt(i);
    if (character !== "\\") {
      // Whole code points, so that `_` matches one and a surrogate pair is not torn.
      const point = String.fromCodePoint(body.codePointAt(i)!);
      i += point.length - 1;
      result += emit(point, false);
      continue;
    }
    const next = body.charAt(++i);
    const unicode = next.toLowerCase() === "u" ? /^[0-9a-f]{4}/i.exec(body.slice(i + 1))?.[0] : undefined;
    if (unicode !== undefined) i += 4;
    const plain =
      unicode !== undefined
        ? String.fromCharCode(parseInt(unicode, 16))
        : (ESCAPES[next] ?? (next === "_" || next === "%" ? next : undefined));
    if (plain === undefined)
      throw malformed(query, literal, `Invalid string literal ${literal}. Illegal character sequence '\\${next}' in string literal.`);
    result += emit(plain, true);
  }
  return result;
}
