import type { Found, KeyIndex } from "./key-index";
import { isObject, type Json } from "./json-text";
import type { KeyName } from "./keys";
import { ImportError, type Note } from "./note";
import { durationOf, flagOf, numberOf, wordsOf } from "./values";

/** How many levels of nesting are read. No bridge's file had more than four. */
const MAX_DEPTH = 8;

/** A secret of the file. Its value is not kept, only where it is in the file, and the environment variable that it refers to. */
export interface Secret {
  path: string;
  /** Name of the environment variable that the file refers to. `undefined` when the file holds the secret itself. */
  variable?: string;
}

interface Entry {
  path: string;
  names: string[];
  value: Json;
  unit?: number;
  used: boolean;
}

/** The keys of a file, by their full names. {@link reportUnused} reports those that were never read. @typeParam N the full names of the keys that can be read */
export class Settings<N extends string = KeyName> {
  private readonly entries = new Map<string, Entry>();

  /**
   * @param root the file, or a part of it under the name of its section
   * @param shown name of the part in the file, for notes. Default: paths are shown as they are
   * @param notes the list to which notes are added
   * @param outer where a key is looked for that is missing here
   */
  constructor(
    root: Readonly<Record<string, Json>>,
    private readonly index: KeyIndex,
    private readonly shown?: string,
    readonly notes: Note[] = [],
    private readonly outer?: Settings<N>,
  ) {
    for (const [name, value] of Object.entries(root)) this.read(value, [name]);
  }

  /** Whether a key has a value, here or further out. */
  has(name: N): boolean {
    return this.entries.has(name) || (this.outer?.has(name) ?? false);
  }

  /** Whether a key has a value here, not only further out. */
  isOwn(name: N): boolean {
    return this.entries.has(name);
  }

  /** Whether any key of a section has a value here. */
  hasSection(section: string): boolean {
    return [...this.entries.keys()].some((name) => name.startsWith(`${section}.`));
  }

  /** Whether the key's path in the file can mean no other key. A bare `broker.queue` may be the source's or the destination's. */
  isExplicit(name: N): boolean {
    return this.entries.get(name)?.names.length === 1;
  }

  /** Returns the key's path in the file, for notes; its full name when the file does not have it. */
  path(name: N): string {
    return this.entries.get(name)?.path ?? this.outer?.path(name) ?? name;
  }

  /** Adds a note about a key, unless the same one is there already. */
  note(name: N, text: string, kind: Note["kind"] = "check"): void {
    const path = this.path(name);
    if (!this.notes.some((note) => note.path === path && note.text === text)) this.notes.push({ path, kind, text });
  }

  /** Returns a text without blanks around it; `undefined` when it is missing, blank, or not a text. */
  text(name: N): string | undefined {
    return this.verbatim(name)?.trim() || undefined;
  }

  /** Returns a text exactly as written. Numbers and flags count as texts. Anything else is noted and left out, as is a text with control characters. */
  verbatim(name: N): string | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (typeof value === "object" || (typeof value === "number" && !Number.isFinite(value))) return this.refuse(name, "a text is expected");
    const text = String(value);
    if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text)) return this.refuse(name, "it contains control characters");
    return text;
  }

  /** Returns a whole number. One that is out of range is noted and left out. */
  number(name: N, least: number, most: number): number | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    const number = numberOf(value);
    if (number !== undefined && Number.isInteger(number) && number >= least && number <= most) return number;
    return this.refuse(name, `a whole number from ${least} to ${most} is expected`);
  }

  /** Returns a flag, in any usual spelling. */
  flag(name: N): boolean | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    return flagOf(value) ?? this.refuse(name, "true or false is expected");
  }

  /** Returns a time in ms. One that is out of range is noted and replaced by the nearest limit. @param announce whether to note how a number without a unit was read */
  duration(name: N, least: number, most: number, announce = false): number | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    const unit = this.unit(name);
    const ms = durationOf(value, unit);
    if (ms === undefined) return this.refuse(name, "a time is expected, such as 500 ms, 30 s or 5 min");
    const kept = Math.min(Math.max(Math.round(ms), least), most);
    if (kept !== Math.round(ms)) this.note(name, `out of range: ${kept} ms was taken`);
    else if (announce && unit === undefined && numberOf(value) !== undefined) this.note(name, `has no unit: taken as ${kept} ms`);
    return kept;
  }

  /** Returns a list of texts, from a list or from one text with commas or semicolons. Empty when there are none. */
  words(name: N): string[] {
    const value = this.take(name);
    if (value === undefined) return [];
    return wordsOf(value) ?? this.refuse(name, "a list of texts is expected") ?? [];
  }

  /** Returns the value as it is, for keys that have a shape of their own. Without `__proto__`, with which other code might set a prototype. */
  json(name: N): Json | undefined {
    const value = this.take(name);
    return value === undefined ? undefined : (JSON.parse(JSON.stringify(value), (key, each: Json) => (key === "__proto__" ? undefined : each)) as Json);
  }

  /** Returns where a secret is in the file; `undefined` when it is missing or empty. */
  secret(name: N): Secret | undefined {
    const value = this.take(name);
    if (value === undefined || value === "") return undefined;
    const variable = typeof value === "string" ? variableOf(value) : undefined;
    return { path: this.path(name), ...(variable === undefined ? {} : { variable }) };
  }

  /** Reports the keys that were never read. @param purpose what the flow does, in words for the user */
  reportUnused(purpose: string): void {
    for (const entry of new Set(this.entries.values())) {
      if (entry.used) continue;
      const key = this.index.key(entry.names[0]!);
      this.notes.push({ path: entry.path, kind: "dropped", text: key.dropped ? key.lands : `not used by ${purpose}` });
    }
  }

  private unit(name: N): number | undefined {
    const entry = this.entries.get(name);
    return entry ? entry.unit : this.outer?.unit(name);
  }

  private take(name: N): Json | undefined {
    const entry = this.entries.get(name);
    if (!entry) return this.outer?.take(name);
    entry.used = true;
    return entry.value;
  }

  private refuse(name: N, why: string): undefined {
    this.note(name, `${why}; left out`, "dropped");
    return undefined;
  }

  private read(value: Json, path: readonly string[]): void {
    if (value === null) return;
    const shown = this.show(path);
    const found = this.index.find(path);
    if (isObject(value) && !(found && this.index.key(found.names[0]!).object)) {
      if (path.length >= MAX_DEPTH) return void this.notes.push({ path: shown, kind: "unknown", text: "nested too deeply" });
      for (const [name, each] of Object.entries(value)) this.read(each, [...path, name]);
      return;
    }
    if (found) this.keep(found, value, shown);
    else this.notes.push({ path: shown, kind: "unknown", text: this.hint(path) });
  }

  private show([first = "", ...rest]: readonly string[]): string {
    return this.shown === undefined ? showPath([first, ...rest]) : [this.shown, ...(rest.length > 0 ? [showPath(rest)] : [])].join(".");
  }

  private hint(path: readonly string[]): string {
    const like = this.index.resembling(path);
    return like ? `unknown; is ${like} meant?` : "unknown";
  }

  private keep({ names, unit }: Found, value: Json, path: string): void {
    const entry: Entry = { path, names, value, used: false, ...(unit === undefined ? {} : { unit }) };
    for (const name of names) {
      const other = this.entries.get(name);
      // a path that can mean only this key goes before one that may mean several
      if (other && !(other.names.length > names.length)) {
        if (names.length === 1) this.notes.push({ path, kind: "dropped", text: `says the same as ${other.path}, which was taken` });
        continue;
      }
      this.entries.set(name, entry);
    }
  }
}

/**
 * Returns the object that holds the sections: the file itself, or the only object in it.
 *
 * @param wrong text of the error when neither holds a section
 * @throws ImportError when neither holds a section, and for a list
 */
export function unwrapped(file: Json, index: KeyIndex, wrong: string): Record<string, Json> {
  if (typeof file !== "object" || file === null) throw new ImportError(wrong);
  if (Array.isArray(file)) throw new ImportError("a list: put each configuration into a file of its own");
  if (hasSections(file, index)) return file;
  const [only, ...others] = Object.values(file).filter(isObject);
  if (only && others.length === 0 && hasSections(only, index)) return only;
  throw new ImportError(wrong);
}

function hasSections(object: Readonly<Record<string, Json>>, index: KeyIndex): boolean {
  return Object.keys(object).some((name) => index.sectionOf(name.split(".")[0] ?? "") !== undefined);
}

/** Returns the environment variable in `${NAME}`, `$NAME`, `%NAME%`, `env:NAME` or `{{NAME}}`. `$Name` is taken for a password, since many begin with such a sign. */
function variableOf(text: string): string | undefined {
  const match = /^\s*(?:\$\{(?:env[:.])?(\w+)\}|\$([A-Z_][A-Z\d_]*)|%(\w+)%|env:(\w+)|\{\{\s*(?:env\.)?(\w+)\s*\}\})\s*$/.exec(text);
  return match?.slice(1).find(Boolean);
}

/** Returns a path for people: names with unusual characters in quotes, and no more than 100 characters. */
function showPath(path: readonly string[]): string {
  const shown = path.map((name) => (/^[\w$/@ -]+$/.test(name) ? name : JSON.stringify(name).replace(/[\u007f-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`)));
  const text = shown.join(".");
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}
