import type { ConnectorError } from "../../../common/errors";
import { refuse } from "./refusal";

/** How a value is to be written: as what it is, or as a date, a time or a text whatever it is. */
export type LiteralKind = "auto" | "date" | "datetime" | "text";

/** The words that may stand behind a bound name: `:since:datetime`. */
export const LITERAL_KINDS: ReadonlySet<string> = new Set(["date", "datetime", "text"]);

const ESCAPES: Record<string, string> = { "\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f" };

/** Control characters and line ends of Unicode have no place in a query. */
const SPECIAL = /[\\'"\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** A text as a SOQL string, quotes included. */
export function soqlString(text: string): string {
  return `'${escapeText(text)}'`;
}

/** A text in a LIKE pattern of which it is a part: `%` and `_` in it stand for themselves. */
export function likePart(text: string): string {
  return escapeText(text).replace(/[%_]/g, "\\$&");
}

/** A text that is a whole LIKE pattern: `%` and `_` keep their meaning, and so do `\%` and `\_`. */
export function likePattern(text: string): string {
  return `'${text.replace(/\\[%_]|[^\\]+|\\/g, (piece) => (/^\\[%_]$/.test(piece) ? piece : escapeText(piece)))}'`;
}

function escapeText(text: string): string {
  return text.replace(SPECIAL, (character) => ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * One value as a SOQL literal. Texts are quoted, a Date is a time; a text that looks like a date stays a text unless `kind` says otherwise.
 *
 * @param name how it is called in errors
 * @throws ConnectorError `INPUT_INVALID` for what no literal can hold
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

/** SOQL knows no exponents, and the org no more than 18 digits. */
function plainNumber(value: number): string {
  const text = String(value);
  if (!/e/i.test(text)) return text;
  return Math.abs(value) >= 1 ? BigInt(value).toString() : value.toFixed(20).replace(/\.?0+$/, "");
}

/** `2026-11-20`: of a Date or a time the day in UTC. */
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

/** A Date, ms since the epoch, or an ISO text; one without a zone is refused, for nobody knows which it means. */
function toTime(value: unknown, name: string): Date {
  const text = typeof value === "string" ? value.trim() : undefined;
  let time: Date | undefined;
  if (value instanceof Date) time = value;
  else if (typeof value === "number") time = new Date(value);
  else if (text !== undefined && ISO_TIME.test(text)) time = new Date(text.replace(/([+-]\d{2})(\d{2})$/, "$1:$2"));
  const year = time?.getUTCFullYear() ?? Number.NaN;
  // SOQL takes years of four digits; the org knows 1700 to 4000.
  if (time && year >= 1700 && year <= 4000) return time;
  throw unfit(name, value, "a time: a Date, milliseconds, or a text such as 2026-11-20T09:15:31Z");
}

function unfit(name: string, value: unknown, wanted: string): ConnectorError {
  const found = Array.isArray(value) ? "a list in a list" : value instanceof Date ? "a date that is not valid" : value === undefined ? "nothing" : `a ${typeof value}`;
  return refuse(name, `is ${found}, not ${wanted}`);
}
