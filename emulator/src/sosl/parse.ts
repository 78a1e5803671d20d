import { malformedSearch } from "./find-clause";
import { MAX_RESULTS, type Returning, type Search, type SearchGroup } from "./search";

/** Reads `FIND {…} [IN … FIELDS] [RETURNING X[(…)], …] [LIMIT n]`. Other clauses, and what follows, are `MALFORMED_SEARCH`. */
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
  // Where the list of fields ends, a clause begins; a sub-select or an expression with brackets has no place in it.
  const clause = /(?:^|\s)(WHERE|ORDER\s+BY|LIMIT|OFFSET|USING)\b/i.exec(inside);
  const fields = (clause ? inside.slice(0, clause.index) : inside).trim();
  if (!/^[\w.\s,]+$/.test(fields) || fields === "") throw malformedSearch(`unexpected field list of ${object}: ${fields}`);
  return { object, fields, rest: clause ? inside.slice(clause.index).trim() : "" };
}

/** Reads a text from left to right. */
class Scanner {
  private at = 0;

  constructor(private readonly text: string) {}

  /** What the pattern (sticky) finds here, behind blanks. */
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

  /** The text up to a closing bracket that is not escaped, nor in quotes, nor closes another of its kind. */
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
