/** Digits outside of a text that may be more than a number holds; fractions and exponents are no ids. */
const LONG = /(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;

/**
 * `JSON.parse` that keeps whole numbers beyond 2^53 exact: they become text. Replay ids and commit numbers are 64 bits wide.
 *
 * @throws SyntaxError as `JSON.parse`
 */
export function parseExactly(json: string): unknown {
  return JSON.parse(/\d{16}/.test(json) ? quoteLongNumbers(json) : json);
}

/** By hand, as an expression that skips texts would run out of stack on long ones. */
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

/** Behind the quotation mark that ends the text that begins at `from`. */
function endOfText(json: string, from: number): number {
  for (let at = from + 1; at < json.length; at += 1) {
    if (json[at] === "\\") at += 1;
    else if (json[at] === '"') return at + 1;
  }
  return json.length;
}
