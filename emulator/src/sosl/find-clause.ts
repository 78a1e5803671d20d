import { ApiError } from "../api-error";
import { partsInOrder } from "../soql/literals";

/** Returns whether a text, given by its words, contains what is searched for. */
export type TextTest = (words: readonly string[]) => boolean;

/** Returns the error for a search that is wrong, or that the emulator does not support. */
export const malformedSearch = (reason: string): ApiError => new ApiError("MALFORMED_SEARCH", reason);

/** Characters that must be escaped by a backslash. */
const RESERVED = new Set("?&|!{}[]()^~*:\\\"'+-");

/** Returns the words of a text, as in an index: letters, digits and underscores, in lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
}

type Token = { kind: "word" | "phrase"; text: string; wild: boolean } | { kind: "AND" | "OR" | "AND NOT" };

/**
 * Compiles the text between the braces of FIND: words and "phrases", `*` and `?` in words, and AND, OR, AND NOT without parentheses. Words without an operator between
 * them must all be found.
 *
 * @param text the text with its escapes
 */
export function compileFind(text: string): TextTest {
  const tokens = tokenize(text);
  const tests: { join: "AND" | "OR" | "AND NOT"; test: TextTest }[] = [];
  let join: "AND" | "OR" | "AND NOT" | undefined;
  for (const token of tokens) {
    if (token.kind === "word" || token.kind === "phrase") {
      tests.push({ join: join ?? "AND", test: compileTerm(token.text, token.wild) });
      join = undefined;
    } else if (join !== undefined || tests.length === 0) throw malformedSearch(`unexpected token: ${token.kind}`);
    else join = token.kind;
  }
  if (join !== undefined) throw malformedSearch(`unexpected end after ${join}`);
  if (tests.length === 0) throw malformedSearch("search term must be longer than one character: ");
  // In the org, AND NOT binds more strongly than AND, and AND more strongly than OR. The emulator supports neither AND and OR together nor parentheses.
  const kinds = new Set(tests.slice(1).map(({ join: kind }) => (kind === "AND NOT" ? "AND" : kind)));
  if (kinds.size > 1) throw malformedSearch("AND and OR side by side are not supported by the emulator");
  if (kinds.has("OR")) return (words) => tests.some(({ test }) => test(words));
  return (words) => tests.every(({ join: kind, test }) => test(words) !== (kind === "AND NOT"));
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const literal = (): string => {
    const next = text.charAt(at + 1);
    if (!RESERVED.has(next)) throw malformedSearch(`Illegal character sequence '\\${next}' in the search term`);
    at += 2;
    // Only words are searched for. A punctuation mark separates words as a space does.
    return /[\p{L}\p{N}_]/u.test(next) ? next : " ";
  };
  while (at < text.length) {
    const character = text.charAt(at);
    if (/\s/.test(character)) at += 1;
    else if (character === '"') tokens.push(phrase());
    else tokens.push(word());
  }
  return joinNots(tokens);

  function phrase(): Token {
    let found = "";
    for (at += 1; at < text.length && text.charAt(at) !== '"'; ) {
      if (text.charAt(at) === "\\") found += literal();
      else found += text.charAt(at++);
    }
    if (at >= text.length) throw malformedSearch("a phrase is not closed");
    at += 1;
    return { kind: "phrase", text: found, wild: false };
  }

  function word(): Token {
    let found = "";
    let wild = false;
    let escaped = false;
    while (at < text.length && !/[\s"]/.test(text.charAt(at))) {
      const character = text.charAt(at);
      if (character === "\\") {
        found += literal();
        escaped = true;
      } else if (character === "*" || character === "?") {
        found += character;
        wild = true;
        at += 1;
      } else if (RESERVED.has(character)) throw malformedSearch(`unexpected token: '${character}'`);
      else {
        found += character;
        at += 1;
      }
    }
    if (!escaped && /^(AND|OR|NOT)$/i.test(found)) return { kind: found.toUpperCase() as "AND" | "OR" };
    return { kind: "word", text: found, wild };
  }
}

/** Joins `AND NOT` into one operator. NOT alone is not an operator. */
function joinNots(tokens: Token[]): Token[] {
  const result: Token[] = [];
  for (const token of tokens) {
    if ((token.kind as string) !== "NOT") result.push(token);
    else if (result.at(-1)?.kind === "AND") result[result.length - 1] = { kind: "AND NOT" };
    else throw malformedSearch("unexpected token: NOT");
  }
  return result;
}

/** Compiles a word, or several words that must follow each other. */
function compileTerm(text: string, wild: boolean): TextTest {
  const parts = wild ? text.toLowerCase().match(/[\p{L}\p{N}_*?]+/gu) : wordsOf(text);
  if (!parts || parts.join("").replace(/[*?]/g, "").length < 2) throw malformedSearch(`search term must be longer than one character: ${text}`);
  if (wild && /^[*?]/.test(text)) throw malformedSearch("a term that begins with a wildcard is not supported by the emulator");
  const tests = parts.map((part) => {
    if (!wild) return (word: string) => word === part;
    const pattern = partsInOrder(part.replace(/\?/g, ".").split("*"));
    return (word: string) => pattern.test(word);
  });
  return (words) => words.some((_, start) => start + tests.length <= words.length && tests.every((test, i) => test(words[start + i]!)));
}
