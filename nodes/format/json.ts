import { errorText } from "../common/errors";
import { invalid } from "./content-error";

/** Reads JSON. @throws ConnectorError `FORMAT_INVALID` with the parser's message */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`Not JSON: ${errorText(error)}`, error);
  }
}

/** Writes a value as JSON. Big integers become strings, with all their digits. @throws ConnectorError `FORMAT_INVALID` for a value that JSON cannot express */
export function writeJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = stringify(value);
  } catch (error) {
    throw invalid(`The payload cannot be written as JSON: ${errorText(error)}`, error);
  }
  if (text === undefined) throw invalid(`The payload is ${typeof value}, which JSON cannot say`);
  if (text === "{}") checkEmpty(value);
  return text;
}

/** Refuses values such as a Map, which `JSON.stringify` writes as an empty object. They are told by their tags, since those of a Function node are instances of another realm's classes. */
function checkEmpty(value: unknown): void {
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (kind !== "Object") throw invalid(`The payload is of type ${kind}, which JSON cannot say`);
}

/** Writes big integers, such as a database's bigint columns have, as strings. A replacer takes three times as long, so it is used only if there is one. */
function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!errorText(error).includes("BigInt")) throw error;
    return JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? String(part) : part));
  }
}
