import { textIn } from "../../common/environment";
import { ConnectorError, errorText, isConnectorError } from "../../common/errors";
import { isPlain } from "../../common/is-plain";
import { whenAllReady } from "../../common/typed-input";
import type { Fields } from "./records/collections";

/** One row of a mapping or of a list of defaults, as flows store it. */
export interface FieldRow {
  /** API name of the field. */
  field: string;
  /** The value of the typed input. */
  value: unknown;
  /** `msg`, `str`, `num`, `bool`, `jsonata`, `template`, `env` or `json`. */
  valueType: string;
}

/** Returns a row's value for a message. It is a promise only if it must be one (JSONata). */
export type Evaluate = (msg: object) => unknown;

/** Compiles a typed input. Called once for each. */
export type Compile = (value: unknown, type: string, label: string) => Evaluate;

/** Returns the fields of a record for a message. */
export type MapFields = (msg: object) => Fields | Promise<Fields>;

interface Rule {
  field: string;
  evaluate: Evaluate;
}

/**
 * Compiles lists of rows into one function. If several rows have a value for the same field, in upper or lower case, the last one wins, so defaults go first. A field
 * whose value is `undefined` is left out; `null` clears it.
 *
 * The function throws or rejects with `INPUT_INVALID`, which names the field.
 */
export function compileFields(lists: FieldRow[][], compile: Compile): MapFields {
  const rules = lists.flat().flatMap((row) => toRule(row, compile));
  return (msg) => whenAllReady(rules.map((rule) => evaluate(rule, msg)), (values) => collect(rules, values));
}

function toRule(row: FieldRow, compile: Compile): Rule[] {
  const field = textIn(row.field);
  if (!field) return [];
  try {
    const valueOf = compile(row.value, row.valueType, `field ${field}`);
    // An environment variable that is not set is read as "", which would clear the field.
    return [{ field, evaluate: row.valueType === "env" ? (msg) => unlessBlank(valueOf(msg)) : valueOf }];
  } catch (error) {
    if (isConnectorError(error)) throw error;
    throw new ConnectorError("NOT_CONFIGURED", `The value of field ${field} cannot be used: ${errorText(error)}`, { cause: error });
  }
}

function unlessBlank(value: unknown): unknown {
  return value === "" ? undefined : value;
}

function evaluate({ field, evaluate: valueOf }: Rule, msg: object): unknown {
  try {
    const value = valueOf(msg);
    if (!(value instanceof Promise)) return value;
    const named = value.catch((error: unknown) => fail(field, error));
    named.catch(() => undefined); // no unhandled rejection if another row throws before this promise is awaited
    return named;
  } catch (error) {
    return fail(field, error);
  }
}

function fail(field: string, cause: unknown): never {
  if (isConnectorError(cause)) throw cause;
  throw new ConnectorError("INPUT_INVALID", `The value of field ${field} cannot be worked out: ${errorText(cause)}`, { details: { field }, cause });
}

function collect(rules: Rule[], values: readonly unknown[]): Fields {
  const found = new Map<string, [field: string, value: unknown]>();
  rules.forEach(({ field }, index) => {
    const value = toFieldValue(field, values[index]);
    if (value !== undefined) found.set(field.toLowerCase(), [field, value]);
  });
  return Object.fromEntries(found.values());
}

/**
 * Converts a value to one that REST accepts. A value that JSON or a field cannot hold is refused here, since in a batch it would fail the whole call.
 *
 * @throws ConnectorError `INPUT_INVALID` with the field, for such a value
 */
export function toFieldValue(field: string, value: unknown): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return value;
    case "number":
      if (Number.isFinite(value)) return value;
      throw invalid(field, `${value} is not a number a field can hold`);
    case "bigint":
      return value.toString();
    case "object":
      if (value === null) return null;
      if (value instanceof Date) {
        if (Number.isNaN(value.getTime())) throw invalid(field, "the date is not valid");
        return value.toISOString();
      }
      if (isReference(value)) return value;
      throw invalid(field, `${Array.isArray(value) ? "an array" : "an object"} is not a field value`);
    default:
      throw invalid(field, `a ${typeof value} is not a field value`);
  }
}

/** Whether a value refers to a related record by its external id, such as `{"Serial__c": "42"}`. */
function isReference(value: object): boolean {
  const parts = isPlain(value) ? Object.values(value) : [];
  return parts.length > 0 && parts.length <= 2 && parts.every((part) => typeof part === "string" || Number.isFinite(part) || isTypeOnly(part));
}

/** Whether a value is `{"type": "Account"}`, which stands beside the external id for a field that may point to several objects. */
function isTypeOnly(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).join() === "type" && typeof (value as { type: unknown }).type === "string";
}

function invalid(field: string, text: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", `Field ${field}: ${text}`, { details: { field } });
}
