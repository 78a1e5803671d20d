const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const SPACE = /[ \t\r\n]*/y;

/**
 * Returns the offset at which a text stops being JSON; its length if it only ends too early. `JSON.parse` does not tell this: since V8 11, its message does not contain
 * the position for short texts.
 */
export function findJsonError(text: string): number {
  let at = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) return false;
    at += match[0].length;
    return true;
  };
  const accept = (character: string): boolean => {
    skip(SPACE);
    if (text.charAt(at) !== character) return false;
    at++;
    return true;
  };
  /** The open brackets are in a list and not on the call stack, because a client could nest them too deep for the stack. */
  const open: ("}" | "]")[] = [];
  for (;;) {
    skip(SPACE);
    if (accept("{")) {
      if (!accept("}")) {
        open.push("}");
        if (!(skip(SPACE), skip(STRING)) || !accept(":")) return at;
        continue;
      }
    } else if (accept("[")) {
      if (!accept("]")) {
        open.push("]");
        continue;
      }
    } else if (!skip(STRING) && !skip(NUMBER) && !skip(WORD)) {
      return at;
    }
    // A value has ended. Close all brackets that end here, or go on to the next value.
    while (open.length > 0 && accept(open[open.length - 1]!)) open.pop();
    if (open.length === 0) {
      skip(SPACE);
      return at;
    }
    if (!accept(",")) return at;
    if (open[open.length - 1] === "}" && (!(skip(SPACE), skip(STRING)) || !accept(":"))) return at;
  }
}
