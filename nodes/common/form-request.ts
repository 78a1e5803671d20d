/** What a form sends to the admin API of its node: settings and credentials as they stand in it, deployed or not. */

import { variableIn } from "./environment";
import { toConnectorError } from "./errors";
import { isPlain } from "./is-plain";
import type { TypedInputUtil } from "./typed-input";

/** What is needed of a request that a form sends; Express's fits. */
export interface FormHttpRequest {
  readonly method: string;
  readonly body: unknown;
  readonly params: Record<string, unknown>;
  is(type: string): unknown;
  get(header: string): string | undefined;
}

/** What is needed to answer it; Express's fits. */
export interface FormHttpResponse {
  status(code: number): this;
  set(header: string, value: string): this;
  append(header: string, value: string): this;
  json(body: unknown): unknown;
}

/** What the editor shows in the place of a secret that it does not know. */
const STAND_IN = "__PWRD__";

/** Puts the environment's values in the place of `${NAME}` where there are such, as they are for a node; those of the flow it stands in are known when it is deployed. */
export function variablesOf(util: Pick<TypedInputUtil, "evaluateNodeProperty">, node: object | null): (text: string) => string {
  return (text) => {
    const variable = variableIn(text);
    return (variable !== undefined && String(util.evaluateNodeProperty(`\${${variable}}`, "env", (node ?? {}) as never, {}))) || text;
  };
}

/** Takes a form's request and answers with JSON: what `work` gives, or, with status 400, why it cannot. */
export function answerForm(work: (request: FormHttpRequest, response: FormHttpResponse) => unknown): (request: FormHttpRequest, response: FormHttpResponse) => void {
  return (request, response) => {
    // a form of another site cannot send this type without asking
    if (request.method === "POST" && !request.is("application/json")) return void response.status(415).json({ message: "JSON is expected" });
    void (async () => work(request, response))().then(
      (result) => response.set("Cache-Control", "no-store").json(result),
      (error: unknown) => response.status(400).json({ message: toConnectorError(error).message }),
    );
  };
}

/**
 * The texts and numbers of a body by name, as text; others are left out.
 *
 * @param resolve puts the environment's values in the place of `${NAME}`
 */
export function readTexts<N extends string>(body: unknown, names: readonly N[], resolve: (text: string) => string): Partial<Record<N, string>> {
  const texts: Partial<Record<N, string>> = {};
  if (!isPlain(body)) return texts;
  for (const name of names) {
    const value = body[name];
    if (typeof value === "string" || typeof value === "number") texts[name] = resolve(String(value));
  }
  return texts;
}

/** Whether a secret was left as it is: the stored one is meant. */
export function isUntouched(typed: string | undefined): boolean {
  return typed === undefined || typed === STAND_IN;
}
