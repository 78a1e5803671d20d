/** What a form sends to the admin API of its node: settings and credentials as they stand in it, deployed or not. */

/** What the editor shows in the place of a secret that it does not know. */
const STAND_IN = "__PWRD__";

/** As Node-RED fills in the settings of what is deployed: a variable is the whole of a text, never a part. */
const VARIABLE = /^\$\{\S+\}$/;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The texts and numbers of a body by name, as text; others are left out.
 *
 * @param variable gives the environment's value of a text that is `${NAME}`
 */
export function readTexts<N extends string>(body: unknown, names: readonly N[], variable: (text: string) => string): Partial<Record<N, string>> {
  const texts: Partial<Record<N, string>> = {};
  if (!isObject(body)) return texts;
  for (const name of names) {
    const value = body[name];
    if (typeof value !== "string" && typeof value !== "number") continue;
    const text = String(value);
    texts[name] = VARIABLE.test(text) ? variable(text) : text;
  }
  return texts;
}

/** Whether a secret was left as it is: the stored one is meant. */
export function isUntouched(typed: string | undefined): boolean {
  return typed === undefined || typed === STAND_IN;
}
