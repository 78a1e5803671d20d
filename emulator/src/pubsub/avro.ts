import { Type, types } from "avsc";

/** Longs as numbers while these are exact, else as bigint; both are taken. */
const LONG = types.LongType.__with({
  fromBuffer: (bytes: Buffer) => {
    const exact = bytes.readBigInt64LE();
    const number = Number(exact);
    return Number.isSafeInteger(number) ? number : exact;
  },
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

/** Reads and writes what a schema describes. Values of unions stand for themselves. */
export function avroType(schema: object): Type {
  return Type.forSchema(schema as Parameters<typeof Type.forSchema>[0], { registry: { long: LONG }, wrapUnions: "never" });
}
