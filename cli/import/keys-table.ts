import { GROUPS, keyOf, type KeyName, KEYS, SECTIONS } from "./keys";

/** The keys that are understood, as Markdown tables: this is what stands in the documentation. */
export function keysTable(): string {
  const parts = [table("Outside of the sections", (Object.keys(KEYS) as KeyName[]).filter((name) => !name.includes(".")))];
  for (const [section, aliases] of Object.entries(SECTIONS)) {
    const names = (Object.keys(KEYS) as KeyName[]).filter((name) => name.startsWith(`${section}.`));
    const groups = Object.entries(GROUPS).filter(([group]) => group.startsWith(`${section}.`));
    const also = [`The section may also be called ${list(aliases)}.`, ...groups.map(([group, others]) => `*${group.slice(section.length + 1)}* within it: ${list(others)}.`)];
    parts.push(table(`Section ${section}`, names, also.join(" ")));
  }
  return parts.join("\n\n");
}

const list = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

function table(title: string, names: readonly KeyName[], also?: string): string {
  const rows = names.map((name) => {
    const { aliases, means, lands, dropped } = keyOf(name);
    return `| \`${name}\` | ${list(aliases)} | ${means} | ${dropped ? `– ${lands}` : lands} |`;
  });
  return [`### ${title}`, "", ...(also ? [also, ""] : []), "| key | other names | meaning | lands in |", "|---|---|---|---|", ...rows].join("\n");
}
