import type { Found, KeyIndex } from "./key-index";
import { isObject, type Json } from "./json-text";
import type { KeyName } from "./keys";
import { ImportError, type Note } from "./note";
import { durationOf, flagOf, numberOf, wordsOf } from "./values";

/** Levels of nesting that are looked at: no bridge had more than four. */
const MAX_DEPTH = 8;

/** A secret of the file, which nobody gets to see: only where it stands, and what it refers to if it was a reference. */
export interface Secret {
  path: string;
  /** Name of the environment variable that the file referred to already. */
  variable?: string;
}

interface Entry {
  path: string;
  names: string[];
  value: Json;
  unit?: number;
  used: boolean;
}

/** The keys of a file, by their meaning. What nobody asks for is reported in the end. @typeParam N the full names of the keys that may be asked for */
export class Settings<N extends string = KeyName> {
  private readonly entries = new Map<string, Entry>();

  /**
   * @param root the file, or a part of it under the name of its section
   * @param shown what a part's name is in the file, for what is said about it
   * @param notes where that is put
   * @param outer where a key is looked for that is not here
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

  /** Whether a key is there, with a value. */
  has(name: N): boolean {
    return this.entries.has(name) || (this.outer?.has(name) ?? false);
  }

  /** Whether a key stands here, not further out. */
  isOwn(name: N): boolean {
    return this.entries.has(name);
  }

  /** Whether anything of a section is there. */
  hasSection(section: string): boolean {
    return [...this.entries.keys()].some((name) => name.startsWith(`${section}.`));
  }

  /** Whether the key can only be meant so: not a bare `broker.queue`, which may be the source's or the destination's. */
  isExplicit(name: N): boolean {
    return this.entries.get(name)?.names.length === 1;
  }

  /** The key's path in the file, for what is said about it; its documented name when it is not there. */
  path(name: N): string {
    return this.entries.get(name)?.path ?? this.outer?.path(name) ?? name;
  }

  /** Says something of a key, once. */
  note(name: N, text: string, kind: Note["kind"] = "check"): void {
    const path = this.path(name);
    if (!this.notes.some((note) => note.path === path && note.text === text)) this.notes.push({ path, kind, text });
  }

  /** A text without blanks around it; `undefined` when it is not given, blank, or no text. */
  text(name: N): string | undefined {
    return this.verbatim(name)?.trim() || undefined;
  }

  /** A text as it stands. Numbers and flags count as texts. */
  verbatim(name: N): string | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (typeof value === "object" || (typeof value === "number" && !Number.isFinite(value))) return this.refuse(name, "a text is expected");
    const text = String(value);
    if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text)) return this.refuse(name, "it contains control characters");
    return text;
  }

  /** A whole number; one out of its range is reported, and not taken. */
  number(name: N, least: number, most: number): number | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    const number = numberOf(value);
    if (number !== undefined && Number.isInteger(number) && number >= least && number <= most) return number;
    return this.refuse(name, `a whole number from ${least} to ${most} is expected`);
  }

  /** Yes or no, in any of the ways to write it. */
  flag(name: N): boolean | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    return flagOf(value) ?? this.refuse(name, "true or false is expected");
  }

  /** ms; what is out of range is reported, and brought into it. @param announce say how a number without a unit was taken */
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

  /** Texts: a list, or one text with commas. Empty when there are none. */
  words(name: N): string[] {
    const value = this.take(name);
    if (value === undefined) return [];
    return wordsOf(value) ?? this.refuse(name, "a list of texts is expected") ?? [];
  }

  /** The value as it stands, for what has a shape of its own; without `__proto__`, which others might take for more than a name. */
  json(name: N): Json | undefined {
    const value = this.take(name);
    return value === undefined ? undefined : (JSON.parse(JSON.stringify(value), (key, each: Json) => (key === "__proto__" ? undefined : each)) as Json);
  }

  /** Where a secret stands; blank ones count as none. */
  secret(name: N): Secret | undefined {
    const value = this.take(name);
    if (value === undefined || value === "") return undefined;
    const variable = typeof value === "string" ? variableOf(value) : undefined;
    return { path: this.path(name), ...(variable === undefined ? {} : { variable }) };
  }

  /** Reports the keys that nobody asked for. @param purpose what the flow does, as people call it */
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
      // what says whose it is goes before what does not
      if (other && !(other.names.length > names.length)) {
        if (names.length === 1) this.notes.push({ path, kind: "dropped", text: `says the same as ${other.path}, which was taken` });
        continue;
      }
      this.entries.set(name, entry);
    }
  }
}

/**
 * The object with the sections: a file may have one object around everything.
 *
 * @param wrong what is said when there is none
 * @throws ImportError
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

/** `${NAME}`, `$NAME`, `%NAME%`, `env:NAME`: the file did not hold the secret itself. `$Name` is rather a password: they like to begin with a sign. */
function variableOf(text: string): string | undefined {
  const match = /^\s*(?:\$\{(?:env[:.])?(\w+)\}|\$([A-Z_][A-Z\d_]*)|%(\w+)%|env:(\w+)|\{\{\s*(?:env\.)?(\w+)\s*\}\})\s*$/.exec(text);
  return match?.slice(1).find(Boolean);
}

/** A path for people; names with strange characters in quotes, and none longer than a line. */
function showPath(path: readonly string[]): string {
  const shown = path.map((name) => (/^[\w$/@ -]+$/.test(name) ? name : JSON.stringify(name).replace(/[\u007f-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`)));
  const text = shown.join(".");
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}
