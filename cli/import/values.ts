/** Reads values as people write them in configuration files. Each function returns `undefined` for a value that it cannot read. */
import type { Json } from "./json-text";

/** Reads a number, or the text of one. */
export function numberOf(value: Json): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || !/^\s*[+-]?\d+(\.\d+)?\s*$/.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

const YES = new Set(["true", "yes", "on", "1", "y", "enabled"]);
const NO = new Set(["false", "no", "off", "0", "n", "disabled", "none"]);

/** Reads a flag: true or false. */
export function flagOf(value: Json): boolean | undefined {
  const word = typeof value === "object" ? "" : String(value).trim().toLowerCase();
  return YES.has(word) ? true : NO.has(word) ? false : undefined;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SPELLED = /^(\d+(?:\.\d+)?)\s*(ms|millis(?:econds)?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?)$/i;
const ISO = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i;

/** Reads a time and returns ms. @param unit of a number without unit, in ms. Default: a number below 1,000 is in seconds, a larger one in ms */
export function durationOf(value: Json, unit?: number): number | undefined {
  const number = numberOf(value);
  if (number !== undefined) return number < 0 ? undefined : number * (unit ?? (number < 1000 ? 1000 : 1));
  if (typeof value !== "string") return undefined;
  const spelled = SPELLED.exec(value.trim());
  if (spelled) {
    const word = spelled[2]!.toLowerCase();
    return Number(spelled[1]) * UNITS[/^(ms|milli)/.test(word) ? "ms" : word[0]!]!;
  }
  const iso = /\d/.test(value) ? ISO.exec(value.trim()) : null;
  if (!iso) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = iso.slice(1).map((part) => Number(part ?? 0));
  return days * UNITS.d! + hours * UNITS.h! + minutes * UNITS.m! + seconds * 1000;
}

/** Reads a list of texts, or one text with commas or semicolons between them. */
export function wordsOf(value: Json): string[] | undefined {
  const list = Array.isArray(value) ? value : typeof value === "string" ? value.split(/[,;]/) : [value];
  if (list.some((each) => typeof each === "object" || (typeof each === "number" && !Number.isFinite(each)))) return undefined;
  return list.map((each) => String(each).trim()).filter(Boolean);
}

/** Decodes a part of a URL. Returns it as it is when a percent sign in it is not an escape. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
