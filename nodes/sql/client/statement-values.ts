import { ConnectorError } from "../../common/errors";
import type { Parameter } from "./backend";
import { isJsonText } from "./encode";
import { sqlTimestamp } from "./dialect/text";
import { parameter } from "./dialect/values";
import type { DialectName, PlainValue } from "./protocol";

/** A value of a statement as the driver of a product takes it: what kind of column it is for, only the server knows. @param name the parameter, for the error */
export function statementValue(value: PlainValue, name: string, dialect: DialectName): Parameter {
  if (typeof value === "string" && value.includes("\0")) throw invalid(name, "the text contains a NUL character"); // drivers end it there
  if (typeof value === "object" && value !== null && !(value instanceof Date) && !(value instanceof Uint8Array) && !isJsonText(value)) {
    throw invalid(name, "a list cannot hold lists");
  }
  const plain = parameter(value, (date) => (dialect === "sqlite" ? date.toISOString() : sqlTimestamp(date.toISOString())));
  // as text it stays exact in a decimal column: psqlodbc makes 0.1 there 0.10000000000000001
  return typeof plain === "number" && !Number.isSafeInteger(plain) && dialect !== "sqlite" ? String(plain) : plain;
}

function invalid(name: string, why: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", `:${name}: ${why}`, { details: { name } });
}
