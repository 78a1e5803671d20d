import { concatenation, type Dialect } from "./dialect";
import { bracesOf, cut, fieldOf, type Piece, wordsOfCode } from "./sql-text";

/** A parameter of a statement, and the field that gives its value. */
export interface Parameter {
  name: string;
  /** Path of the field within the record, such as `["order", "id"]`. */
  field: string[];
}

/** A statement with a parameter `:name` for every value. */
export interface Statement {
  sql: string;
  /** In the order of their first use in the text. */
  parameters: Parameter[];
  /** What the user has to check, and what could not be carried over. */
  remarks: string[];
}

/** What is known about a text besides its words. */
export interface TemplateContext {
  dialect?: Dialect | undefined;
  /** Fields for the placeholders `?`, in order. */
  positions?: readonly string[];
  /** Fields for named placeholders, by the placeholder's name. */
  fields?: Readonly<Record<string, string>>;
  /** Whether a dot is a part of a field's name, not a step into the record, since delimited text is not nested. */
  flat?: boolean;
}

/** Words that are followed by a name, so that no parameter can come after them. */
const BEFORE_NAME = new Set(["from", "into", "update", "join", "table", "by", "truncate", "schema", "as", "set", "insert"]);
/** Words that may come before a `from` that is followed by a value. */
const VALUE_FROM = new Set(["distinct", "extract", "substring", "trim", "overlay", "both", "leading", "trailing"]);
/** Words that may be followed by a whole condition. */
const BEFORE_CONDITION = new Set(["where", "and", "or", "on", "having"]);
const NO_TRANSACTION = /^\s*(begin|start|commit|end)(\s+(transaction|work|tran))?\s*$/i;

/**
 * Turns a text with placeholders into statements with parameters. A text with several statements, separated by `;`, becomes several.
 *
 * Old bridges put values into the text; here values are sent apart from it. So a placeholder within quotes replaces the whole literal, and the database joins
 * its value to the rest of the literal. A placeholder in the place of a name, a keyword or a condition stays as it is, with a remark.
 */
export function statementsOf(text: string, context: TemplateContext = {}): Statement[] {
  return split(cut(text, context.dialect))
    .filter((pieces) => wordsOfCode(pieces).length > 0 && !NO_TRANSACTION.test(textOf(pieces)))
    .map((pieces) => new Conversion(pieces, context).run());
}

/** Whether a statement returns rows. If not, it writes. */
export function isQuery(text: string): boolean {
  const words = wordsOfCode(cut(text, undefined));
  const [first = ""] = words;
  if (first === "with") return !words.some((word) => ["insert", "update", "delete", "merge"].includes(word));
  return ["select", "values", "table", "show"].includes(first) && !(first === "select" && words.includes("into"));
}

const textOf = (pieces: readonly Piece[]): string => pieces.map((piece) => piece.text).join("");

/** Splits at each `;`, but not a text that may be a procedure. */
function split(pieces: readonly Piece[]): Piece[][] {
  const [first = "", second = ""] = wordsOfCode(pieces);
  const begins = first === "begin" && !["transaction", "work", "tran"].includes(second) && !/^\s*begin\s*;/i.test(textOf(pieces));
  if (begins || ["declare", "create", "do"].includes(first)) return [[...pieces]];
  const statements: Piece[][] = [[]];
  for (const piece of pieces) {
    if (piece.kind === "end") statements.push([]);
    else statements.at(-1)!.push(piece);
  }
  return statements;
}

class Conversion {
  private readonly parameters = new Map<string, Parameter>();
  private readonly remarks: string[] = [];
  private asked = 0;
  private sql = "";
  /** The words of the code so far. */
  private readonly words: string[] = [];
  private readonly columns: (position: number) => string | undefined;
  private readonly braces: RegExp;

  constructor(
    private readonly pieces: readonly Piece[],
    private readonly context: TemplateContext,
  ) {
    this.columns = columnsOf(pieces);
    this.braces = bracesOf(textOf(pieces));
  }

  run(): Statement {
    for (const [index, piece] of this.pieces.entries()) {
      this.sql += this.convert(piece, index);
      this.words.push(...wordsOfCode([piece]));
      if (piece.kind === "comment" && piece.open) this.remark(piece.text, "is not closed");
    }
    return { sql: this.sql.trim(), parameters: [...this.parameters.values()], remarks: [...new Set(this.remarks)] };
  }

  private convert(piece: Piece, index: number): string {
    switch (piece.kind) {
      case "placeholder": {
        const wrong = this.misplaced(index);
        return wrong ? this.leave(piece.text, `${wrong}, and only values come from a message`) : this.value(piece.field);
      }
      case "position":
        return this.value(this.positionField(piece.number));
      case "literal":
        return this.literal(piece);
      case "name":
        if (piece.text.search(this.braces) >= 0) this.remark(piece.text, "stands in the place of a name, and only values come from a message");
        return piece.text;
      default:
        return piece.text;
    }
  }

  /** Notes a field as a parameter and returns its `:name`. */
  private value(written: string): string {
    const [plain = "", rest] = withoutFormat(written);
    if (rest !== undefined) this.remark(written, "has a format or default, which was left out");
    const mapped = this.context.fields && Object.hasOwn(this.context.fields, plain) ? this.context.fields[plain] : undefined;
    const field = fieldPath(mapped ?? plain, this.context.flat === true);
    const name = this.nameOf(plain);
    this.parameters.set(name, { name, field });
    return `:${name}`;
  }

  /** Returns a name that is valid in SQL and that no other field of the statement has. */
  private nameOf(field: string): string {
    const base = fieldPath(field, false).join("_").normalize("NFD").replace(/\p{M}/gu, "").replace(/^(?:[^\p{L}\p{N}_]+|__+)/u, "").replace(/[^A-Za-z0-9_]+/g, "_").replace(/^(?=\d)|^$/, "p");
    const same = fieldPath(this.context.fields?.[field] ?? field, this.context.flat === true).join("\0");
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? base : `${base}_${number}`;
      const other = this.parameters.get(name);
      if (!other || other.field.join("\0") === same) return name;
    }
  }

  /** Returns the field for a `?`: from the file's list of fields, else the column that it is compared with or inserted into, else `p1`, `p2` and so on. */
  private positionField(number: number | undefined): string {
    const position = number ?? this.asked;
    if (number === undefined) this.asked += 1;
    const told = this.context.positions?.[position];
    if (told !== undefined) return told;
    const guessed = this.columns(position);
    const field = guessed ?? `p${position + 1}`;
    this.remarks.push(
      guessed === undefined
        ? `placeholder ${position + 1} has no name: it takes the field ${field} of the message`
        : `placeholder ${position + 1} was taken for the field ${field}`,
    );
    return field;
  }

  /** Replaces a literal with placeholders: by the value alone, or by the value joined with the rest of the literal. Leaves other literals as they are. */
  private literal({ text, prefix, quote, inner }: Piece & { kind: "literal" }): string {
    const matches = [...inner.matchAll(this.braces)];
    if (matches.length === 0) return text;
    const word = prefix.trim().toUpperCase();
    if (["INTERVAL", "X", "B", "U&"].includes(word)) return this.leave(text, `stands in a literal of type ${word}, which takes no parameter`);
    const typed = ["DATE", "TIME", "TIMESTAMP"].includes(word);
    const parts: string[] = [];
    let end = 0;
    const keep = (piece: string): void => void (piece && parts.push(`${typed ? "" : prefix}${quote}${piece}${quote}`));
    for (const match of matches) {
      keep(inner.slice(end, match.index));
      const field = fieldOf(match);
      parts.push(this.value(/^\d+$/.test(field) ? this.positionField(Number(field)) : field));
      end = match.index + match[0].length;
    }
    keep(inner.slice(end));
    const { dialect } = this.context;
    if (parts.length > 1 && dialect === undefined) this.remark(text, "is joined with {fn concat()}, since the database's product is not known");
    const joined = concatenation(parts, dialect);
    return typed ? `cast(${joined} as ${word.toLowerCase()})` : joined;
  }

  /** Returns why a placeholder cannot be a parameter at its place; `undefined` when it can. A `:name` always can: it was a parameter already in the old file. */
  private misplaced(index: number): string | undefined {
    const { text } = this.pieces[index]!;
    if (text.startsWith(":")) return undefined;
    const before = this.pieces[index - 1];
    const after = this.pieces[index + 1];
    const touches = (piece: Piece | undefined, pattern: RegExp): boolean =>
      piece !== undefined && (piece.kind === "name" || piece.kind === "placeholder" || (piece.kind === "code" && pattern.test(piece.text)));
    if (touches(before, /[\p{L}\p{N}_.$#@]$/u) || touches(after, /^[\p{L}\p{N}_.$#@(]/u)) return "is a part of a name";
    if (before?.kind !== "code" || !/\w\s*$/.test(before.text)) return undefined;
    const { words } = this;
    const last = words.at(-1) ?? "";
    if (last === "from" && words.slice(-4).some((word) => VALUE_FROM.has(word))) return undefined;
    if (BEFORE_NAME.has(last)) return "stands in the place of a name";
    const between = last === "and" && words.lastIndexOf("between") > words.slice(0, -1).lastIndexOf("and");
    const alone = after === undefined || after.kind === "end" || (after.kind === "code" && /^\s*($|\)|(and|or|order|group|limit)\b)/i.test(after.text));
    return BEFORE_CONDITION.has(last) && !between && alone ? "stands in the place of a condition" : undefined;
  }

  private leave(text: string, why: string): string {
    this.remark(text, why);
    return text;
  }

  private remark(text: string, why: string): void {
    this.remarks.push(`${text.length > 60 ? `${text.slice(0, 57)}...` : text} ${why}`);
  }
}

/** Splits a placeholder into its name and what some languages put behind it: `name:format`, `name!default`, `name|filter`, `name?date`. */
function withoutFormat(written: string): [plain: string, rest?: string] {
  const match = /^([^:!|?,]+)[:!|?,](.*)$/s.exec(written.trim());
  return match ? [match[1]!.trim(), match[2]!] : [written.trim()];
}

/** Returns the path of a field: `$.order.id`, `/order/id` and `order.id` give the same. @param flat the name is one step, whatever is in it */
export function fieldPath(field: string, flat: boolean): string[] {
  const bare = field.trim().replace(/^\$\.?|^\//, "");
  if (flat) return [bare];
  const parts = bare.split(/[./]|\[['"]?|['"]?\]/).filter(Boolean);
  return parts.length > 0 ? parts : [bare];
}

/** Returns a function that finds the column for the n-th `?`: in the column list of an INSERT with nothing but `?` as values, or before it, as in `column = ?`. */
function columnsOf(pieces: readonly Piece[]): (position: number) => string | undefined {
  const mark = "\u0001";
  const all = pieces.map((piece) => (piece.kind === "position" ? mark : piece.kind === "comment" ? " " : piece.text)).join("");
  const insert = /^\s*(?:insert|replace)\s+(?:\w+\s+)?into\s+[^\s(]+\s*\(([^()]*)\)\s*values\s*\(([\u0001,\s]*)\)\s*$/i.exec(all);
  if (insert) {
    const columns = insert[1]!.split(",").map(unquoted);
    return (position) => (insert[2]!.split(",").length === columns.length ? columns[position] : undefined);
  }
  const places = all.split(mark).slice(0, -1);
  return (position) => {
    const before = /([\p{L}_"`[][\p{L}\p{N}_"`\].]*)\s*(?:=|<>|!=|<=?|>=?|like)\s*$/iu.exec((places[position] ?? "").slice(-200));
    return before ? unquoted(before[1]!.split(".").at(-1)!) : undefined;
  };
}

function unquoted(name: string): string {
  return name.trim().replace(/^(["`[])(.*)(["`\]])$/s, "$2");
}
