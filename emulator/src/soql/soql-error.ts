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

/** What the API advises when it does not know a name. @param kind `field`, `object`, … @param suffix `__c` or `__r` */
export function namingAdvice(kind: string, suffix: "__c" | "__r", named = `custom ${kind} name`): string {
  const hint = `If you are attempting to use a custom ${kind}, be sure to append the '${suffix}' after the ${named}.`;
  return `${hint} Please reference your WSDL or the describe call for the appropriate names.`;
}

/** A query outside the grammar, or outside the part of it the emulator can answer truthfully. */
export const malformed = (query: string, near: string | number, reason: string): ApiError =>
  soqlError("MALFORMED_QUERY", query, near, reason);
