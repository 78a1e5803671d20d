import { ConnectorError } from "./errors";

/** What a number of a saved flow may be. */
export interface NumberLimits<T extends number | undefined> {
  /** Given for a blank value. */
  fallback: T;
  /** Default 0. */
  min?: number;
  max: number;
}

/**
 * A whole number of a saved flow, which may come as text when it was typed or stands in the environment.
 *
 * @param label how the form calls the setting, in English
 * @returns `fallback` when the value is blank
 * @throws ConnectorError `NOT_CONFIGURED` for anything else that is no whole number from `min` to `max`
 */
export function wholeNumber<T extends number | undefined>(value: number | string | null | undefined, label: string, { fallback, min = 0, max }: NumberLimits<T>): number | T {
  const text = String(value ?? "").trim();
  if (text === "") return fallback;
  const number = Number(text);
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new ConnectorError("NOT_CONFIGURED", `${label} must be a whole number from ${min} to ${max}: ${text}`);
}
