import { refuse } from "./refusal";

const RESERVED = /[?&|!{}[\]()^~*:\\"'+-]/g;

/**
 * A value as words to search for. Nothing in it is an operator or a wildcard; a `*` of the query right behind the name still is one.
 *
 * @param place `phrase`: between quotes that the query has
 * @throws ConnectorError `INPUT_INVALID`
 */
export function soslTerm(value: unknown, name: string, place: "word" | "phrase"): string {
  if (typeof value !== "string" && typeof value !== "number") throw refuse(name, "is neither a text nor a number, which a search needs");
  const words = String(value).split(/[\s\p{Cc}]+/u).filter((word) => word !== "");
  if (!words.some((word) => /[\p{L}\p{N}]/u.test(word))) throw refuse(name, "has no word to search for");
  return words.map((word) => (place === "word" && /^(and|or|not)$/i.test(word) ? `"${word}"` : word.replace(RESERVED, "\\$&"))).join(" ");
}
