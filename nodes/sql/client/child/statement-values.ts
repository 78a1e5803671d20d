import { ConnectorError } from "../../../common/errors";
import { type Parameter, Untyped } from "./backend";
import { sqlTimestamp } from "../dialect/text";
import { exactNumber, parameter } from "../dialect/values";
import { isJsonText, LONE_SURROGATE } from "../encode";
import type { DialectName, PlainValue } from "../protocol";

/** An ISO 8601 timestamp with an offset that is not UTC's. */
const WITH_OFFSET = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?[+-](?!00:?00)\d\d:?\d\d$/i;

/**
 * Turns a value of a statement into a parameter. Only the server knows the type of the column that it is for.
 *
 * @param name of the parameter, for the error
 * @throws ConnectorError `INPUT_INVALID` when the value cannot be a parameter
 */
export function statementValue(value: PlainValue, name: string, dialect: DialectName): Parameter {
  if (typeof value === "string" && value.includes("\0")) throw invalid(name, "the text contains a NUL character"); // drivers cut the text there
  if (typeof value === "string" && LONE_SURROGATE.test(value)) throw invalid(name, "the text is not valid Unicode");
  if (typeof value === "object" && value !== null && !(value instanceof Date) && !(value instanceof Uint8Array) && !isJsonText(value)) {
    throw invalid(name, "a list cannot hold lists");
  }
  if (dialect === "postgresql") return forPostgresql(value, name);
  if (dialect === "mariadb" && typeof value === "string" && WITH_OFFSET.test(value)) {
    throw invalid(name, "MariaDB drops the offset of a timestamp that is text: give it in UTC, or as a date");
  }
  const plain = parameter(value, (date) => (dialect === "sqlite" ? date.toISOString() : sqlTimestamp(date.toISOString())));
  return dialect === "sqlite" ? plain : exactNumber(plain);
}

function forPostgresql(value: PlainValue, name: string): Parameter {
  if (value === null || typeof value === "number" || typeof value === "bigint") return exactNumber(value);
  return new Untyped(typeof value === "object" && isJsonText(value) ? value.json : value, name);
}

/** Returns the error for a value that cannot be a parameter. @param name of the parameter */
export function invalid(name: string, why: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", `:${name}: ${why}`, { details: { name } });
}
