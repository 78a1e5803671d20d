/** A whole number that may be too long for a JavaScript number. Does not match those with a fraction or an exponent, as they are no ids. */
const LONG = /(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;

/**
 * `JSON.parse` that keeps whole numbers beyond 2^53 exact: they become text. Replay ids and commit numbers are 64 bits wide.
 *
 * @throws SyntaxError as `JSON.parse`
 */
export function parseExactly(json: string): unknown {
  return JSON.parse(/\d{16}/.test(json) ? quoteLongNumbers(json) : json);
}

/** Puts quotes around numbers that are too long. Finds string literals by hand, as a regular expression would run out of stack on long ones. */
function quoteLongNumbers(json: string): string {
  const parts: string[] = [];
  for (let at = 0; at < json.length; ) {
    const quote = json.indexOf('"', at);
    const from = quote < 0 ? json.length : quote;
    parts.push(json.slice(at, from).replace(LONG, (digits) => (Number.isSafeInteger(Number(digits)) ? digits : `"${digits}"`)));
    at = endOfText(json, from);
    parts.push(json.slice(from, at));
  }
  return parts.join("");
}

/** Index behind the quotation mark that ends the string literal which begins at `from`. */
function endOfText(json: string, from: number): number {
  for (let at = from + 1; at < json.length; at += 1) {
    if (json[at] === "\\") at += 1;
    else if (json[at] === '"') return at + 1;
  }
  return json.length;
}
