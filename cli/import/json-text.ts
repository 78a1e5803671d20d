import { ImportError } from "./note";

/** A value of JSON. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Whether a value is an object that is not a list. */
export function isObject(value: unknown): value is { [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** How many bytes a file may have. A bridge's configuration has a few thousand. */
const MAX_FILE = 4 * 1024 * 1024;

/**
 * Reads a file's bytes as JSON, in UTF-8, or in UTF-16 with a byte order mark.
 *
 * @throws ImportError when the file is too large, empty, no text or no JSON. It tells the place but repeats nothing of the file, unlike the parser's own message:
 *   in Node.js 20 and later, that shows the text around the fault, where a password may be.
 */
export function readJson(bytes: Uint8Array): Json {
  if (bytes.length > MAX_FILE) throw new ImportError(`the file has ${bytes.length} bytes; ${MAX_FILE} is the most that is read`);
  const text = decode(bytes);
  if (text.trim() === "") throw new ImportError("the file is empty");
  try {
    return JSON.parse(text) as Json;
  } catch {
    const at = faultOf(text);
    const before = text.slice(0, at).split("\n");
    throw new ImportError(`not JSON: line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`);
  }
}

function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const encoding = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes); // also removes the byte order mark
  } catch {
    throw new ImportError("the file is not UTF-8 text");
  }
}

const SPACE = /[ \t\n\r]*/y;
const ATOM = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** Returns the index where a text stops being JSON, by checking each token against those that may come next. */
function faultOf(text: string): number {
  const open: string[] = [];
  let at = 0;
  let expected: "value" | "value or end" | "name" | "name or end" | "colon" | "comma or end" | "nothing" = "value";
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at += match[0].length;
    return match !== null && match[0] !== "";
  };
  const afterValue = (): typeof expected => (open.length === 0 ? "nothing" : "comma or end");
  for (;;) {
    skip(SPACE);
    const sign = text[at];
    const inside = open.at(-1);
    if (expected.endsWith("or end") && sign !== undefined && sign === (inside === "{" ? "}" : "]")) {
      open.pop();
      at += 1;
      expected = afterValue();
    } else if (expected === "comma or end" && sign === ",") {
      at += 1;
      expected = inside === "{" ? "name" : "value";
    } else if (expected === "colon" && sign === ":") {
      at += 1;
      expected = "value";
    } else if (expected.startsWith("name") && sign === '"' && skip(ATOM)) {
      expected = "colon";
    } else if (expected.startsWith("value") && (sign === "{" || sign === "[")) {
      open.push(sign);
      at += 1;
      expected = sign === "{" ? "name or end" : "value or end";
    } else if (expected.startsWith("value") && skip(ATOM)) {
      expected = afterValue();
    } else {
      return at;
    }
  }
}
