import { refuse } from "./refusal";

const RESERVED = /[?&|!{}[\]()^~*:\\"'+-]/g;

/**
 * Writes a value as words to search for. Nothing in the value is an operator or a wildcard; but a `*` of the query directly after the name still is one.
 *
 * @param place `phrase` if the name is between quotes of the query, else `word`
 * @throws ConnectorError `INPUT_INVALID` for a value that is neither a text nor a number, or has no letter or digit
 */
export function soslTerm(value: unknown, name: string, place: "word" | "phrase"): string {
  if (typeof value !== "string" && typeof value !== "number") throw refuse(name, "is neither a text nor a number, which a search needs");
  const words = String(value).split(/[\s\p{Cc}]+/u).filter((word) => word !== "");
  if (!words.some((word) => /[\p{L}\p{N}]/u.test(word))) throw refuse(name, "has no word to search for");
  return words.map((word) => (place === "word" && /^(and|or|not)$/i.test(word) ? `"${word}"` : word.replace(RESERVED, "\\$&"))).join(" ");
}
