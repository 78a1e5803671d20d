import { withValue } from "../../common/environment";
import { ConnectorError } from "../../common/errors";
import { compileTypedInput, type TypedInputUtil } from "../../common/typed-input";
import type { Compile } from "./mapping";

/** Returns the value at a path of a message; `undefined` if there is none. */
export type PathValue = (msg: object) => unknown;

/**
 * Compiles a text with placeholders such as `{{payload.x}}` to a function that fills them in for a message. A missing value becomes an empty text; if all values are
 * missing, the result is `undefined`. Objects are written as JSON. Nothing is escaped, and placeholders can hold only paths.
 *
 * @param pathValue makes the function that reads a path; called once per placeholder
 * @throws ConnectorError `NOT_CONFIGURED` for braces that are not closed or hold no path
 */
export function compileTemplate(text: string, pathValue: (path: string) => PathValue): (msg: object) => string | undefined {
  const parts = text.split(/\{\{(.*?)\}\}/s);
  if (parts.some((part, index) => (index % 2 === 1 ? part.trim() === "" : part.includes("{{")))) {
    throw new ConnectorError("NOT_CONFIGURED", `The template "${text}" has braces without a path, or an end`);
  }
  const pieces = parts.map((part, index) => (index % 2 === 1 ? pathValue(part.trim().replace(/^msg\./, "")) : part));
  return (msg) => {
    let asked = false;
    let found = false;
    let result = "";
    for (const piece of pieces) {
      if (typeof piece === "string") {
        result += piece;
        continue;
      }
      const value = piece(msg);
      asked = true;
      if (value === undefined || value === null) continue;
      found = true;
      result += wordOf(value);
    }
    return asked && !found ? undefined : result;
  };
}

/** Returns a function that compiles the typed inputs of a node, including those of the type `template`. @param node the node that they belong to */
export function templateCompiler(util: TypedInputUtil, node: object): Compile {
  return (value, type, label) =>
    type === "template"
      ? compileTemplate(withValue(value), (path) => compileTypedInput(util, node, path, "msg"))
      : compileTypedInput(util, node, value, type || "str", label);
}

function wordOf(value: unknown): string {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "" : value.toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
