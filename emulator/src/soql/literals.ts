import { malformed } from "./soql-error";

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", '"': '"', "'": "'", "\\": "\\" };

/** Returns the text of a quoted SOQL string. */
export function unquote(literal: string, query: string): string {
  return scan(literal, query, (text) => text);
}

/** Returns a regular expression for a LIKE pattern. `%` is any text, `_` is any character, `\%` and `\_` are themselves. Case does not matter. */
export function likePattern(literal: string, query: string): RegExp {
  const parts = [""];
  scan(literal, query, (text, escaped) => {
    if (!escaped && text === "%") parts.push("");
    else parts.push((parts.pop() ?? "") + (!escaped && text === "_" ? "." : text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")));
    return "";
  });
  return partsInOrder(parts);
}

/**
 * Returns a regular expression for texts that contain these parts one after the other, the first at the start, the last at the end, and anything between them. Each part
 * is matched at the first place where it is found, because a look-ahead does not backtrack. With plain `.*`, a few parts could block the process for minutes.
 *
 * @param parts sources of regular expressions without groups
 */
export function partsInOrder(parts: readonly string[]): RegExp {
  const [first = "", ...rest] = parts;
  const last = rest.pop();
  const middle = rest.filter((part) => part !== "").map((part, index) => `(?=(.*?${part}))\\${index + 1}`);
  return new RegExp(last === undefined ? `^${first}$` : `^${first}${middle.join("")}.*${last}$`, "isu");
}

function scan(literal: string, query: string, emit: (text: string, escaped: boolean) => string): string {
  const body = literal.slice(1, -1);
  let result = "";
  for (let i = 0; i < body.length; i++) {
    const character = body.charAt(i);
    if (character !== "\\") {
      // Reads whole code points, so that `_` matches one and no surrogate pair is split.
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
