import { ConnectorError } from "./errors";

/** As Node-RED fills in the settings of what is deployed: a variable is the whole of a text, never a part. Where it has no value, the reference stays. */
const REFERENCE = /^\$(?:\{([^\s{}]+)\}|\(([^\s()]+)\))$/;

/** The variable that a setting is to have the value of, if any. */
export function variableIn(setting: string): string | undefined {
  const [, braced, bracketed] = REFERENCE.exec(setting) ?? [];
  return braced ?? bracketed;
}

/**
 * A setting as text, blank for none: variables of groups and subflows may be numbers, true or false, or JSON.
 *
 * @throws ConnectorError `NOT_CONFIGURED` for a reference that was left: it would become the name of a queue or a file, or be tried as a password
 */
export function withValue(setting: unknown): string {
  const text = toText(setting);
  const variable = variableIn(text);
  if (variable) throw new ConnectorError("NOT_CONFIGURED", `The environment variable ${variable} has no value`);
  return text;
}

/** The same, without the blanks around it: for names, and for all that blanks mean nothing in. @throws ConnectorError as {@link withValue} */
export function textIn(setting: unknown): string {
  return withValue(toText(setting).trim());
}

function toText(setting: unknown): string {
  if (typeof setting === "string") return setting;
  if (setting === undefined || setting === null) return "";
  return typeof setting === "object" ? JSON.stringify(setting) : String(setting as number | boolean);
}
