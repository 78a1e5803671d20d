import { ConnectorError } from "./errors";

/**
 * One of the words of a choice in a saved flow.
 *
 * @returns `fallback` when the value is blank
 * @throws ConnectorError `NOT_CONFIGURED` for any other text
 */
export function oneOf<T extends string>(value: string | undefined, words: readonly T[], fallback: T): T {
  if (value === undefined || value === "") return fallback;
  if ((words as readonly string[]).includes(value)) return value as T;
  throw new ConnectorError("NOT_CONFIGURED", `${value} is none of ${words.join(", ")}`);
}
