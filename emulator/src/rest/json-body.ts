import { ApiError } from "../api-error";
import type { Request } from "../http";
import { findJsonError } from "./json-error";

/** Returns the body of a request as JSON. @throws ApiError for another content type, for no body and for invalid JSON */
function jsonBody(request: Request): unknown {
  const contentType = request.headers["content-type"] ?? "";
  if (!/^application\/json\b/i.test(contentType)) {
    throw new ApiError("UNSUPPORTED_MEDIA_TYPE", `Content-Type '${contentType}' not supported. Supported are application/json`);
  }
  const text = request.body.toString("utf8");
  if (text.trim() === "") {
    throw new ApiError("JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body.");
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError("JSON_PARSER_ERROR", describeJsonError(text));
  }
}

/** Returns the body of a request as a JSON object. @throws ApiError when it is none */
export function jsonObject(request: Request): Record<string, unknown> {
  const value = jsonBody(request);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  const token = Array.isArray(value) ? "START_ARRAY" : "a scalar";
  throw new ApiError("JSON_PARSER_ERROR", `Expected a JSON object, but found ${token} at [line:1, column:1]`);
}

/** Refuses unknown properties of a request, because the org reads requests into objects with fixed properties. */
export function refuseUnknown(value: object, known: Iterable<string>): void {
  const names = new Set(known);
  const name = Object.keys(value).find((key) => !names.has(key));
  if (name !== undefined) throw new ApiError("JSON_PARSER_ERROR", `Unrecognized field "${name}"`);
}

function describeJsonError(text: string): string {
  const offset = findJsonError(text);
  if (offset >= text.length) return `Unexpected end-of-input at ${place(text, text.length)}`;
  const code = text.codePointAt(offset)!;
  const character = `('${String.fromCodePoint(code)}' (code ${code}))`;
  return `Unexpected character ${character}: expected a valid value or separator at ${place(text, offset)}`;
}

function place(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return `[line:${line}, column:${offset - before.lastIndexOf("\n")}]`;
}
