import { Type, types } from "avsc";

/** Writes longs of any size, since commit numbers can be large. Reads only times, which a JavaScript number can hold exactly. */
const LONG = types.LongType.__with({
  fromBuffer: (bytes: Buffer) => Number(bytes.readBigInt64LE()),
  toBuffer: (value: number | bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    return bytes;
  },
  fromJSON: (value: number) => value,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === "bigint" || Number.isSafeInteger(value),
  compare: (a: number | bigint, b: number | bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

/** Returns the type that reads and writes values of a schema. Values of unions are not wrapped. */
export function avroType(schema: object): Type {
  return Type.forSchema(schema as Parameters<typeof Type.forSchema>[0], { registry: { long: LONG }, wrapUnions: "never" });
}
