import { ApiError } from "../api-error";
import { parseDate, parseDateTime } from "../dates";
import type { Field, Scalar } from "../schema/types";

/**
 * Returns the value of a field for a value in JSON. No rule is checked yet.
 *
 * A value of a wrong type makes the whole request fail with `JSON_PARSER_ERROR`, as in a real org, where the JSON is turned into typed records before the first one is
 * written. Numbers and booleans are accepted as text: no report was found of an org that refuses them.
 */
export function deserialize(field: Field, json: unknown): Scalar {
  if (json === null) return null;
  if (typeof json === "object") throw cannotDeserialize(field, json);
  switch (field.type) {
    case "boolean":
      return toBoolean(field, json);
    case "int":
    case "double":
    case "currency":
    case "percent":
      return toNumber(field, json);
    case "date":
    case "datetime":
      return toDate(field, json);
    case "base64":
      return toBase64(field, json);
    default:
      // The org trims text. It stores neither empty text nor half of a surrogate pair.
      return String(json).trim().toWellFormed() || null;
  }
}

function toBoolean(field: Field, json: unknown): boolean {
  if (typeof json === "boolean") return json;
  const text = String(json).toLowerCase();
  if (text === "true" || text === "false") return text === "true";
  throw cannotDeserialize(field, json);
}

function toNumber(field: Field, json: unknown): Scalar {
  if (json === "") return null;
  const number =
    typeof json === "number" ? json : typeof json === "string" && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(json) ? Number(json) : NaN;
  if (!Number.isFinite(number) || (field.type === "int" && !Number.isInteger(number))) throw cannotDeserialize(field, json);
  return number;
}

function toDate(field: Field, json: unknown): Scalar {
  if (json === "") return null;
  const text = typeof json === "string" ? json : "";
  const date = parseDate(text);
  const dateTime = date === undefined ? parseDateTime(text) : undefined;
  if (field.type === "date" && date !== undefined) return date;
  if (field.type === "datetime" && dateTime !== undefined) return dateTime;
  throw cannotDeserialize(field, json);
}

function toBase64(field: Field, json: unknown): Scalar {
  if (json === "") return null;
  if (typeof json === "string" && json.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(json)) return json;
  throw cannotDeserialize(field, typeof json === "string" ? `${json.slice(0, 20)}…` : json);
}

function cannotDeserialize(field: Field, json: unknown): ApiError {
  const type = field.type === "reference" ? "id" : field.type;
  const hint = "or request may be missing a required field at [line:1, column:2]";
  return new ApiError("JSON_PARSER_ERROR", `Cannot deserialize instance of ${type} from ${token(json)} ${hint}`);
}

/** Returns a value as the JSON parser of the API names it in errors. */
function token(json: unknown): string {
  if (Array.isArray(json)) return "START_ARRAY value [";
  if (typeof json === "object") return "START_OBJECT value {";
  if (typeof json === "number") return `VALUE_NUMBER_${Number.isInteger(json) ? "INT" : "FLOAT"} value ${json}`;
  if (typeof json === "boolean") return `VALUE_${String(json).toUpperCase()} value ${String(json)}`;
  return `VALUE_STRING value ${String(json)}`;
}
