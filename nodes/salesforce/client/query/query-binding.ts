import { ConnectorError } from "../../../common/errors";
import { likePart, likePattern, LITERAL_KINDS, type LiteralKind, soqlLiteral } from "./soql-literal";
import { refuse } from "./refusal";
import { soslTerm } from "./sosl-term";

/** The two languages a query can be in. */
export type QueryLanguage = "soql" | "sosl";

/** Values by name. A list stands for as many values, behind IN. */
export type QueryValues = Record<string, unknown>;

/** A bound name, where it stands. */
interface Slot {
  name: string;
  kind: LiteralKind;
  /** `%` right before and behind it, which belong to a LIKE pattern. */
  before: boolean;
  after: boolean;
  /** `FIND {…}`: inside of the braces, and there inside of a phrase; `bare` without braces around it. */
  find?: "word" | "phrase" | "bare";
}

/** A query cut at its names: texts and slots in turn, a text first and last. */
export interface PreparedQuery {
  texts: string[];
  slots: Slot[];
  /** Each name once. */
  names: string[];
}

const NAME = /:([A-Za-z_]\w*)(?::([A-Za-z]+)\b)?/y;

/**
 * Finds the `:name`s of a query. One in quotes is no name and stays as it is, and neither is the number of `LAST_N_DAYS:7`.
 *
 * In SOSL, a name between the braces of `FIND {…}` is one, in a "phrase" too; `FIND :name` does without braces.
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

/** What lies between the braces of FIND; or where the name stands that takes their place. */
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
 * Writes values into a query, so that none of them can be taken for anything but a value.
 *
 * @throws ConnectorError `INPUT_INVALID` when a name has no value, or one that cannot stand there
 */
export function bindQuery({ texts, slots }: PreparedQuery, values: QueryValues): string {
  let bound = texts[0] ?? "";
  // Where a name stands is told by the query alone: by the texts, with nothing of a value in them.
  let shadow = bare(bound);
  slots.forEach((slot, index) => {
    const next = texts[index + 1] ?? "";
    bound += write(slot, valueOf(values, slot.name), shadow, next) + next;
    shadow += ` ? ${bare(next)}`;
  });
  return bound;
}

/** The text without what stands in quotes. */
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

/** `LIKE :name` is a whole pattern; in `LIKE %:name%` the value is a text within one. */
function writePattern(slot: Slot, value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number") throw refuse(slot.name, "is no text, which LIKE needs");
  const text = String(value);
  if (!slot.before && !slot.after) return likePattern(text);
  return `'${slot.before ? "%" : ""}${likePart(text)}${slot.after ? "%" : ""}'`;
}

/** The number of `LAST_N_DAYS:name`. */
function writeCount(name: string, value: unknown): string {
  const count = typeof value === "string" && /^\d+$/.test(value.trim()) ? Number(value) : value;
  if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) return `:${count}`;
  throw refuse(name, "is no whole number, which a date literal needs");
}
