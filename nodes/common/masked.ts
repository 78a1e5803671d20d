/** Secrets shorter than this are not masked: they would be found in any text. */
const SHORTEST = 4;

/**
 * A text of another system with our secrets replaced by `***`. What a system says of a request that it refuses may repeat the request.
 *
 * @param secrets as they were sent. One that contains another must come before it. They are also found in the encodings of URLs and forms
 */
export function masked(words: string, secrets: readonly string[]): string {
  const forms = secrets.filter(({ length }) => length >= SHORTEST).flatMap((secret) => [secret, encodeURIComponent(secret), new URLSearchParams({ "": secret }).toString().slice(1)]);
  return forms.reduce((left, form) => left.replaceAll(form, "***"), words);
}
