import { ConnectorError } from "../../../common/errors";
import type { TypedValue } from "../../../common/typed-input";
import type { RequestHost } from "./request-presets";

const PLACEHOLDER = /\{\{\s*([^{}]+?)\s*\}\}/g;

/**
 * A typed-in path whose `{{name}}` stand for properties of the message, encoded so that a value stays one part of the path or query.
 *
 * @param property gives what reads a property of messages
 * @returns throws ConnectorError `INPUT_INVALID` for a message without such a property
 */
export function compilePath(text: string, property: (path: string) => TypedValue): (msg: object) => string {
  const read = new Map([...text.matchAll(PLACEHOLDER)].map(([, name = ""]) => [name, property(name)]));
  if (read.size === 0) return () => text;
  return (msg) => text.replace(PLACEHOLDER, (_all, name: string) => encode(name, read.get(name)?.(msg)));
}

function encode(name: string, value: unknown): string {
  const text = typeof value === "number" || typeof value === "boolean" ? String(value) : value;
  if (typeof text !== "string" || text === "") throw new ConnectorError("INPUT_INVALID", `The path needs msg.${name}, and it is no text or number`);
  // A URL with these as a part of its path leads elsewhere, encoded or not.
  if (text === "." || text === "..") throw new ConnectorError("INPUT_INVALID", `msg.${name} cannot stand in a path: ${text}`);
  if (!text.isWellFormed()) throw new ConnectorError("INPUT_INVALID", `msg.${name} cannot stand in a path: it holds half of a character`);
  return encodeURIComponent(text);
}

/**
 * A path as a message or form gives it, ready for the REST client: `{version}` filled in, and what is written short for
 * Account Engagement (`/objects/…`) made whole.
 *
 * @param version for example `66.0`
 */
export function completePath(path: unknown, host: RequestHost, version: string): string {
  if (typeof path !== "string" || path.trim() === "") throw new ConnectorError("INPUT_INVALID", "The path is missing or is no text");
  const whole = path.trim().replaceAll("{version}", version);
  if (host === "org" || /^https?:/i.test(whole)) return whole;
  const rooted = whole.startsWith("/") ? whole : `/${whole}`;
  return rooted.startsWith("/api/") ? rooted : `/api/v5${rooted}`;
}
