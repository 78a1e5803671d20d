import { ConnectorError } from "../common/errors";

/** Names in an error come from outside: enough of them to find the place. */
const SHOWN = 60;

/** The error of content that is not what it should be, or cannot be written. */
export function invalid(text: string, cause?: unknown): ConnectorError {
  return new ConnectorError("FORMAT_INVALID", text, cause === undefined ? {} : { cause });
}

/** A name out of a payload, short enough for an error's text. */
export function shown(name: string): string {
  return name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name;
}

/** How an error names the character that begins at a place of a text: `U+00E9`. */
export function characterAt(text: string, index: number): string {
  return `U+${(text.codePointAt(index) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
