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

/** The names that amqplib has for the number types, by their tag. It reads a time as `{"!": "timestamp", value}`, in s since 1970. */
export const NUMBERS: Record<string, string> = {
  b: "byte",
  B: "unsignedbyte",
  s: "short",
  u: "unsignedshort",
  I: "int",
  i: "unsignedint",
  l: "long",
  L: "long",
  f: "float",
  d: "double",
  T: "timestamp",
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

/** Called for a number. @param at offset of its tag @param tag the tag @param owner the table or array that contains it @param key its name or index there */
export type OnNumber = (at: number, tag: string, owner: Fields | undefined, key: string) => void;

/** Calls `onNumber` for each number in the headers of a frame. @param bytes begin with the frame @param headers the headers as amqplib has read them, or a copy */
export function walkNumbers(bytes: Buffer, headers: Fields | undefined, onNumber: OnNumber): void {
  /** Walks through a table (`named`) or an array. @param from offset of its length */
  const list = (from: number, named: boolean, owner: Fields | undefined): void => {
    const end = from + 4 + bytes.readUInt32BE(from);
    for (let at = from + 4, index = 0; at < end; index += 1) {
      const name = named ? at + 1 : at;
      at = named ? name + bytes.readUInt8(at) : at;
      at = value(at, owner, named ? bytes.toString("utf8", name, at) : String(index));
    }
  };
  /** Walks through one value. @param at offset of its tag @returns the offset of the next value */
  const value = (at: number, owner: Fields | undefined, key: string): number => {
    const tag = String.fromCharCode(bytes.readUInt8(at));
    const start = at + 1;
    if (tag in NUMBERS) onNumber(at, tag, owner, key);
    const fixed = FIXED[tag];
    if (fixed !== undefined) return start + fixed;
    if (tag === "F" || tag === "A") list(start, tag === "F", owner?.[key] as Fields | undefined);
    return start + 4 + bytes.readUInt32BE(start); // texts (S) and bytes (x) have a length, too
  };
  const table = headersIn(bytes);
  if (table !== undefined) list(table, true, headers);
}
