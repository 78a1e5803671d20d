/** Shorter ones would be found in any text, and are none. */
const SHORTEST = 4;

/**
 * The words of another system without our secrets: what it says of a request that it refuses may repeat the request.
 *
 * @param secrets as they were sent, one that holds another before it. They are also looked for as a form or a URL encodes them
 */
export function masked(words: string, secrets: readonly string[]): string {
  const forms = secrets.filter(({ length }) => length >= SHORTEST).flatMap((secret) => [secret, encodeURIComponent(secret), new URLSearchParams({ "": secret }).toString().slice(1)]);
  return forms.reduce((left, form) => left.replaceAll(form, "***"), words);
}
