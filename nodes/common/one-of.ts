import { ConnectorError } from "./errors";

/**
 * Reads a setting that must be one of several words.
 *
 * @param label the name of the setting in the form, in English
 * @param words those that are allowed, two or more
 * @returns the word, or `fallback` when the setting is blank
 * @throws ConnectorError `NOT_CONFIGURED` for any other text
 */
export function oneOf<T extends string>(value: string | undefined, label: string, words: readonly T[], fallback: T): T {
  if (value === undefined || value === "") return fallback;
  if ((words as readonly string[]).includes(value)) return value as T;
  throw new ConnectorError("NOT_CONFIGURED", `${label} must be ${words.slice(0, -1).join(", ")} or ${words.at(-1)}: ${value}`);
}
