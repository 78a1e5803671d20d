import { ApiError } from "../api-error";
import { parseId } from "../ids";
import type { Field, Scalar } from "../schema/types";

/** Values to write, by field. */
export type Changes = Map<Field, Scalar>;

/** Refuses fields that the caller may not write. All are reported at once, before any other mistake. */
export function checkWriteable(changes: Changes, operation: "create" | "update"): void {
  const refused = [...changes.keys()]
    .filter((field) => (operation === "create" ? !field.createable : !field.updateable))
    .map((field) => field.name);
  if (refused.length === 0) return;
  const advice = "Please check the security settings of this field and verify that it is read/write for your profile or permission set.";
  throw new ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", `Unable to create/update fields: ${refused.join(", ")}. ${advice}`, refused);
}

/** Refuses a record in which required fields have no value. All are reported at once. */
export function checkRequired(fields: readonly Field[], changes: Changes, operation: "create" | "update"): void {
  const missing = fields
    .filter((field) => field.required && (operation === "create" ? (changes.get(field) ?? null) === null : changes.get(field) === null))
    .map((field) => field.name);
  if (missing.length > 0) throw new ApiError("REQUIRED_FIELD_MISSING", `Required fields are missing: [${missing.join(", ")}]`, missing);
}

/** Checks a value by the definition of its field. @returns the value to store */
export function checkValue(field: Field, value: Scalar): Scalar {
  if (value === null) {
    if (field.type !== "boolean") return null;
    throw new ApiError("INVALID_TYPE_ON_FIELD_IN_RECORD", `${field.label}: value not of required type: null`, [field.name]);
  }
  switch (field.type) {
    case "boolean":
    case "date":
    case "datetime":
      return value;
    case "int":
    case "double":
    case "currency":
    case "percent":
      return checkNumber(field, value as number);
    case "id":
    case "reference":
      return checkId(field, value as string);
    case "picklist":
      checkLength(field, value as string);
      return checkPicklist(field, value as string);
    case "multipicklist":
      for (const part of (value as string).split(";")) checkPicklist(field, part);
      return value;
    case "email":
      checkLength(field, value as string);
      if (!/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value as string)) {
        throw new ApiError("INVALID_EMAIL_ADDRESS", `${field.label}: invalid email address: ${value as string}`, [field.name]);
      }
      return value;
    default:
      checkLength(field, value as string);
      return value;
  }
}

function checkLength(field: Field, value: string): void {
  if (value.length <= field.length) return;
  const shown = value.length > 80 ? `${value.slice(0, 80)}…` : value;
  throw new ApiError("STRING_TOO_LONG", `${field.label}: data value too large: ${shown} (max length=${field.length})`, [field.name]);
}

function checkNumber(field: Field, value: number): number {
  const rounded = field.type === "int" ? value : Number(value.toFixed(field.scale));
  const limit = field.type === "int" ? 2 ** 31 : 10 ** (field.precision - field.scale);
  if (Math.abs(rounded) < limit) return rounded;
  throw new ApiError("NUMBER_OUTSIDE_VALID_RANGE", `${field.label}: value outside of valid range on numeric field: ${value}`, [field.name]);
}

function checkPicklist(field: Field, value: string): string {
  if (!field.restrictedPicklist) return value;
  // Case does not matter. The returned value is spelled as in the picklist.
  const known = field.picklistValues.find((entry) => entry.active && entry.value.toLowerCase() === value.toLowerCase());
  if (known) return known.value;
  const text = `${field.label}: bad value for restricted picklist field: ${value}`;
  throw new ApiError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, [field.name]);
}

function checkId(field: Field, value: string): string {
  const id = parseId(value);
  if (id === undefined) throw malformedId(field, value);
  return id;
}

/** Returns the error for an id that is malformed or is the id of another kind of record. */
export function malformedId(field: Pick<Field, "label" | "name">, value: string): ApiError {
  return new ApiError("MALFORMED_ID", `${field.label}: id value of incorrect type: ${value}`, [field.name]);
}
