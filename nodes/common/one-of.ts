import { ConnectorError } from "./errors";

/**
 * One of the words of a choice in a saved flow.
 *
 * @param label how the form calls the setting, in English
 * @param words two or more
 * @returns `fallback` when the value is blank
 * @throws ConnectorError `NOT_CONFIGURED` for any other text
 */
export function oneOf<T extends string>(value: string | undefined, label: string, words: readonly T[], fallback: T): T {
  if (value === undefined || value === "") return fallback;
  if ((words as readonly string[]).includes(value)) return value as T;
  throw new ConnectorError("NOT_CONFIGURED", `${label} must be ${words.slice(0, -1).join(", ")} or ${words.at(-1)}: ${value}`);
}
