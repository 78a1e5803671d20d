import { malformedSearch } from "./find-clause";
import { MAX_RESULTS, type Returning, type Search, type SearchGroup } from "./search";

/** Parses `FIND {…} [IN … FIELDS] [RETURNING X[(…)], …] [LIMIT n]`. Anything else is refused with `MALFORMED_SEARCH`. */
export function parseSearch(text: string): Search {
  const scanner = new Scanner(text);
  scanner.expect(/FIND\s*\{/iy, "FIND {");
  const find = scanner.upTo("}");
  const group = (scanner.accept(/IN\s+(ALL|NAME|EMAIL|PHONE)\s+FIELDS\b/iy)?.[1]?.toUpperCase() ?? "ALL") as SearchGroup;
  const returning: Returning[] = [];
  if (scanner.accept(/RETURNING\b/iy)) {
    do returning.push(readReturning(scanner));
    while (scanner.accept(/,/y));
  }
  const limit = scanner.accept(/LIMIT\s+(\d+)\b/iy)?.[1];
  scanner.end();
  return { find, group, returning, limit: Math.min(Number(limit ?? MAX_RESULTS), MAX_RESULTS) };
}

function readReturning(scanner: Scanner): Returning {
  const object = scanner.expect(/[A-Za-z]\w*/y, "an object")[0];
  if (!scanner.accept(/\(/y)) return { object, fields: "Id", rest: "" };
  const inside = scanner.upTo(")").trim();
  // The list of fields ends where a clause begins. It must not contain sub-selects or parentheses.
  const clause = /(?:^|\s)(WHERE|ORDER\s+BY|LIMIT|OFFSET|USING)\b/i.exec(inside);
  const fields = (clause ? inside.slice(0, clause.index) : inside).trim();
  if (!/^[\w.\s,]+$/.test(fields) || fields === "") throw malformedSearch(`unexpected field list of ${object}: ${fields}`);
  return { object, fields, rest: clause ? inside.slice(clause.index).trim() : "" };
}

/** Reads a text from left to right. */
class Scanner {
  private at = 0;

  constructor(private readonly text: string) {}

  /** Skips white space and reads what the pattern matches. @param pattern sticky */
  accept(pattern: RegExp): RegExpExecArray | undefined {
    while (/\s/.test(this.text.charAt(this.at))) this.at += 1;
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (!match) return undefined;
    this.at = pattern.lastIndex;
    return match;
  }

  expect(pattern: RegExp, what: string): RegExpExecArray {
    const match = this.accept(pattern);
    if (!match) throw malformedSearch(`expecting ${what}, found '${this.text.slice(this.at, this.at + 20)}'`);
    return match;
  }

  /** Reads the text up to the closing bracket, and the bracket. Ignores brackets that are escaped, in quotes, or of a nested pair of parentheses. */
  upTo(close: "}" | ")"): string {
    const start = this.at;
    let depth = 0;
    let quote = false;
    for (; this.at < this.text.length; this.at++) {
      const character = this.text.charAt(this.at);
      if (character === "\\") this.at++;
      else if (close === ")" && character === "'") quote = !quote;
      else if (quote) continue;
      else if (close === ")" && character === "(") depth++;
      else if (character === close && depth-- === 0) return this.text.slice(start, this.at++);
    }
    throw malformedSearch(`expecting '${close}', found '<EOF>'`);
  }

  end(): void {
    const left = this.text.slice(this.at).trim();
    if (left !== "") throw malformedSearch(`unexpected token: '${left.slice(0, 40)}'`);
  }
}
