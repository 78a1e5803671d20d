import type * as avro from "avsc";

/** The parts of a parsed schema that are used here; avsc's own types lack some of them. */
export interface AvroType {
  readonly typeName: string;
  /** Of a union: the types that its value can have. */
  readonly types?: AvroType[];
  /** Of a record: its fields. */
  readonly fields?: AvroField[];
  /** Of an array: the type of its items. */
  readonly itemsType?: AvroType;
  /** Name of this type within a wrapped union. */
  readonly branchName?: string;
}

/** A field of a record. */
export interface AvroField {
  readonly name: string;
  readonly type: AvroType;
  /** What the platform says about the field: `Data:DateTime:00N…`, `CreatedBy:EntityId`. */
  readonly doc?: string;
  readonly defaultValue: () => unknown;
}

/** A parsed schema. */
export type Schema = avro.Type & AvroType;

/** Which kind of time a field of Avro type `long` holds. */
export type TimeKind = "DateTime" | "DateOnly" | "TimeOnly";

/** Parses a schema. Decoded whole numbers are exact: those that a JavaScript number cannot hold are text. @throws when the JSON is not a schema */
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

/** Reads from a field's doc which kind of time it holds; `undefined`: none. */
export function timeKindOf(doc: string | undefined): TimeKind | undefined {
  const kind = /:(DateTime|Date|Time)(?:Only)?(?::|$)/.exec(doc ?? "")?.[1];
  return kind === undefined || kind === "DateTime" ? kind : (`${kind}Only` as TimeKind);
}

/** Writes a time as ISO 8601 text, as CometD gives it: without milliseconds when they are zero. @param value ms since the epoch */
export function isoTime(value: number, kind: TimeKind): string {
  const text = new Date(value).toISOString();
  if (kind === "DateTime") return text.replace(".000Z", "Z");
  return kind === "DateOnly" ? text.slice(0, 10) : text.slice(11);
}

/** The types that a value of this type can have, without null. */
export function branchesOf(type: AvroType): AvroType[] {
  return (type.types ?? [type]).filter(({ typeName }) => typeName !== "null");
}

/** The record that a field can hold, if any. */
export function recordOf(type: AvroType): AvroType | undefined {
  return branchesOf(type).find(({ typeName }) => typeName === "record");
}
