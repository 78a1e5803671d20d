import { ApiError } from "../api-error";

/**
 * An error of a query in the layout of the API: the line, a caret below the place, the reason.
 *
 * @param near the text the caret points at; the start of the query when it is not found
 */
export function soqlError(errorCode: string, query: string, near: string | number, reason: string): ApiError {
  const found = typeof near === "number" ? near : query.toLowerCase().indexOf(near.toLowerCase());
  const offset = found < 0 ? 0 : found;
  const before = query.slice(0, offset);
  const row = before.split("\n").length;
  const column = offset - before.lastIndexOf("\n");
  const line = query.split("\n")[row - 1] ?? "";
  return new ApiError(errorCode, `\n${line}\n${" ".repeat(column - 1)}^\nERROR at Row:${row}:Column:${column}\n${reason}`);
}

/** A query outside the grammar, or outside the part of it the emulator can answer truthfully. */
export const malformed = (query: string, near: string | number, reason: string): ApiError => soqlError("MALFORMED_QUERY", query, near, reason);
