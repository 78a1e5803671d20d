/** A table or an array, as amqplib reads it. */
export type Fields = Record<string, unknown>;

const HEADER_FRAME = 2;
/** Offset of the flags for a message's properties, after the frame's own 7 bytes, class (2), weight (2) and size (8). */
const FLAGS = 19;
const CONTENT_TYPE = 0x8000;
const CONTENT_ENCODING = 0x4000;
const HEADERS = 0x2000;

/** The length in bytes of values with a fixed length, by their type tag. */
const FIXED: Record<string, number> = { V: 0, t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, f: 4, D: 5, l: 8, L: 8, d: 8, T: 8 };

/** Tables that are nested deeper are not looked into: deeper than any real header. */
export const MAX_DEPTH = 64;

/** A type of number. */
export interface NumberType {
  /** What amqplib calls it. */
  name: string;
  /** The number at `at`, as amqplib reads it. */
  read(bytes: Buffer, at: number): number;
}

/** The types of numbers, by their tags. A time amqplib reads as `{"!": "timestamp", value}`, in s since 1970. */
export const NUMBERS: Readonly<Record<string, NumberType>> = {
  b: { name: "byte", read: (bytes, at) => bytes.readInt8(at) },
  B: { name: "unsignedbyte", read: (bytes, at) => bytes.readUInt8(at) },
  s: { name: "short", read: (bytes, at) => bytes.readInt16BE(at) },
  u: { name: "unsignedshort", read: (bytes, at) => bytes.readUInt16BE(at) },
  I: { name: "int", read: (bytes, at) => bytes.readInt32BE(at) },
  i: { name: "unsignedint", read: (bytes, at) => bytes.readUInt32BE(at) },
  l: { name: "long", read: (bytes, at) => Number(bytes.readBigInt64BE(at)) },
  L: { name: "long", read: (bytes, at) => Number(bytes.readBigInt64BE(at)) },
  f: { name: "float", read: (bytes, at) => bytes.readFloatBE(at) },
  d: { name: "double", read: (bytes, at) => bytes.readDoubleBE(at) },
  T: { name: "timestamp", read: (bytes, at) => Number(bytes.readBigUInt64BE(at)) },
};

/** Finds the header table of a frame. @param bytes begin with the frame @returns the offset of the table's length; `undefined` when there is no table */
export function headersIn(bytes: Buffer): number | undefined {
  if (bytes[0] !== HEADER_FRAME) return undefined;
  const flags = bytes.readUInt16BE(FLAGS);
  if (!(flags & HEADERS)) return undefined;
  let offset = FLAGS + 2;
  for (const flag of [CONTENT_TYPE, CONTENT_ENCODING]) if (flags & flag) offset += 1 + bytes.readUInt8(offset);
  return offset;
}

/**
 * What is done with a number.
 *
 * @param at where its tag stands, which is `tag`
 * @param owner the table or array that it is in; `undefined` when another value has come later by the name of that
 * @param key its name or place. Of a name that comes twice amqplib keeps the last value, so this may be another one's
 */
export type OnNumber = (at: number, tag: string, owner: Fields | undefined, key: string) => void;

/** Calls `onNumber` for each number in the headers of a frame. @param bytes begin with the frame @param headers the headers as amqplib has read them, or a copy */
export function walkNumbers(bytes: Buffer, headers: Fields | undefined, onNumber: OnNumber): void {
  /** Walks through a table (`named`) or an array. @param from offset of its length */
  const list = (from: number, named: boolean, owner: Fields | undefined, depth: number): void => {
    const end = from + 4 + bytes.readUInt32BE(from);
    for (let at = from + 4, index = 0; at < end; index += 1) {
      const name = named ? at + 1 : at;
      at = named ? name + bytes.readUInt8(at) : at;
      at = value(at, owner, named ? bytes.toString("utf8", name, at) : String(index), depth);
    }
  };
  /** Walks through one value. @param at offset of its tag @returns the offset of the next value */
  const value = (at: number, owner: Fields | undefined, key: string, depth: number): number => {
    const tag = String.fromCharCode(bytes.readUInt8(at));
    const start = at + 1;
    if (tag in NUMBERS) onNumber(at, tag, owner, key);
    const fixed = FIXED[tag];
    if (fixed !== undefined) return start + fixed;
    if ((tag === "F" || tag === "A") && depth < MAX_DEPTH) list(start, tag === "F", fieldsIn(owner?.[key], tag), depth + 1);
    return start + 4 + bytes.readUInt32BE(start); // texts (S) and bytes (x) have a length, too
  };
  const table = headersIn(bytes);
  if (table !== undefined) list(table, true, headers, 0);
}

/** `value`, if it is a table (F) or an array (A). */
function fieldsIn(value: unknown, tag: "F" | "A"): Fields | undefined {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return undefined;
  return Array.isArray(value) === (tag === "A") ? (value as Fields) : undefined;
}
