import type { ChannelModel } from "amqplib";

/** The part of amqplib's connection that frames are read by. It is not part of its types. */
interface FrameReader {
  /** What came and is not read yet: begins with the next frame. */
  rest: Buffer;
  /** @throws when the next frame cannot be decoded; it is off {@link rest} by then */
  recvFrame(): unknown;
}

const HEADER_FRAME = 2;
/** Where the flags of a message's properties stand: behind the frame's own 7 bytes, and class, weight and size. */
const FLAGS = 19;
const CONTENT_TYPE = 0x8000;
const CONTENT_ENCODING = 0x4000;
const HEADERS = 0x2000;

/** Bytes of the values whose length is fixed, by their tag. */
const FIXED: Record<string, number> = { V: 0, t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, f: 4, D: 5, l: 8, L: 8, d: 8, T: 8 };

/**
 * Lets a connection read headers of type `L`, a signed number of 64 bits: RabbitMQ takes it for the same as `l`, and passes it on as it came
 * (py-amqp, and with it Celery, sends each number over 2^31 so). amqplib does not know it (2.3.1) and ends the connection, each time the message
 * is given out again. Costs nothing until one comes.
 */
export function readLongFields(model: ChannelModel): void {
  const reader = model.connection as unknown as FrameReader;
  const receive = reader.recvFrame.bind(reader);
  reader.recvFrame = () => {
    const { rest } = reader;
    try {
      return receive();
    } catch (error) {
      if (!/^Unexpected type tag "L"/.test((error as Error).message) || !renameLongs(rest)) throw error;
      reader.rest = rest;
      return receive();
    }
  };
}

/** Makes `l` of each `L` in the header frame that `bytes` begin with. @returns whether there was any */
export function renameLongs(bytes: Buffer): boolean {
  if (bytes[0] !== HEADER_FRAME) return false;
  const flags = bytes.readUInt16BE(FLAGS);
  if (!(flags & HEADERS)) return false;
  let offset = FLAGS + 2;
  for (const flag of [CONTENT_TYPE, CONTENT_ENCODING]) if (flags & flag) offset += 1 + bytes.readUInt8(offset);
  return new TagWalk(bytes).list(offset, true) > 0;
}

/** Goes through the values of a table or an array. */
class TagWalk {
  private found = 0;

  constructor(private readonly bytes: Buffer) {}

  /** @param offset of its length @param named whether it is a table @returns how many tags were changed so far */
  list(offset: number, named: boolean): number {
    const end = offset + 4 + this.bytes.readUInt32BE(offset);
    let at = offset + 4;
    while (at < end) {
      if (named) at += 1 + this.bytes.readUInt8(at);
      at = this.value(at);
    }
    return this.found;
  }

  /** @returns where the next begins */
  private value(at: number): number {
    const tag = String.fromCharCode(this.bytes.readUInt8(at));
    const start = at + 1;
    if (tag === "L") {
      this.bytes.write("l", at, "latin1");
      this.found += 1;
    }
    const fixed = FIXED[tag];
    if (fixed !== undefined) return start + fixed;
    if (tag === "F" || tag === "A") this.list(start, tag === "F");
    return start + 4 + this.bytes.readUInt32BE(start); // S and x, too
  }
}
