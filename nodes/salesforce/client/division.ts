import { ConnectorError } from "../../common/errors";

/** Picks the first entry whose routing-key pattern fits. */
export interface DivisionPicker<T> {
  /** @throws ConnectorError `DIVISION_UNKNOWN` that names the topic */
  (topic: unknown): T;
}

/**
 * Compiles entries with a routing-key pattern `when`: words parted by dots, `*` for one word, `#` for any number, none included –
 * as a topic exchange reads them.
 */
export function compileDivisions<T extends { when: string }>(entries: readonly T[]): DivisionPicker<T> {
  const compiled = entries.map((entry) => ({ entry, pattern: entry.when.trim().split(".") }));
  return (topic) => {
    const words = typeof topic === "string" && topic !== "" ? topic.split(".") : [];
    const found = compiled.find(({ pattern }) => fits(pattern, words));
    if (found) return found.entry;
    const named = typeof topic === "string" ? `"${topic}"` : "a message without a topic";
    throw new ConnectorError("DIVISION_UNKNOWN", `No division takes ${named}.`, { details: { topic: typeof topic === "string" ? topic : undefined } });
  };
}

/** Whether `words` fit `pattern`. One row of the usual table at a time, so that many `#` cost no more than pattern × words steps. */
function fits(pattern: readonly string[], words: readonly string[]): boolean {
  // reach[i]: the pattern so far fits the first i words
  let reach = [true, ...words.map(() => false)];
  for (const part of pattern) {
    const next = reach.map(() => false);
    for (let i = 0; i < reach.length; i += 1) {
      if (part === "#") next[i] = reach[i] === true || (i > 0 && next[i - 1] === true);
      else if (i > 0) next[i] = reach[i - 1] === true && (part === "*" || part === words[i - 1]);
    }
    reach = next;
  }
  return reach[words.length] === true;
}
