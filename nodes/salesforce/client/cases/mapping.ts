import { textIn } from "../../../common/environment";
import { ConnectorError, errorText, isConnectorError } from "../../../common/errors";
import { isPlain } from "../../../common/is-plain";
import type { Fields } from "../records/collections";

/** One row of a mapping or of a list of defaults, as flows store it. */
export interface FieldRow {
  /** API name of the field. */
  field: string;
  /** What the typed input holds. */
  value: unknown;
  /** `msg`, `str`, `num`, `bool`, `jsonata`, `template`, `env` or `json`. */
  valueType: string;
}

/** Gives a row's value for a message; a promise only where it must (JSONata). */
export type Evaluate = (msg: object) => unknown;

/** Makes the {@link Evaluate} of a typed input, once. */
export type Compile = (value: unknown, type: string, label: string) => Evaluate;

/** Gives a record's fields for a message. */
export type MapFields = (msg: object) => Fields | Promise<Fields>;

interface Rule {
  field: string;
  evaluate: Evaluate;
}

/**
 * Compiles lists of rows into one function. Where several rows give a value for a field – in whatever case it is spelled – the last one
 * wins, so defaults go first. A value that is not there leaves the field out; `null` clears it.
 *
 * The function throws or rejects with `INPUT_INVALID` that names the field.
 */
export function compileFields(lists: FieldRow[][], compile: Compile): MapFields {
  const rules = lists.flat().flatMap((row) => toRule(row, compile));
  return (msg) => {
    const values = rules.map((rule) => evaluate(rule, msg));
    if (!values.some((value) => value instanceof Promise)) return collect(rules, values);
    return Promise.all(values).then((settled) => collect(rules, settled));
  };
}

function toRule(row: FieldRow, compile: Compile): Rule[] {
  const field = textIn(row.field);
  if (!field) return [];
  try {
    const valueOf = compile(row.value, row.valueType, `field ${field}`);
    // An environment variable that is not set reads as "", which would clear the field.
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
    named.catch(() => undefined); // another row may throw before anyone waits for this one
    return named;
  } catch (error) {
    return fail(field, error);
  }
}

function fail(field: string, cause: unknown): never {
  if (isConnectorError(cause)) throw cause;
  throw new ConnectorError("INPUT_INVALID", `The value of field ${field} cannot be worked out: ${errorText(cause)}`, { details: { field }, cause });
}

function collect(rules: Rule[], values: unknown[]): Fields {
  const found = new Map<string, [field: string, value: unknown]>();
  rules.forEach(({ field }, index) => {
    const value = toFieldValue(field, values[index]);
    if (value !== undefined) found.set(field.toLowerCase(), [field, value]);
  });
  return Object.fromEntries(found.values());
}

/**
 * A value as REST takes it. What JSON cannot carry, and what no field can hold, is refused here: in a batch it would fail the whole call.
 *
 * @throws ConnectorError `INPUT_INVALID`
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

/** `{"Serial__c": "42"}`: a related record named by its external id. */
function isReference(value: object): boolean {
  const parts = isPlain(value) ? Object.values(value) : [];
  return parts.length > 0 && parts.length <= 2 && parts.every((part) => typeof part === "string" || Number.isFinite(part) || isTypeOnly(part));
}

/** `{"type": "Account"}` beside the external id, which a field that may point to several objects needs. */
function isTypeOnly(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).join() === "type" && typeof (value as { type: unknown }).type === "string";
}

function invalid(field: string, text: string): ConnectorError {
  return new ConnectorError("INPUT_INVALID", `Field ${field}: ${text}`, { details: { field } });
}
