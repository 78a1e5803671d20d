import type { ConnectorError } from "../../../common/errors";
import { refuse } from "./refusal";

/** How a value is written: by its type (`auto`), or always as a date, a time or a text. */
export type LiteralKind = "auto" | "date" | "datetime" | "text";

/** The words that may follow a name in a query, as in `:since:datetime`. */
export const LITERAL_KINDS: ReadonlySet<string> = new Set(["date", "datetime", "text"]);

const ESCAPES: Record<string, string> = { "\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f" };

/** Characters that must be escaped: backslash and quotes, control characters, and the line ends of Unicode. */
const SPECIAL = /[\\'"\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** Writes a text as a SOQL string, with quotes. */
export function soqlString(text: string): string {
  return `'${escapeText(text)}'`;
}

/** Writes a text as a part of a LIKE pattern. `%` and `_` in it are plain characters. */
export function likePart(text: string): string {
  return escapeText(text).replace(/[%_]/g, "\\$&");
}

/** Writes a text that is a whole LIKE pattern, with quotes. `%`, `_`, `\%` and `\_` keep their meaning. */
export function likePattern(text: string): string {
  return `'${text.replace(/\\[%_]|[^\\]+|\\/g, (piece) => (/^\\[%_]$/.test(piece) ? piece : escapeText(piece)))}'`;
}

function escapeText(text: string): string {
  return text.replace(SPECIAL, (character) => ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Writes a value as a SOQL literal. Texts are quoted, and a Date becomes a time. A text that looks like a date stays a text unless `kind` says otherwise.
 *
 * @param name the name of the value's parameter, for errors
 * @throws ConnectorError `INPUT_INVALID` for a value that has no literal
 */
export function soqlLiteral(value: unknown, name: string, kind: LiteralKind = "auto"): string {
  if (value === null) return "null";
  if (kind === "date") return toDate(value, name);
  if (kind === "datetime") return toTime(value, name).toISOString();
  switch (typeof value) {
    case "string":
      return soqlString(value);
    case "number":
      if (Number.isFinite(value)) return kind === "text" ? soqlString(String(value)) : plainNumber(value);
      break;
    case "bigint":
      return kind === "text" ? soqlString(value.toString()) : value.toString();
    case "boolean":
      return kind === "text" ? soqlString(String(value)) : value ? "TRUE" : "FALSE";
    case "object":
      if (value instanceof Date) return kind === "text" ? soqlString(toTime(value, name).toISOString()) : toTime(value, name).toISOString();
      break;
    default:
  }
  throw unfit(name, value, "a text, a number, a boolean, a date or null");
}

/** Writes a number without an exponent, which SOQL does not know. The org accepts at most 18 digits. */
function plainNumber(value: number): string {
  const text = String(value);
  if (!/e/i.test(text)) return text;
  return Math.abs(value) >= 1 ? BigInt(value).toString() : value.toFixed(20).replace(/\.?0+$/, "");
}

/** Writes a date such as `2026-11-20`. For a Date or a time it is the day in UTC. */
function toDate(value: unknown, name: string): string {
  if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value.trim())) {
    const day = value.trim();
    const time = new Date(`${day}T00:00:00Z`);
    if (!Number.isNaN(time.getTime()) && time.toISOString().startsWith(day)) return day;
    throw unfit(name, value, "a date");
  }
  return toTime(value, name).toISOString().slice(0, 10);
}

const ISO_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2}))?$/;

/** Reads a Date, ms since the epoch, or an ISO text. A text with a time but without a zone is refused, since it is ambiguous. */
function toTime(value: unknown, name: string): Date {
  const text = typeof value === "string" ? value.trim() : undefined;
  let time: Date | undefined;
  if (value instanceof Date) time = value;
  else if (typeof value === "number") time = new Date(value);
  else if (text !== undefined && ISO_TIME.test(text)) time = new Date(text.replace(/([+-]\d{2})(\d{2})$/, "$1:$2"));
  const year = time?.getUTCFullYear() ?? Number.NaN;
  // SOQL accepts years with four digits, and the org those from 1700 to 4000.
  if (time && year >= 1700 && year <= 4000) return time;
  throw unfit(name, value, "a time: a Date, milliseconds, or a text such as 2026-11-20T09:15:31Z");
}

function unfit(name: string, value: unknown, wanted: string): ConnectorError {
  const found = Array.isArray(value) ? "a list in a list" : value instanceof Date ? "a date that is not valid" : value === undefined ? "nothing" : `a ${typeof value}`;
  return refuse(name, `is ${found}, not ${wanted}`);
}
