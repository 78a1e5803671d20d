import type { ChannelModel } from "amqplib";

/** The part of amqplib's connection that frames are read by. It is not part of its types. */
interface FrameReader {
  /** What came and is not read yet: begins with the next frame. */
  rest: Buffer;
  /** @throws when the next frame cannot be decoded; it is off {@link rest} by then */
  recvFrame(): { fields?: { headers?: Fields } } | false;
}

/** A table or an array, as amqplib reads it. */
type Fields = Record<string, unknown>;

/** Tags of numbers of 64 bits. */
const KNOWN = 0x6c; // l
const UNKNOWN = 0x4c; // L

const HEADER_FRAME = 2;
/** Where the flags of a message's properties stand: behind the frame's own 7 bytes, and class, weight and size. */
const FLAGS = 19;
const CONTENT_TYPE = 0x8000;
const CONTENT_ENCODING = 0x4000;
const HEADERS = 0x2000;

/** Bytes of the values whose length is fixed, by their tag. */
const FIXED: Record<string, number> = { V: 0, t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, f: 4, D: 5, l: 8, L: 8, d: 8, T: 8 };

/**
 * Lets a connection read headers that are numbers of 64 bits as they are.
 *
 * Those of type `L` RabbitMQ takes for the same as `l`, and passes on as they came (py-amqp, and with it Celery, sends each number over 2^31 so). amqplib
 * does not know them (2.3.1) and ends the connection, each time the message is given out again. And numbers beyond 2^53 it reads as the nearest that
 * JavaScript has: they become `{"!": "int64", value: "9007199254740993"}`, which is what it sends such a number by. Costs next to nothing until one comes.
 */
export function readLongFields(model: ChannelModel): void {
  const reader = model.connection as unknown as FrameReader;
  const receive = reader.recvFrame.bind(reader);
  reader.recvFrame = () => {
    const { rest } = reader;
    let frame: ReturnType<FrameReader["recvFrame"]>;
    try {
      frame = receive();
    } catch (error) {
      if (!/^Unexpected type tag "L"/.test((error as Error).message) || !renameLongs(rest)) throw error;
      reader.rest = rest;
      frame = receive();
    }
    const headers = frame ? frame.fields?.headers : undefined;
    if (headers && hasInexact(headers)) readExactly(rest, headers);
    return frame;
  };
}

/** Makes `l` of each `L` in the header frame that `bytes` begin with. @returns whether there was any */
export function renameLongs(bytes: Buffer): boolean {
  let found = false;
  walkHeaders(bytes, undefined, (at) => {
    if (bytes[at] !== UNKNOWN) return;
    bytes[at] = KNOWN;
    found = true;
  });
  return found;
}

/** Puts the numbers of the frame that `bytes` begin with into its `headers`, where those are only nearly so. */
function readExactly(bytes: Buffer, headers: Fields): void {
  walkHeaders(bytes, headers, (at, owner, key) => {
    const value = bytes.readBigInt64BE(at + 1);
    const nearly = Number(value);
    // of a name that comes twice amqplib has the last, which may be something else
    if (owner?.[key] === nearly && !Number.isSafeInteger(nearly)) owner[key] = { "!": "int64", value: String(value) };
  });
}

function hasInexact(value: unknown): boolean {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  for (const name in value) if (hasInexact((value as Fields)[name])) return true;
  return false;
}

/** @param onLong told of each number of 64 bits: where its tag stands, and whose value it is, by its name or place */
function walkHeaders(bytes: Buffer, headers: Fields | undefined, onLong: (at: number, owner: Fields | undefined, key: string) => void): void {
  if (bytes[0] !== HEADER_FRAME) return;
  const flags = bytes.readUInt16BE(FLAGS);
  if (!(flags & HEADERS)) return;
  let offset = FLAGS + 2;
  for (const flag of [CONTENT_TYPE, CONTENT_ENCODING]) if (flags & flag) offset += 1 + bytes.readUInt8(offset);

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
    if (bytes[at] === UNKNOWN || bytes[at] === KNOWN) onLong(at, owner, key);
    const fixed = FIXED[tag];
    if (fixed !== undefined) return start + fixed;
    if (tag === "F" || tag === "A") list(start, tag === "F", owner?.[key] as Fields | undefined);
    return start + 4 + bytes.readUInt32BE(start); // S and x, too
  };
  list(offset, true, headers);
}
