import { ConnectorError } from "./errors";

/** As Node-RED fills in the settings of what is deployed: a variable is the whole of a text, never a part. Where it has no value, the reference stays. */
const REFERENCE = /^\$(?:\{([^\s{}]+)\}|\(([^\s()]+)\))$/;

/** The variable that a setting is to have the value of, if any. */
export function variableIn(setting: string): string | undefined {
  const [, braced, bracketed] = REFERENCE.exec(setting) ?? [];
  return braced ?? bracketed;
}

/**
 * A setting, unless it is a reference that was left: it would become the name of a queue or a file, or be tried as a password.
 *
 * @throws ConnectorError `NOT_CONFIGURED`
 */
export function withValue<T extends string | undefined>(setting: T): T {
  const variable = setting && variableIn(setting);
  if (variable) throw new ConnectorError("NOT_CONFIGURED", `The environment variable ${variable} has no value`);
  return setting;
}
