import type { Group, Key, KeyTable } from "./key-table";

/** What a path of the file means. */
export interface Found {
  /** Full names. Several: it may be any one's of groups that stand side by side, as the source's or the destination's. */
  names: string[];
  /** The unit that the key's name ends with, in ms. */
  unit?: number;
}

/** A name without what people write differently: case, `-`, `_`, blanks. */
export const normalise = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}$/]/gu, "");

/** Words that say nothing: `tls.enabled` is `tls`. */
const FILLERS = new Set(["enabled", "value", "text", "sql", "name"]);

const UNITS: readonly (readonly [RegExp, number])[] = [
  [/(milliseconds|millis|msec|ms)$/, 1],
  [/(seconds|secs|sec)$/, 1000],
  [/(minutes|mins|min)$/, 60_000],
];

/** Finds keys of a table, however they are spelled. */
export class KeyIndex {
  /** Scope (`""`, a section or a group) → name without its spelling → key. */
  private readonly scopes = new Map<string, Map<string, string>>();
  private readonly sections: ReadonlyMap<string, string>;

  constructor(readonly table: KeyTable) {
    for (const name of Object.keys(table.keys)) this.add(name);
    this.sections = new Map(Object.entries(table.sections).flatMap(([name, others]) => [name, ...others].map((each) => [normalise(each), name] as const)));
  }

  /** The key of a full name. */
  key(name: string): Key {
    return this.table.keys[name]!;
  }

  /** The section that a top-level name stands for. */
  sectionOf(name: string): string | undefined {
    return this.sections.get(normalise(name));
  }

  /** The key that a path means; `undefined` when there is none. */
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

  /** The known key that is spelled most like this one, as somebody would write it there. */
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

  /** A name that begins with a group's: `amqpHost` is `amqp.host`. */
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

  /** Looks a name up in scopes, the nearest first. Several parts are one name: `pool.size` is `poolSize`. */
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

/** Letters to change, add or leave out. */
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
