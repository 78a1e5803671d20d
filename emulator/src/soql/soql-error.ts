import { ApiError } from "../api-error";

/**
 * Returns an error of a query in the layout of the API: the line, a caret below the place, and the reason.
 *
 * @param near the text or the offset at which the caret points. If the text is not found, it points at the start of the query
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

/** Returns the advice of the API for an unknown name. @param kind `field`, `object`, … @param suffix `__c` or `__r` */
export function namingAdvice(kind: string, suffix: "__c" | "__r", named = `custom ${kind} name`): string {
  const hint = `If you are attempting to use a custom ${kind}, be sure to append the '${suffix}' after the ${named}.`;
  return `${hint} Please reference your WSDL or the describe call for the appropriate names.`;
}

/** Returns the error for a query that is wrong, or that the emulator does not support. */
export const malformed = (query: string, near: string | number, reason: string): ApiError =>
  soqlError("MALFORMED_QUERY", query, near, reason);
