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
