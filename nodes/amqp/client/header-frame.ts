/** A table or an array, as amqplib reads it. */
export type Fields = Record<string, unknown>;

const HEADER_FRAME = 2;
/** Where the flags of a message's properties stand: behind the frame's own 7 bytes, and class, weight and size. */
const FLAGS = 19;
const CONTENT_TYPE = 0x8000;
const CONTENT_ENCODING = 0x4000;
const HEADERS = 0x2000;

/** Bytes of the values whose length is fixed, by their tag. */
const FIXED: Record<string, number> = { V: 0, t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, f: 4, D: 5, l: 8, L: 8, d: 8, T: 8 };

/** What amqplib calls the numbers of each tag. A time it reads as `{"!": "timestamp", value}`, in s since 1970. */
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

/** @param bytes begin with a frame @returns where the length of its table of headers stands; `undefined` when it has none */
export function headersIn(bytes: Buffer): number | undefined {
  if (bytes[0] !== HEADER_FRAME) return undefined;
  const flags = bytes.readUInt16BE(FLAGS);
  if (!(flags & HEADERS)) return undefined;
  let offset = FLAGS + 2;
  for (const flag of [CONTENT_TYPE, CONTENT_ENCODING]) if (flags & flag) offset += 1 + bytes.readUInt8(offset);
  return offset;
}

/** What is done with a number. @param at where its tag stands, which is `tag` @param owner whose value it is, by its name or place */
export type OnNumber = (at: number, tag: string, owner: Fields | undefined, key: string) => void;

/** Finds the numbers among the headers in the frame that `bytes` begin with. @param headers what that frame was read as, or a copy */
export function walkNumbers(bytes: Buffer, headers: Fields | undefined, onNumber: OnNumber): void {
  /** A table, or without names an array. @param from where its length stands */
  const list = (from: number, named: boolean, owner: Fields | undefined): void => {
    const end = from + 4 + bytes.readUInt32BE(from);
    for (let at = from + 4, index = 0; at < end; index += 1) {
      const name = named ? at + 1 : at;
      at = named ? name + bytes.readUInt8(at) : at;
      at = value(at, owner, named ? bytes.toString("utf8", name, at) : String(index));
    }
  };
  /** @returns where the next begins */
  const value = (at: number, owner: Fields | undefined, key: string): number => {
    const tag = String.fromCharCode(bytes.readUInt8(at));
    const start = at + 1;
    if (tag in NUMBERS) onNumber(at, tag, owner, key);
    const fixed = FIXED[tag];
    if (fixed !== undefined) return start + fixed;
    if (tag === "F" || tag === "A") list(start, tag === "F", owner?.[key] as Fields | undefined);
    return start + 4 + bytes.readUInt32BE(start); // S and x, too
  };
  const table = headersIn(bytes);
  if (table !== undefined) list(table, true, headers);
}
