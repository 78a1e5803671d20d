import { ConnectorError } from "../../../common/errors";
import { likePart, likePattern, LITERAL_KINDS, type LiteralKind, soqlLiteral } from "./soql-literal";
import { refuse } from "./refusal";
import { soslTerm } from "./sosl-term";

/** The languages of queries. */
export type QueryLanguage = "soql" | "sosl";

/** Values by name. A list is allowed after IN, and stands for several values. */
export type QueryValues = Record<string, unknown>;

/** A name in a query, and what surrounds it. */
interface Slot {
  name: string;
  kind: LiteralKind;
  /** Whether there is a `%` directly before (`before`) or after (`after`) the name, as a part of a LIKE pattern. */
  before: boolean;
  after: boolean;
  /** Set for a name in `FIND {…}`: `phrase` inside a quoted phrase, else `word`; `bare` for `FIND :name` without braces. */
  find?: "word" | "phrase" | "bare";
}

/** A query that is split at its names: texts and slots alternate, and it begins and ends with a text. */
export interface PreparedQuery {
  texts: string[];
  slots: Slot[];
  /** Each name once. */
  names: string[];
}

const NAME = /:([A-Za-z_]\w*)(?::([A-Za-z]+)\b)?/y;

/**
 * Finds the names (`:name`) in a query. Within quotes, `:name` is text and stays as it is; the number of `LAST_N_DAYS:7` is not a name either.
 *
 * In SOSL, names are also found between the braces of `FIND {…}`, even within a "phrase". `FIND :name` needs no braces.
 */
export function prepareQuery(query: string, language: QueryLanguage): PreparedQuery {
  const prepared: PreparedQuery = { texts: [], slots: [], names: [] };
  const find = language === "sosl" ? findClause(query) : undefined;
  let start = 0;
  let quote: string | undefined;
  for (let at = 0; at < query.length; at += 1) {
    const character = query.charAt(at);
    const inFind = find !== undefined && at >= find.start && at < find.end;
    const mark = inFind ? '"' : "'";
    if (find && (at === find.start || at === find.end)) quote = undefined;
    if (character === "\\") at += 1;
    else if (character === mark) quote = quote === undefined ? mark : undefined;
    else if (character === ":" && (quote === undefined || inFind)) {
      NAME.lastIndex = at;
      const match = NAME.exec(query);
      const name = match?.[1];
      if (!match || name === undefined) continue;
      const kind = match[2] !== undefined && LITERAL_KINDS.has(match[2].toLowerCase()) && !inFind ? (match[2].toLowerCase() as LiteralKind) : "auto";
      const length = kind === "auto" ? name.length + 1 : match[0].length;
      const before = !inFind && query.charAt(at - 1) === "%";
      const after = !inFind && query.charAt(at + length) === "%";
      const bare = find?.bare === at;
      const slot: Slot = { name, kind, before, after, ...(inFind ? { find: quote ? "phrase" : "word" } : bare ? { find: "bare" } : {}) };
      prepared.texts.push(query.slice(start, before ? at - 1 : at));
      prepared.slots.push(slot);
      start = at + length + (after ? 1 : 0);
      at = start - 1;
    }
  }
  prepared.texts.push(query.slice(start));
  prepared.names = [...new Set(prepared.slots.map(({ name }) => name))];
  return prepared;
}

/** Returns the place of the text between the braces of FIND or, as `bare`, the place of a name without braces. `undefined` without FIND. */
function findClause(query: string): { start: number; end: number; bare: number } | undefined {
  const open = /^\s*FIND\s*([{:])/i.exec(query);
  if (!open) return undefined;
  if (open[1] === ":") return { start: -1, end: -1, bare: open[0].length - 1 };
  const start = open[0].length;
  let end = start;
  while (end < query.length && query.charAt(end) !== "}") end += query.charAt(end) === "\\" ? 2 : 1;
  return { start, end, bare: -1 };
}

/**
 * Writes values into a query, so that none of them can be read as anything but a value.
 *
 * @throws ConnectorError `INPUT_INVALID` when a name has no value, or a value that is not possible at its place
 */
export function bindQuery({ texts, slots }: PreparedQuery, values: QueryValues): string {
  let bound = texts[0] ?? "";
  // The place of a name (after IN, after LIKE) is found from the query's own texts only, so that no value can change it.
  let shadow = bare(bound);
  slots.forEach((slot, index) => {
    const next = texts[index + 1] ?? "";
    bound += write(slot, valueOf(values, slot.name), shadow, next) + next;
    shadow += ` ? ${bare(next)}`;
  });
  return bound;
}

/** Returns the text with all quoted texts emptied. */
function bare(text: string): string {
  return text.replace(/'(?:[^'\\]|\\.)*'/gs, "''");
}

function valueOf(values: QueryValues, name: string): unknown {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value !== undefined) return value;
  throw new ConnectorError("INPUT_INVALID", `The query names :${name}, and there is no value for it`, { details: { parameter: name } });
}

function write(slot: Slot, value: unknown, before: string, next: string): string {
  if (slot.find) return slot.find === "bare" ? `{${soslTerm(value, slot.name, "word")}}` : soslTerm(value, slot.name, slot.find);
  const isList = /\b(IN|INCLUDES|EXCLUDES)\s*(\([^()]*)?$/i.exec(before);
  if (isList) return writeItems(slot, value, isList[2] !== undefined && /^\s*[,)]/.test(next));
  if (Array.isArray(value)) throw refuse(slot.name, "is a list, which can only stand behind IN, NOT IN, INCLUDES or EXCLUDES");
  if (/\bLIKE\s*$/i.test(before) || slot.before || slot.after) return writePattern(slot, value);
  if (/\w*N_\w+$/i.test(before)) return writeCount(slot.name, value);
  const literal = soqlLiteral(value, slot.name, slot.kind);
  return /\w$/.test(before) ? ` ${literal}` : literal;
}

function writeItems(slot: Slot, value: unknown, inBrackets: boolean): string {
  const items = Array.isArray(value) ? value : [value];
  if (items.length === 0) throw refuse(slot.name, "is an empty list, and SOQL has no IN without values: do not ask when there is nothing to ask for");
  const literals = items.map((item: unknown) => soqlLiteral(item, slot.name, slot.kind)).join(", ");
  return inBrackets ? literals : `(${literals})`;
}

/** Writes a value after LIKE. In `LIKE :name` the value is a whole pattern; in `LIKE %:name%` it is plain text within a pattern. */
function writePattern(slot: Slot, value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number") throw refuse(slot.name, "is no text, which LIKE needs");
  const text = String(value);
  if (!slot.before && !slot.after) return likePattern(text);
  return `'${slot.before ? "%" : ""}${likePart(text)}${slot.after ? "%" : ""}'`;
}

/** Writes the number of `LAST_N_DAYS:name`. */
function writeCount(name: string, value: unknown): string {
  const count = typeof value === "string" && /^\d+$/.test(value.trim()) ? Number(value) : value;
  if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) return `:${count}`;
  throw refuse(name, "is no whole number, which a date literal needs");
}
