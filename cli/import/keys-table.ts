import { type Key, type KeyTable, quoted } from "./key-table";

/** Returns the keys of one kind of file as Markdown tables, which are a part of the documentation. */
export function keysTable({ keys, sections, headings, groups }: KeyTable): string {
  const names = Object.keys(keys);
  const parts = [table("Outside of the sections", keys, names.filter((name) => !name.includes(".")))];
  for (const [section, aliases] of Object.entries(sections)) {
    const own = Object.entries(groups).filter(([, group]) => group.section === section);
    const { title, text } = headings?.[section] ?? { title: `Section ${section}`, text: `The section may also be called ${quoted(aliases)}.` };
    const also = [text, ...own.map(([, { names: [name = "", ...others] }]) => `*${name}* within it: ${quoted(others)}.`)];
    parts.push(table(title, keys, names.filter((name) => name.startsWith(`${section}.`) || own.some(([scope]) => name.startsWith(`${scope}.`))), also.join(" ")));
  }
  return parts.join("\n\n");
}

function table(title: string, keys: Readonly<Record<string, Key>>, names: readonly string[], also?: string): string {
  const rows = names.map((name) => {
    const { aliases, means, lands, dropped } = keys[name]!;
    return `| \`${name}\` | ${quoted(aliases)} | ${means} | ${dropped ? `– ${lands}` : lands} |`;
  });
  return [`### ${title}`, "", ...(also ? [also, ""] : []), "| key | other names | meaning | lands in |", "|---|---|---|---|", ...rows].join("\n");
}
