/** Requests that a node's form sends to the admin API: they carry the settings and credentials that are in the form at that moment, deployed or not. */

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

/** What the editor puts in the field of a secret that it was never given. */
const STAND_IN = "__PWRD__";

/** A function that replaces `${NAME}` by the value of that environment variable, as the node sees it, if it has one. Variables of the node's flow are known only once it is deployed. */
export function variablesOf(util: Pick<TypedInputUtil, "evaluateNodeProperty">, node: object | null): (text: string) => string {
  return (text) => {
    const variable = variableIn(text);
    return (variable !== undefined && String(util.evaluateNodeProperty(`\${${variable}}`, "env", (node ?? {}) as never, {}))) || text;
  };
}

/** A request handler that answers with the result of `work` as JSON, or with status 400 and the message of its error. */
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
 * Reads named properties of a body, as text. Those that are neither text nor number are left out.
 *
 * @param resolve replaces references to environment variables, see {@link variablesOf}
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

/** Whether the field of a secret was left alone, so that the stored secret is meant. */
export function isUntouched(typed: string | undefined): boolean {
  return typed === undefined || typed === STAND_IN;
}
