import { ConnectorError } from "../common/errors";

/** How many characters of a name are shown. Names come from outside and may be long. */
const SHOWN = 60;

/** The error for content that cannot be read, or for a value that cannot be written, in its format. */
export function invalid(text: string, cause?: unknown): ConnectorError {
  return new ConnectorError("FORMAT_INVALID", text, cause === undefined ? {} : { cause });
}

/** A name from a payload, cut to a length that fits into an error. */
export function shown(name: string): string {
  return name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name;
}

/** The name of the character at `index` of a text, such as `U+00E9`. */
export function characterAt(text: string, index: number): string {
  return `U+${(text.codePointAt(index) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
