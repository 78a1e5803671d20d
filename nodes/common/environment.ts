import { ConnectorError } from "./errors";

/** A reference to an environment variable, `${NAME}` or `$(NAME)`. Node-RED replaces it when it deploys, if it is the whole text; without a value it stays as it is. */
const REFERENCE = /^\$(?:\{([^\s{}]+)\}|\(([^\s()]+)\))$/;

/** The name of the environment variable that a setting refers to, if it does. */
export function variableIn(setting: string): string | undefined {
  const [, braced, bracketed] = REFERENCE.exec(setting) ?? [];
  return braced ?? bracketed;
}

/**
 * A setting as text; `undefined` and `null` give "". A setting need not be text, for variables of groups and subflows may also be numbers, booleans or JSON.
 *
 * @throws ConnectorError `NOT_CONFIGURED` for a reference to a variable without a value: it would be used as the name of a queue or a file, or be sent as a password
 */
export function withValue(setting: unknown): string {
  const text = toText(setting);
  const variable = variableIn(text);
  if (variable) throw new ConnectorError("NOT_CONFIGURED", `The environment variable ${variable} has no value`);
  return text;
}

/** As {@link withValue}, without white space at both ends: for names, and for everything in which white space means nothing. @throws ConnectorError as {@link withValue} */
export function textIn(setting: unknown): string {
  return withValue(toText(setting).trim());
}

function toText(setting: unknown): string {
  if (typeof setting === "string") return setting;
  if (setting === undefined || setting === null) return "";
  return typeof setting === "object" ? JSON.stringify(setting) : String(setting as number | boolean);
}
