import { GROUPS, keyOf, type KeyName, KEYS, PLAIN_SECTION, type SectionName, SECTIONS } from "./keys";

type GroupName = keyof typeof GROUPS;

/** What a path of the file means. */
export interface Found {
  /** Two names: it may be the source's or the destination's. */
  names: KeyName[];
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

/** Scope (`""`, a section or a group) → name without its spelling → key. */
const index = new Map<string, Map<string, KeyName>>();
for (const name of Object.keys(KEYS) as KeyName[]) {
  const end = name.lastIndexOf(".");
  const scope = end < 0 ? "" : name.slice(0, end);
  const names = index.get(scope) ?? new Map<string, KeyName>();
  index.set(scope, names);
  for (const each of [name.slice(end + 1), ...keyOf(name).aliases]) {
    const taken = names.get(normalise(each));
    if (taken !== undefined && taken !== name) throw new Error(`"${each}" names both ${taken} and ${name}`);
    names.set(normalise(each), name);
  }
}

const spelled = <T extends string>(table: Readonly<Record<T, readonly string[]>>, last: (name: T) => string): Map<string, T> =>
  new Map((Object.keys(table) as T[]).flatMap((name) => [last(name), ...table[name]].map((each) => [normalise(each), name] as const)));

const sections = spelled<SectionName>(SECTIONS, (name) => name);
const groupsOf = (section: SectionName): Map<string, GroupName> => {
  const own = Object.fromEntries(Object.entries(GROUPS).filter(([name]) => name.startsWith(`${section}.`))) as unknown as typeof GROUPS;
  return spelled<GroupName>(own, (name) => name.slice(name.indexOf(".") + 1));
};
const groups: Record<SectionName, Map<string, GroupName>> = { database: groupsOf("database"), broker: groupsOf("broker"), format: groupsOf("format") };

/** Groups whose keys may as well stand in the section itself. */
const OPEN_GROUPS: Record<SectionName, readonly GroupName[]> = { database: ["database.access"], broker: ["broker.connection"], format: [] };
const DIRECTIONS: readonly GroupName[] = ["broker.source", "broker.destination"];

/** The section that a top-level name stands for. */
export const sectionOf = (name: string): SectionName | undefined => sections.get(normalise(name));

/** The key that a path means; `undefined` when there is none. */
export function findKey(path: readonly string[]): Found | undefined {
  const parts = path.flatMap((part) => part.split(".")).map(normalise);
  if (parts.includes("")) return undefined;
  const [first = "", ...rest] = parts;
  const section = sections.get(first);
  if (section) return rest.length === 0 ? { names: [PLAIN_SECTION[section]] } : inSection(section, rest);
  const own = look([""], parts);
  if (own) return own;
  const direction = groups.broker.get(first);
  if (direction && DIRECTIONS.includes(direction)) return inSection("broker", parts);
  const anywhere = (Object.keys(SECTIONS) as SectionName[]).map((each) => inSection(each, parts)).filter((found) => found !== undefined);
  return anywhere.length === 1 ? anywhere[0] : undefined;
}

function inSection(section: SectionName, parts: readonly string[]): Found | undefined {
  const group = groups[section].get(parts[0] ?? "");
  const inGroup = group && parts.length > 1 ? look([group, section, ...OPEN_GROUPS[section]], parts.slice(1)) : undefined;
  const open = inGroup ?? look([section, ...OPEN_GROUPS[section]], parts);
  if (open) return open;
  if (group) return parts.length === 1 ? { names: [PLAIN_SECTION[group]] } : undefined;
  if (section !== "broker") return undefined;
  const either = DIRECTIONS.map((scope) => look([scope], parts)).filter((found) => found !== undefined);
  return either.length === 0 ? undefined : { ...either[0], names: either.flatMap(({ names }) => names) };
}

/** Looks a name up in scopes, the nearest first. Several parts are one name: `pool.size` is `poolSize`. */
function look(scopes: readonly string[], parts: readonly string[]): Found | undefined {
  const joined = parts.join("");
  const short = FILLERS.has(parts.at(-1) ?? "") ? parts.slice(0, -1).join("") : "";
  for (const name of [joined, short].filter(Boolean)) {
    for (const scope of scopes) {
      const key = index.get(scope)?.get(name);
      if (key) return { names: [key] };
    }
  }
  for (const [suffix, unit] of UNITS) {
    if (!suffix.test(joined)) continue;
    const found = look(scopes, [joined.replace(suffix, "")]);
    if (found) return { ...found, unit };
  }
  return undefined;
}

/** The known key that is spelled most like this one, as somebody would write it there. */
export function resembling(path: readonly string[]): string | undefined {
  const section = sectionOf(path[0] ?? "") ?? "";
  const last = normalise(path.at(-1) ?? "");
  let best: { name: string; distance: number } | undefined;
  for (const [scope, names] of index) {
    if (scope.split(".")[0] !== section) continue;
    for (const [name, key] of names) {
      const distance = editDistance(last, name);
      if (distance <= (last.length < 4 ? 1 : 2) && distance < (best?.distance ?? Infinity)) best = { name: key, distance };
    }
  }
  return best?.name;
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
