import type { Secret } from "./settings";

/** An environment variable that has to be set for the flow. */
export interface Variable {
  name: string;
  /** What the variable holds, in words for the user. */
  holds: string;
  /** Where the secret is in the file. */
  path: string;
  /** Whether the file refers to this variable already. */
  existing: boolean;
}

/** The secrets of a flow. In their place the flow has references to environment variables, which Node-RED replaces when it starts. */
export class Secrets {
  readonly variables: Variable[] = [];

  /** @param prefix beginning of the variables' names */
  constructor(private readonly prefix: string) {}

  /** Notes a variable that is needed, and returns the reference to put in the place of its secret. */
  reference(name: string, holds: string, { path, variable }: Secret): string {
    const full = variable ?? `${this.prefix}_${name}`;
    if (!this.variables.some((other) => other.name === full)) this.variables.push({ name: full, holds, path, existing: variable !== undefined });
    return `\${${full}}`;
  }
}
