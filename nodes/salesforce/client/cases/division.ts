import { ConnectorError } from "../../../common/errors";

/** The condition under which a division takes a message. */
export type Condition =
  /** A pattern for `msg.topic`, as topic exchanges have them: words with dots between them, `*` for one word, `#` for any number of words, also none. */
  | { type: "topic"; pattern: string }
  /** True if a value in the message, as text, equals `text`. */
  | { type: "property"; valueOf: (msg: object) => unknown; text: string }
  /** True if an expression returns `true`. */
  | { type: "jsonata"; holds: (msg: object) => unknown }
  /** True for every message that no division before it has taken. */
  | { type: "always" };

/** Returns the first entry that takes a message. The result is a promise only if an expression returned one. */
export interface DivisionPicker<T> {
  /** @throws ConnectorError `DIVISION_UNKNOWN` with the topic, when no entry takes the message */
  (msg: { topic?: unknown }): T | Promise<T>;
}

type Holds = (msg: { topic?: unknown }) => boolean | Promise<boolean>;

/** Compiles entries with their conditions. The first entry whose condition is true wins. */
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

/** Whether `words` match `pattern`. It computes one row per part of the pattern, so that even with many `#` it takes only (parts × words) steps. */
function fits(pattern: readonly string[], words: readonly string[]): boolean {
  // reach[i]: whether the parts so far match the first i words
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
