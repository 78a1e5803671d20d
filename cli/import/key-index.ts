import type { Group, Key, KeyTable } from "./key-table";

/** The keys that a path of the file may mean. */
export interface Found {
  /** Full names of the keys. More than one when groups that stand side by side, such as source and destination, both have such a key. */
  names: string[];
  /** How many ms the unit has that the key's name ends with, as in `timeoutSeconds`. `undefined` when the name has no unit. */
  unit?: number;
}

/** Returns a name in lower case with only its letters, digits, `$` and `/`, so that different spellings (case, `-`, `_`, blanks) become equal. */
export const normalise = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}$/]/gu, "");

/** Words that add nothing at the end of a path: `tls.enabled` means `tls`. */
const FILLERS = new Set(["enabled", "value", "text", "sql", "name"]);

const UNITS: readonly (readonly [RegExp, number])[] = [
  [/(milliseconds|millis|msec|ms)$/, 1],
  [/(seconds|secs|sec)$/, 1000],
  [/(minutes|mins|min)$/, 60_000],
];

/** Finds the keys of a table, whatever their spelling. */
export class KeyIndex {
  /** Scope (`""`, a section or a group) → normalised name → full name of the key. */
  private readonly scopes = new Map<string, Map<string, string>>();
  private readonly sections: ReadonlyMap<string, string>;

  constructor(readonly table: KeyTable) {
    for (const name of Object.keys(table.keys)) this.add(name);
    this.sections = new Map(Object.entries(table.sections).flatMap(([name, others]) => [name, ...others].map((each) => [normalise(each), name] as const)));
  }

  /** Returns the key with a full name, which must be in the table. */
  key(name: string): Key {
    return this.table.keys[name]!;
  }

  /** Returns the section that a top-level name of the file stands for; `undefined` when it is no section's name. */
  sectionOf(name: string): string | undefined {
    return this.sections.get(normalise(name));
  }

  /** Returns the key that a path means; `undefined` when there is none, or when keys of several sections fit. */
  find(path: readonly string[]): Found | undefined {
    const parts = path.flatMap((part) => part.split(".")).map(normalise);
    if (parts.includes("")) return undefined;
    const [first = "", ...rest] = parts;
    const section = this.sections.get(first);
    if (section) return rest.length === 0 ? this.plain(section) : this.inSection(section, rest);
    const own = this.look([""], parts);
    if (own) return own;
    const side = this.groupsAt("either").find(([, { names }]) => names.some((name) => normalise(name) === first));
    if (side) return this.inSection(side[1].section, parts);
    const anywhere = Object.keys(this.table.sections).map((each) => this.inSection(each, parts)).filter((found) => found !== undefined);
    return anywhere.length === 1 ? anywhere[0] : undefined;
  }

  /** Returns the full name of the key, in the same section, that is spelled most like the path's last part; `undefined` when none is similar enough. */
  resembling(path: readonly string[]): string | undefined {
    const section = this.sectionOf(path[0] ?? "") ?? "";
    const last = normalise(path.at(-1) ?? "");
    let best: { name: string; distance: number } | undefined;
    for (const [scope, names] of this.scopes) {
      if ((this.table.groups[scope]?.section ?? scope) !== section) continue;
      for (const [name, key] of names) {
        const distance = editDistance(last, name);
        if (distance <= (last.length < 4 ? 1 : 2) && distance < (best?.distance ?? Infinity)) best = { name: key, distance };
      }
    }
    return best?.name;
  }

  private add(name: string): void {
    const end = name.lastIndexOf(".");
    const scope = end < 0 ? "" : name.slice(0, end);
    const names = this.scopes.get(scope) ?? new Map<string, string>();
    this.scopes.set(scope, names);
    for (const each of [name.slice(end + 1), ...this.key(name).aliases]) {
      const taken = names.get(normalise(each));
      if (taken !== undefined && taken !== name) throw new Error(`"${each}" names both ${taken} and ${name}`);
      names.set(normalise(each), name);
    }
  }

  private plain(scope: string): Found | undefined {
    const name = this.table.plain[scope];
    return name === undefined ? undefined : { names: [name] };
  }

  private groupsAt(place: Group["place"], section?: string): [scope: string, group: Group][] {
    return Object.entries(this.table.groups).filter(([, group]) => group.place === place && (section === undefined || group.section === section));
  }

  private inSection(section: string, parts: readonly string[]): Found | undefined {
    const open = [section, ...this.groupsAt("open", section).map(([scope]) => scope)];
    const [group] = Object.entries(this.table.groups).find(([, each]) => each.section === section && each.names.some((name) => normalise(name) === parts[0])) ?? [];
    const inGroup = group && parts.length > 1 ? this.look([group, ...open], parts.slice(1)) : undefined;
    const found = inGroup ?? this.look(open, parts);
    if (found) return found;
    if (group) return parts.length === 1 ? this.plain(group) : undefined;
    const prefixed = this.prefixed(section, parts);
    if (prefixed) return prefixed;
    const either = this.groupsAt("either", section).map(([scope]) => this.look([scope], parts)).filter((each) => each !== undefined);
    return either.length === 0 ? undefined : { ...either[0], names: either.flatMap(({ names }) => names) };
  }

  /** Finds a key whose group is written as a part of its name: `amqpHost` means `amqp.host`. */
  private prefixed(section: string, [first = "", ...rest]: readonly string[]): Found | undefined {
    for (const [scope, group] of Object.entries(this.table.groups)) {
      if (group.section !== section) continue;
      for (const name of group.names.map(normalise)) {
        const found = first.startsWith(name) && first.length > name.length ? this.look([scope], [first.slice(name.length), ...rest]) : undefined;
        if (found) return found;
      }
    }
    return undefined;
  }

  /** Looks a name up in scopes, the nearest first. Several parts are joined: `pool.size` means `poolSize`. If nothing fits, a unit at the end is left out. */
  private look(scopes: readonly string[], parts: readonly string[]): Found | undefined {
    const joined = parts.join("");
    const short = FILLERS.has(parts.at(-1) ?? "") ? parts.slice(0, -1).join("") : "";
    for (const name of [joined, short].filter(Boolean)) {
      for (const scope of scopes) {
        const key = this.scopes.get(scope)?.get(name);
        if (key) return { names: [key] };
      }
    }
    for (const [suffix, unit] of UNITS) {
      if (!suffix.test(joined)) continue;
      const found = this.look(scopes, [joined.replace(suffix, "")]);
      if (found) return { ...found, unit };
    }
    return undefined;
  }
}

/** Returns how many letters must be changed, added or left out to get from `a` to `b`; `Infinity` when their lengths differ by more than 2. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let line = 1; line <= a.length; line += 1) {
    const next = [line];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[line - 1] === b[column - 1] ? 0 : 1;
      next.push(Math.min(row[column]! + 1, next[column - 1]! + 1, row[column - 1]! + same));
    }
    row = next;
  }
  return row[b.length]!;
}
