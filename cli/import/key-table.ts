/** A key of a file. Case, `-`, `_` and blanks do not matter in its names. */
export interface Key {
  /** Other names for the last part of its name. */
  aliases: readonly string[];
  /** What the key sets, for the documentation. */
  means: string;
  /** Where the value goes in the flow. For a key that is not carried over: the reason. */
  lands: string;
  /** The value is read only to see whether it names an environment variable. */
  secret?: true;
  /** The value may be an object, which is read as a whole. */
  object?: true;
  /** Nothing in the flow corresponds to it. */
  dropped?: true;
}

/** A part of a section that groups keys. */
export interface Group {
  /** Name of the section that the group belongs to. */
  section: string;
  /** Names of the group; the first is the one that is documented. */
  names: readonly string[];
  /** `open`: its keys may also be in the section itself. `either`: so may they, but there they belong to all groups with this mark. */
  place: "open" | "either";
}

/** The keys of one kind of file, by their full names: `section.group.key`, or `key` outside of all sections. */
export interface KeyTable {
  /** What the kind is, for the documentation. */
  title: string;
  keys: Readonly<Record<string, Key>>;
  /** The sections, with their other names. */
  sections: Readonly<Record<string, readonly string[]>>;
  /** Title and text of a section in the documentation. Default: its name, and its other names. */
  headings?: Readonly<Record<string, { title: string; text: string }>>;
  /** The groups by the beginning of their keys' full names. */
  groups: Readonly<Record<string, Group>>;
  /** The key that gets the value of a section or group when that is no object, as in `"format": "json"`. */
  plain: Readonly<Record<string, string>>;
}

/** Returns the keys of a table whose full names begin with this prefix and a dot. */
export function keysUnder<K extends Readonly<Record<string, Key>>, P extends string>(keys: K, prefix: P): Pick<K, Extract<keyof K, `${P}.${string}`>> {
  return Object.fromEntries(Object.entries(keys).filter(([name]) => name.startsWith(`${prefix}.`))) as Pick<K, Extract<keyof K, `${P}.${string}`>>;
}

/** Returns names as Markdown lists them. */
export const quoted = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");
