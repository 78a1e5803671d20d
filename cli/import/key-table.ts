/** One key. Case, `-`, `_` and blanks do not count in its names. */
export interface Key {
  /** Other names of its last part. */
  aliases: readonly string[];
  /** What it says. */
  means: string;
  /** Where it lands in the flow; for a key that is not carried over, the reason. */
  lands: string;
  /** The value is never looked at, but for whether it names an environment variable. */
  secret?: true;
  /** Its value may be an object, which is read as a whole. */
  object?: true;
  /** Nothing in the flow corresponds to it. */
  dropped?: true;
}

/** A part of a section that groups keys. */
export interface Group {
  /** The section it stands in. */
  section: string;
  /** What it is called, as it is documented first. */
  names: readonly string[];
  /** `open`: its keys may as well stand in the section itself. `either`: there they belong to all groups that are so marked. */
  place: "open" | "either";
}

/** The keys of one kind of file, by their full names: `section.group.key`, or `key` outside of all sections. */
export interface KeyTable {
  /** What the kind is, for the documentation. */
  title: string;
  keys: Readonly<Record<string, Key>>;
  /** The sections, with their other names. */
  sections: Readonly<Record<string, readonly string[]>>;
  /** What the documentation says of a section; default: its name and the other ones. */
  headings?: Readonly<Record<string, { title: string; text: string }>>;
  /** By what stands before the last part of their keys. */
  groups: Readonly<Record<string, Group>>;
  /** Key that the value of a section or group is when it is no object, such as `"format": "json"`. */
  plain: Readonly<Record<string, string>>;
}

/** Some keys of a table: those whose names begin so. */
export function keysUnder<K extends Readonly<Record<string, Key>>, P extends string>(keys: K, prefix: P): Pick<K, Extract<keyof K, `${P}.${string}`>> {
  return Object.fromEntries(Object.entries(keys).filter(([name]) => name.startsWith(`${prefix}.`))) as Pick<K, Extract<keyof K, `${P}.${string}`>>;
}

/** Names as Markdown lists them. */
export const quoted = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");
