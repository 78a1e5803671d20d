import { ConnectorError, errorText } from "../../../../common/errors";
import type { Fields } from "../../records/collections";
import { type AvroField, type AvroType, branchesOf, type Schema, type TimeKind, timeKindOf } from "./avro-value";

/** What a field takes, in words for error messages: by Avro type, and for times by their kind. */
const WORDS: Record<string, string> = { string: "text", boolean: "true or false", double: "a number", float: "a number", int: "a whole number", long: "a whole number", "abstract:long": "a whole number" };
const TIMES: Record<TimeKind, string> = { DateTime: "a date and time in ISO 8601", DateOnly: "a date in ISO 8601", TimeOnly: "a time in ISO 8601" };

const ISO: Record<TimeKind, RegExp> = {
  DateTime: /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/,
  DateOnly: /^\d{4}-\d\d-\d\d(T.*)?$/,
  TimeOnly: /^\d\d:\d\d(:\d\d(\.\d+)?)?Z?$/,
};

/** Encodes an event's fields as Avro, by the org's schema of the event. The case of field names does not matter, as with REST. */
export class EventEncoder {
  private readonly fields: Map<string, AvroField>;

  /** @param event API name, for errors */
  constructor(
    private readonly event: string,
    private readonly schema: Schema,
  ) {
    this.fields = new Map((schema.fields ?? []).map((field) => [field.name.toLowerCase(), field]));
  }

  /**
   * Encodes one event.
   *
   * @param values by field name: text, numbers, booleans, null; times as ISO 8601 text
   * @throws ConnectorError `ORG_REFUSED` that names the field: one the event does not have, one that is required, or one whose value is of another type
   */
  encode(values: Fields): Buffer {
    const record: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(values)) {
      const field = this.fields.get(name.toLowerCase());
      if (!field) throw this.refusal("INVALID_FIELD", name, `The event ${this.event} has no field ${name}`);
      record[field.name] = value === null || value === undefined ? null : this.toAvro(field, value);
    }
    for (const field of this.fields.values()) {
      if (record[field.name] !== null && record[field.name] !== undefined) continue;
      if (branchesOf(field.type).length === field.type.types?.length || !field.type.types) {
        throw this.refusal("REQUIRED_FIELD_MISSING", field.name, `The event ${this.event} needs the field ${field.name}`);
      }
      record[field.name] = null;
    }
    try {
      return this.schema.toBuffer(record);
    } catch (cause) {
      throw new ConnectorError("ORG_REFUSED", `The event ${this.event} cannot be encoded: ${errorText(cause)}`, { cause });
    }
  }

  private toAvro(field: AvroField, value: unknown): unknown {
    const time = timeKindOf(field.doc);
    const branches = branchesOf(field.type);
    for (const branch of branches) {
      const ready = ofType(branch, time, value);
      if (ready !== undefined) return field.type.typeName === "union:wrapped" ? { [branch.branchName ?? ""]: ready } : ready;
    }
    const wanted = branches.map(({ typeName }) => (time && /long|int/.test(typeName) ? TIMES[time] : (WORDS[typeName] ?? `a value of type ${typeName}`))).join(" or ");
    throw this.refusal("INVALID_TYPE_ON_FIELD_IN_RECORD", field.name, `The field ${field.name} of ${this.event} takes ${wanted}, not ${nameOf(value)}`);
  }

  private refusal(statusCode: string, field: string, text: string): ConnectorError {
    return new ConnectorError("ORG_REFUSED", text, { details: { statusCode, fields: [field] } });
  }
}

/** Converts a value to an Avro type; `undefined` when it does not fit the type. */
function ofType({ typeName }: AvroType, time: TimeKind | undefined, value: unknown): unknown {
  switch (typeName) {
    case "string":
    case "enum":
      return typeof value === "string" ? value : undefined;
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "double":
    case "float":
      return toNumber(value);
    case "int":
    case "long":
    case "abstract:long":
      return time && typeof value === "string" ? toTime(value, time) : toWhole(value, typeName === "int");
    default:
      return undefined;
  }
}

/** A number, which may be given as text, as with REST. */
function toNumber(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^\s*-?\d+(\.\d*)?(e[+-]?\d+)?\s*$/i.test(value) ? Number(value) : undefined;
}

function toWhole(value: unknown, short: boolean): number | bigint | undefined {
  const whole = typeof value === "string" && /^-?\d{1,19}$/.test(value) ? BigInt(value) : Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
  if (whole === undefined || BigInt.asIntN(short ? 32 : 64, whole) !== whole) return undefined;
  return short ? Number(whole) : whole;
}

function toTime(text: string, kind: TimeKind): number | undefined {
  if (!ISO[kind].test(text)) return undefined;
  const whole = { DateTime: text, DateOnly: `${text.slice(0, 10)}T00:00:00Z`, TimeOnly: `1970-01-01T${text.replace(/Z$/, "")}Z` }[kind];
  const time = Date.parse(whole);
  return Number.isNaN(time) ? undefined : time;
}

function nameOf(value: unknown): string {
  if (typeof value === "string") return value.length > 40 ? "such a text" : `"${value}"`;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) ? "a list" : "an object";
}
