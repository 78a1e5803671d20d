import { REQUEST_PRESETS } from "../../../nodes/salesforce/client/requests/request-presets";
import type { Connector, Operation } from "./operation";

const cell = (text: string): string => text.replaceAll("|", "\\|");
const code = (text: string): string => `\`${cell(text)}\``;

/** Settings as people find them: `name` value, and for a preset the call it makes. */
function settingsOf({ settings }: Operation): string {
  const { preset, ...rest } = settings;
  const known = REQUEST_PRESETS.find(({ id }) => id === preset);
  const shown = Object.entries(rest).filter(([name]) => !name.endsWith("Type") || name === "jobType");
  const text = (name: string, value: unknown): string => (settings[`${name}Type`] === "msg" ? `msg.${String(value)}` : typeof value === "string" ? value : JSON.stringify(value));
  const own = shown.map(([name, value]) => `${name} ${code(text(name, value))}`);
  return [...(known ? [`preset ${code(known.id)} (${known.method} ${code(known.path.replace(/\?.*/s, ""))})`] : []), ...own].join(", ");
}

/** The tables of the page. */
export function tables(connectors: readonly Connector[]): string {
  return connectors
    .map(({ title, text, operations }) => {
      const rows = operations.map((operation) => `| ${operation.name} | salesforce ${operation.node} | ${settingsOf(operation)} | ${cell(operation.takes)} | ${cell(operation.gives)} |`);
      return [`## ${title} (${operations.length})`, "", text, "", "| operation | node | settings | takes | gives |", "|---|---|---|---|---|", ...rows].join("\n");
    })
    .join("\n\n");
}
