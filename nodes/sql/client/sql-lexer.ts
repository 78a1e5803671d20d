/** Finds the `:name` markers of a statement: outside strings, quoted names and comments, in the notation of each product. */
import { ConnectorError } from "../../common/errors";
import type { DialectName } from "./protocol";

/** A place where a value goes. */
export interface Marker {
  name: string;
  /** Where the marker is: alone in the brackets of `in (:name)` or `not in (:name)`, or anywhere else. */
  place: "in" | "not in" | "value";
}

/** A statement cut at its markers. */
export interface LexedSql {
  /** The texts before, between and after the markers. They have no comments, since quotes in these confuse drivers, and no `;` at the end (except for SQL Server). */
  pieces: string[];
  markers: Marker[];
  /** The first word, in lower case. */
  verb: string;
  /** Whether it changes rows and returns some: by `returning`, by `output`, or with a change inside its `with` (PostgreSQL). */
  returns: boolean;
  /** Words outside of all brackets, in lower case; only those of 2 to 12 letters, as keywords have. */
  words: ReadonlySet<string>;
}

const STRING = "'[^']*(?:''[^']*)*'";
const ESCAPED_STRING = "'(?:[^'\\\\]|\\\\[\\s\\S]|'')*'";
const NAME = '"[^"]*(?:""[^"]*)*"';
const BACKTICKED = "`[^`]*(?:``[^`]*)*`";
const BRACKETED = "\\[[^\\]]*(?:\\]\\][^\\]]*)*\\]";
/** PostgreSQL: `$tag$ … $tag$` */
const DOLLAR_STRING = "\\$(?<tag>[A-Za-z_\\u0080-\\uffff][\\w\\u0080-\\uffff]*|)\\$[\\s\\S]*?\\$\\k<tag>\\$";
/** Oracle: `q'[ … ]'` */
const Q_STRING = "[nN]?[qQ]'(?:\\[[\\s\\S]*?\\]'|\\{[\\s\\S]*?\\}'|\\([\\s\\S]*?\\)'|<[\\s\\S]*?>'|(?<mark>[^\\s[{(<])[\\s\\S]*?\\k<mark>')";
const LINE_COMMENT = "--[^\\n\\r]*";

interface Lexis {
  /** Patterns of strings and quoted names. */
  quoted: string[];
  lineComment: string;
  /** Whether comments can be inside comments. */
  nested: boolean;
  /** Pattern of the product's own markers for parameters, which no driver fills. */
  foreign?: RegExp;
}

const standard: Lexis = { quoted: [STRING, NAME], lineComment: LINE_COMMENT, nested: false };

const LEXES: Record<DialectName, Lexis> = {
  postgresql: { quoted: [`[eE]${ESCAPED_STRING}`, STRING, NAME, DOLLAR_STRING], lineComment: LINE_COMMENT, nested: true, foreign: /^\$\d/ },
  mariadb: { quoted: [ESCAPED_STRING, '"(?:[^"\\\\]|\\\\[\\s\\S]|"")*"', BACKTICKED], lineComment: "(?:--(?=[\\s\\x00-\\x1f]|$)|#)[^\\n]*", nested: false },
  sqlite: { quoted: [STRING, NAME, BACKTICKED, BRACKETED], lineComment: "--[^\\n]*", nested: false, foreign: /^[$@]\w/ },
  sqlserver: { quoted: [STRING, NAME, BRACKETED], lineComment: LINE_COMMENT, nested: true },
  oracle: { ...standard, quoted: [Q_STRING, STRING, NAME] },
  db2: { ...standard, nested: true },
  generic: standard,
};

const WORD = "[A-Za-z_\\u0080-\\uffff][\\w$#\\u0080-\\uffff]*";
const KEY_WORD = /^[a-z]{2,12}$/;
const TOKENS = new Map<DialectName, RegExp>();

/** Returns a pattern for one token, whose named group tells the kind of token. Any other character is a token by itself. */
function tokensOf(dialect: DialectName): RegExp {
  let tokens = TOKENS.get(dialect);
  if (!tokens) {
    const { quoted, lineComment } = LEXES[dialect];
    // an executable comment of MariaDB (`/*!`) and a hint (`/*+`) stay in the statement and are read as code
    const parts = [
      "(?<blank>\\s+)", `(?<line>${lineComment})`, "(?<block>\\/\\*(?!M?!|\\+))", `(?<quoted>${quoted.join("|")})`,
      "(?<cast>::|:=)", ":(?<marker>[A-Za-z_]\\w*)", `(?<word>${WORD})`, "(?<number>\\d[\\w.]*)",
    ];
    tokens = new RegExp(parts.join("|"), "y");
    TOKENS.set(dialect, tokens);
  }
  return tokens;
}

/** Verbs of statements that change something. With a clause such as `returning` they return rows as well. */
const CHANGES = new Set(["insert", "update", "delete", "merge", "replace", "create", "drop", "alter", "truncate"]);

/** Whether a statement certainly returns no rows. */
export function returnsNothing({ verb, returns }: Pick<LexedSql, "verb" | "returns">): boolean {
  return CHANGES.has(verb) && !returns;
}

/**
 * Reads a statement.
 *
 * @throws ConnectorError `NOT_CONFIGURED` when it is empty, has a `?`, a second statement, or a quote or comment that is never closed, or when the driver cannot run it
 */
export function lex(sql: string, dialect: DialectName): LexedSql {
  return new Lexer(sql, dialect).run();
}

/** Cuts a statement for PostgreSQL at its `?`, in the form in which the driver gets it. */
export function cutAtMarks(sql: string): string[] {
  const tokens = tokensOf("postgresql");
  const pieces: string[] = [];
  let piece = "";
  for (let at = 0; at < sql.length; ) {
    tokens.lastIndex = at;
    const text = tokens.exec(sql)?.[0] ?? (sql[at] as string);
    at += text.length;
    if (text !== "?") {
      piece += text;
      continue;
    }
    pieces.push(piece);
    piece = "";
  }
  return [...pieces, piece];
}

class Lexer {
  private readonly pieces: string[] = [];
  private readonly markers: Marker[] = [];
  private piece = "";
  private verb = "";
  /** The last three significant tokens, in lower case, the latest first. */
  private before: string[] = [];
  /** Set when the last marker is right after `in (` or `not in (`. If a `)` follows, the marker is alone in the brackets. */
  private open: Marker["place"] | undefined;
  private brackets = 0;
  private depth = 0;
  private readonly words = new Set<string>();
  /** For a statement that begins with `with`: the verb behind the `with` clauses. */
  private main = "";
  /** Whether a `with` clause changes something in its brackets (PostgreSQL). */
  private changesBefore = false;
  private ended = false;
  private trigger = false;

  constructor(
    private readonly sql: string,
    private readonly dialect: DialectName,
  ) {}

  run(): LexedSql {
    const { sql, dialect } = this;
    const tokens = tokensOf(dialect);
    if (sql.includes("\0")) throw wrong("contains a NUL character");
    let at = 0;
    while (at < sql.length) {
      tokens.lastIndex = at;
      const match = tokens.exec(sql);
      const { blank, line, block, marker } = match?.groups ?? {};
      const text = match?.[0] ?? (sql[at] as string);
      if (block !== undefined) at = this.endOfComment(at);
      else at += text.length;
      if (blank !== undefined || line !== undefined || block !== undefined) this.piece += blank ?? " ";
      else if (marker !== undefined && !this.isSlice(at - text.length)) this.mark(marker);
      else if (match) this.take(text);
      else this.takeCharacter(text, at - 1);
    }
    this.pieces.push(this.piece.trimEnd());
    if (this.verb === "") throw wrong("is empty");
    this.checkCopy();
    return { pieces: this.pieces, markers: this.markers, verb: this.verb, returns: this.returns(), words: this.words };
  }

  private mark(name: string): void {
    this.checkEnded();
    const [last, word, not] = this.before;
    this.open = last === "(" && word === "in" ? (not === "not" ? "not in" : "in") : undefined;
    this.markers.push({ name, place: "value" });
    this.pieces.push(this.piece);
    this.piece = "";
    this.remember(":");
  }

  private take(text: string): void {
    this.checkEnded();
    const word = text.toLowerCase();
    if (this.verb === "") this.verb = word;
    if (word === "trigger") this.trigger = true;
    if (text === ")" && this.open) (this.markers.at(-1) as Marker).place = this.open;
    this.open = undefined;
    if (text === "(") this.depth += 1;
    else if (text === ")") this.depth -= 1;
    else if (this.depth === 0 && KEY_WORD.test(word)) this.words.add(word);
    if (this.verb === "with") this.takeOfWith(word);
    this.remember(word);
    this.piece += text;
  }

  private takeOfWith(word: string): void {
    if (this.depth === 0 && this.main === "" && (word === "select" || word === "values" || word === "table" || CHANGES.has(word))) this.main = word;
    else if (this.depth === 1 && this.before[0] === "(" && CHANGES.has(word)) this.changesBefore = true;
  }

  private takeCharacter(text: string, at: number): void {
    if (text === "?") throw wrong("contains a ?: values are given by :name, and PostgreSQL's operator ? has the function jsonb_exists()");
    if (text === "'" || text === '"' || text === "`") throw wrong(`has a ${text} at character ${at + 1} that is never closed`);
    const foreign = LEXES[this.dialect].foreign?.exec(this.sql.slice(at, at + 2));
    if (foreign) throw wrong(`contains ${foreign[0]}… at character ${at + 1}: values are given by :name`);
    if (text === ";" && !this.isBlock()) {
      this.ended = true;
      if (this.dialect === "sqlserver") this.piece += text; // merge must end with it
      return;
    }
    if (text === "[") this.brackets += 1;
    if (text === "]") this.brackets -= 1;
    this.take(text);
  }

  private remember(token: string): void {
    this.before = [token, ...this.before.slice(0, 2)];
  }

  private returns(): boolean {
    if (this.verb === "with" && !CHANGES.has(this.main)) return this.changesBefore && this.dialect === "postgresql";
    if (!/^(insert|update|delete|merge|replace|with)$/.test(this.verb)) return false;
    return this.words.has("returning") || (this.dialect === "sqlserver" && this.words.has("output"));
  }

  /** Whether a colon separates the bounds of a slice, as in `a[1:n]`: it is in square brackets, right behind an operand. */
  private isSlice(at: number): boolean {
    return this.brackets > 0 && /[\w)\]"$]/.test(this.sql[at - 1] ?? "");
  }

  /** Whether a `;` only separates the statements of a block, and does not end the whole. */
  private isBlock(): boolean {
    if (this.dialect === "oracle" || this.dialect === "db2") return this.verb === "begin" || this.verb === "declare";
    return this.dialect === "sqlite" && this.verb === "create" && this.trigger;
  }

  /** Refuses a second statement: MariaDB's driver would hang for ever, the others would drop its result. */
  private checkEnded(): void {
    if (this.ended) throw wrong("is more than one: sql write has an entry for each, sql read takes one");
  }

  /** Refuses a `copy` from or to the client: PostgreSQL's driver neither sends nor takes the data, but waits for ever, and cannot be cancelled. */
  private checkCopy(): void {
    if (this.dialect !== "postgresql" || this.verb !== "copy" || !(this.words.has("stdin") || this.words.has("stdout"))) return;
    throw wrong("copies from or to its client, which the driver cannot: sql write inserts rows in batches, sql read runs queries");
  }

  private endOfComment(at: number): number {
    const marks = /\/\*|\*\//g;
    marks.lastIndex = at + 2;
    for (let depth = 1; ; ) {
      const mark = marks.exec(this.sql);
      if (!mark) throw wrong(`has a comment at character ${at + 1} that is never closed`);
      if (mark[0] === "*/") depth -= 1;
      else if (LEXES[this.dialect].nested) depth += 1;
      if (depth === 0) return marks.lastIndex;
    }
  }
}

function wrong(what: string): ConnectorError {
  return new ConnectorError("NOT_CONFIGURED", `The SQL statement ${what}`, { details: { statement: true } });
}
