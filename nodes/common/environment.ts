import { ConnectorError } from "./errors";

/** A setting that is nothing but a reference. Node-RED puts the variable's value in its place, and leaves it as it is where there is none. */
const REFERENCE = /^\$(?:\{([^\s{}]+)\}|\(([^\s()]+)\))$/;

/**
 * A setting, unless it is a reference that was left: it would become the name of a queue or a file, or be tried as a password.
 *
 * @throws ConnectorError `NOT_CONFIGURED`
 */
export function withValue<T extends string | undefined>(setting: T): T {
  const [, braced, bracketed] = (setting && REFERENCE.exec(setting)) || [];
  const variable = braced ?? bracketed;
  if (variable !== undefined) throw new ConnectorError("NOT_CONFIGURED", `The environment variable ${variable} has no value`);
  return setting;
}
