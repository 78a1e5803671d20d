import { ConnectorError } from "../../../common/errors";
import type { TypedValue } from "../../../common/typed-input";
import type { RequestHost } from "./request-presets";

const PLACEHOLDER = /\{\{\s*([^{}]+?)\s*\}\}/g;

/**
 * Compiles a path with placeholders `{{name}}` for properties of the message. Values are encoded, so that each stays one part of the path or query.
 *
 * @param property returns the function that reads a property of a message
 * @returns a function that makes the path. It throws ConnectorError `INPUT_INVALID` for a message without such a property, or with a value that cannot be in a path.
 */
export function compilePath(text: string, property: (path: string) => TypedValue): (msg: object) => string {
  const read = new Map([...text.matchAll(PLACEHOLDER)].map(([, name = ""]) => [name, property(name)]));
  if (read.size === 0) return () => text;
  return (msg) => text.replace(PLACEHOLDER, (_all, name: string) => encode(name, read.get(name)?.(msg)));
}

function encode(name: string, value: unknown): string {
  const text = typeof value === "number" || typeof value === "boolean" ? String(value) : value;
  if (typeof text !== "string" || text === "") throw new ConnectorError("INPUT_INVALID", `The path needs msg.${name}, and it is no text or number`);
  // As a part of a path, these lead to another path, encoded or not.
  if (text === "." || text === "..") throw new ConnectorError("INPUT_INVALID", `msg.${name} cannot stand in a path: ${text}`);
  if (!text.isWellFormed()) throw new ConnectorError("INPUT_INVALID", `msg.${name} cannot stand in a path: it holds half of a character`);
  return encodeURIComponent(text);
}

/**
 * Completes a path from a message or form for the REST client: fills in `{version}`, and adds `/api/v5` to short paths of Account Engagement (`/objects/…`).
 *
 * @param version version of the API, such as `66.0`
 * @throws ConnectorError `INPUT_INVALID` when the path is missing or not a text
 */
export function completePath(path: unknown, host: RequestHost, version: string): string {
  if (typeof path !== "string" || path.trim() === "") throw new ConnectorError("INPUT_INVALID", "The path is missing or is no text");
  const whole = path.trim().replaceAll("{version}", version);
  if (host === "org" || /^https?:/i.test(whole)) return whole;
  const rooted = whole.startsWith("/") ? whole : `/${whole}`;
  return rooted.startsWith("/api/") ? rooted : `/api/v5${rooted}`;
}
