import { ConnectorError } from "./errors";

/** Which numbers a setting may have. */
export interface NumberLimits<T extends number | undefined> {
  /** The number when the setting is blank. */
  fallback: T;
  /** Default 0. */
  min?: number;
  max: number;
}

/**
 * Reads a setting that must be a whole number. It may come as text, as it was typed or from an environment variable.
 *
 * @param label the name of the setting in the form, in English
 * @returns the number, or `fallback` when the setting is blank
 * @throws ConnectorError `NOT_CONFIGURED` for anything but a whole number from `min` to `max`
 */
export function wholeNumber<T extends number | undefined>(value: number | string | null | undefined, label: string, { fallback, min = 0, max }: NumberLimits<T>): number | T {
  const text = String(value ?? "").trim();
  if (text === "") return fallback;
  const number = Number(text);
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw new ConnectorError("NOT_CONFIGURED", `${label} must be a whole number from ${min} to ${max}: ${text}`);
}
