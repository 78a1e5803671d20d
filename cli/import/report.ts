import type { Note } from "./note";
import type { FlowPlan } from "./plan";
import type { Variable } from "./secrets";

/** Returns the text of the flow's comment node, in Markdown. */
export function commentOf(plan: FlowPlan, variables: readonly Variable[], notes: readonly Note[]): string {
  const steps = [
    ...(variables.length > 0 ? [`Set in the environment of Node-RED, before it starts: ${variables.map(({ name, holds }) => `\`${name}\` (${holds})`).join(", ")}.`] : []),
    `Open the config nodes ${plan.configs.map(({ name }) => `*${name}*`).join(" and ")} and test their connections.`,
    ...plan.steps,
  ];
  const lines = [plan.summary, "", `Made by \`surewire-import\` from ${plan.madeFrom}.`, "", ...steps.map((step, index) => `${index + 1}. ${step}`)];
  const list = (title: string, kinds: readonly Note["kind"][]): void => {
    const these = notes.filter(({ kind }) => kinds.includes(kind));
    if (these.length > 0) lines.push("", `**${title}**`, "", ...these.map(({ path, text }) => `* \`${path.replaceAll("`", "'")}\`: ${text}`));
  };
  list("To be looked at", ["check"]);
  list("Not carried over", ["dropped", "unknown"]);
  return lines.join("\n");
}

/** Returns what the command writes to standard error, for a terminal. */
export function reportOf(file: string, plan: FlowPlan, variables: readonly Variable[], notes: readonly Note[]): string {
  const lines = [`${file}: ${plan.summary}`];
  const table = (title: string, rows: readonly (readonly [string, string])[]): void => {
    if (rows.length === 0) return;
    const width = Math.min(44, Math.max(...rows.map(([name]) => name.length)));
    lines.push("", title, ...rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`));
  };
  const of = (kind: Note["kind"]): (readonly [string, string])[] => notes.filter((note) => note.kind === kind).map(({ path, text }) => [path, text] as const);
  table("Set these environment variables before Node-RED starts:", variables.map(({ name, holds, path, existing }) => [name, `${holds}, ${existing ? "to which" : "which stands at"} ${path}${existing ? " refers" : ""}`] as const));
  table("Please check:", of("check"));
  table("Not carried over:", of("dropped"));
  table("Not known:", of("unknown"));
  return `${lines.map(printable).join("\n")}\n`;
}

/** Replaces characters that a terminal takes for a command or for a change of the writing direction. */
function printable(line: string): string {
  return line.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, "?");
}
