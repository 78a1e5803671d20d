import { errorText } from "../common/errors";
import { invalid } from "./content-error";

/** What JSON says. @throws ConnectorError `FORMAT_INVALID` with the parser's message */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`Not JSON: ${errorText(error)}`, error);
  }
}

/** A value as JSON; big integers as strings, exact. @throws ConnectorError `FORMAT_INVALID` for what JSON cannot say */
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

/** JSON has an empty object for some values that are none. By their tags: a Function node's are of another realm. */
function checkEmpty(value: unknown): void {
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (kind !== "Object") throw invalid(`The payload is of type ${kind}, which JSON cannot say`);
}

/** A bigint column must not make publishing fail: it is written as a string, exact. Looking at each part takes three times as long, so only then. */
function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!errorText(error).includes("BigInt")) throw error;
    return JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? String(part) : part));
  }
}
