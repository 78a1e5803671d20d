import type * as avro from "avsc";

/** What is used of the parsed schema; avsc's own types leave out some of it. */
export interface AvroType {
  readonly typeName: string;
  /** Of a union. */
  readonly types?: AvroType[];
  /** Of a record. */
  readonly fields?: AvroField[];
  /** Of an array. */
  readonly itemsType?: AvroType;
  /** How a union that must be wrapped names it. */
  readonly branchName?: string;
}

/** A field of a record. */
export interface AvroField {
  readonly name: string;
  readonly type: AvroType;
  /** What the platform says of it: `Data:DateTime:00N…`, `CreatedBy:EntityId`. */
  readonly doc?: string;
  readonly defaultValue: () => unknown;
}

/** A parsed schema. */
export type Schema = avro.Type & AvroType;

/** Which kind of time a field of Avro type `long` holds. */
export type TimeKind = "DateTime" | "DateOnly" | "TimeOnly";

/** Parses a schema. Whole numbers are exact: text where a number would not be. @throws when it is not a schema */
export function parseSchema({ Type, types }: typeof avro, json: string): Schema {
  const long = types.LongType.__with({
    fromBuffer: (bytes: Buffer) => exact(bytes.readBigInt64LE()),
    toBuffer: (value: number | bigint) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(BigInt(value));
      return bytes;
    },
    fromJSON: Number,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === "bigint" || Number.isSafeInteger(value),
    compare: (one: number, other: number) => Number(one > other) - Number(one < other),
  });
  return Type.forSchema(JSON.parse(json) as avro.Schema, { registry: { long }, omitRecordMethods: true }) as Schema;
}

function exact(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** What a field's doc says of its time. */
export function timeKindOf(doc: string | undefined): TimeKind | undefined {
  const kind = /:(DateTime|Date|Time)(?:Only)?(?::|$)/.exec(doc ?? "")?.[1];
  return kind === undefined || kind === "DateTime" ? kind : (`${kind}Only` as TimeKind);
}

/** A time as ISO 8601 text, as CometD gives it: without milliseconds where there are none. */
export function isoTime(value: number, kind: TimeKind): string {
  const text = new Date(value).toISOString();
  if (kind === "DateTime") return text.replace(".000Z", "Z");
  return kind === "DateOnly" ? text.slice(0, 10) : text.slice(11);
}

/** The types a value of this type can have, but for null. */
export function branchesOf(type: AvroType): AvroType[] {
  return (type.types ?? [type]).filter(({ typeName }) => typeName !== "null");
}

/** The record that a field can hold, if any. */
export function recordOf(type: AvroType): AvroType | undefined {
  return branchesOf(type).find(({ typeName }) => typeName === "record");
}
