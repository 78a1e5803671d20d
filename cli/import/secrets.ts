import type { Secret } from "./settings";

/** An environment variable that has to be set for the flow. */
export interface Variable {
  name: string;
  /** What it holds, for people. */
  holds: string;
  /** Where the secret stands in the file. */
  path: string;
  /** The file referred to it already. */
  existing: boolean;
}

/** The secrets of a flow: it holds references to environment variables in their place, which Node-RED fills in as it starts. */
export class Secrets {
  readonly variables: Variable[] = [];

  /** @param prefix what the variables' names begin with */
  constructor(private readonly prefix: string) {}

  /** The reference to put in the place of a secret. */
  reference(name: string, holds: string, { path, variable }: Secret): string {
    const full = variable ?? `${this.prefix}_${name}`;
    if (!this.variables.some((other) => other.name === full)) this.variables.push({ name: full, holds, path, existing: variable !== undefined });
    return `\${${full}}`;
  }
}
