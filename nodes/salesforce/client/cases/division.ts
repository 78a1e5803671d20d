import { ConnectorError } from "../../../common/errors";

/** What decides whether a division takes a message. */
export type Condition =
  /** Routing-key pattern for `msg.topic`: words parted by dots, `*` for one word, `#` for any number, none included – as a topic exchange reads them. */
  | { type: "topic"; pattern: string }
  /** A value in the message equals a text. */
  | { type: "property"; valueOf: (msg: object) => unknown; text: string }
  /** An expression gives true. */
  | { type: "jsonata"; holds: (msg: object) => unknown }
  /** It takes what no one before it has taken. */
  | { type: "always" };

/** Picks the first entry that takes a message; a promise only when an expression must be asked. */
export interface DivisionPicker<T> {
  /** @throws ConnectorError `DIVISION_UNKNOWN` that names the topic */
  (msg: { topic?: unknown }): T | Promise<T>;
}

type Holds = (msg: { topic?: unknown }) => boolean | Promise<boolean>;

/** Compiles entries, each with its condition; the first that holds wins. */
export function compileDivisions<T>(entries: readonly { condition: Condition; entry: T }[]): DivisionPicker<T> {
  const compiled = entries.map(({ condition, entry }) => ({ entry, holds: compile(condition) }));
  const pickFrom = (start: number, msg: { topic?: unknown }): T | Promise<T> => {
    for (let index = start; index < compiled.length; index += 1) {
      const { entry, holds } = compiled[index] as (typeof compiled)[number];
      const answer = holds(msg);
      if (answer instanceof Promise) return answer.then((yes) => (yes ? entry : pickFrom(index + 1, msg)));
      if (answer) return entry;
    }
    throw unknown(msg.topic);
  };
  return (msg) => pickFrom(0, msg);
}

function compile(condition: Condition): Holds {
  switch (condition.type) {
    case "topic": {
      const pattern = condition.pattern.trim().split(".");
      return ({ topic }) => fits(pattern, typeof topic === "string" && topic !== "" ? topic.split(".") : []);
    }
    case "property":
      return (msg) => {
        const value = condition.valueOf(msg);
        return value !== undefined && value !== null && typeof value !== "object" && String(value) === condition.text;
      };
    case "jsonata":
      return (msg) => {
        const value = condition.holds(msg);
        return value instanceof Promise ? value.then((one: unknown) => one === true) : value === true;
      };
    case "always":
      return () => true;
  }
}

function unknown(topic: unknown): ConnectorError {
  const named = typeof topic === "string" ? `a message with the topic "${topic}"` : "a message without a topic";
  return new ConnectorError("DIVISION_UNKNOWN", `No division takes ${named}`, { details: { topic: typeof topic === "string" ? topic : undefined } });
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
