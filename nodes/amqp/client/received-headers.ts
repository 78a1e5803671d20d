import type { ChannelModel } from "amqplib";
import { hiddenSlot } from "../../delivery/hidden-slot";
import { headersIn, NUMBERS, walkNumbers, type Fields } from "./header-frame";
import { sendableAgain, type HeaderTable } from "./headers";

/** The part of amqplib's connection that frames are read by. It is not part of its types. */
interface FrameReader {
  /** What came and is not read yet: begins with the next frame. */
  rest: Buffer;
  /** @throws when the next frame cannot be decoded; it is off {@link rest} by then */
  recvFrame(): Frame | false;
}

interface Frame {
  fields?: { headers?: Fields };
}

/** The tag of a number of 64 bits that amqplib does not know, as the one that it knows. */
const UNKNOWN = 0x4c; // L
const KNOWN = 0x6c; // l

/** Deeper than any real header. amqplib's reader ends at some thousand, by an overflow of the stack, and what is made of headers before that. */
const MAX_DEPTH = 64;

/** The one header of a message whose own are nested too deep: their bytes, without the first few. */
const UNREADABLE = "x-headers-unreadable";

/** What headers were read from: begins with their frame. */
const frameOf = hiddenSlot<Buffer>();

/**
 * Lets a connection read whatever headers a broker passes on.
 *
 * - Numbers of 64 bits of type `L` RabbitMQ takes for the same as `l`, and passes on as they came (py-amqp, and with it Celery, sends each number over 2^31 so).
 *   amqplib does not know them (2.3.1) and ends the connection, each time the message is given out again.
 * - Numbers beyond 2^53 it reads as the nearest that JavaScript has: they become `{"!": "int64", value: "9007199254740993"}`, which is what it sends such a
 *   number by. Times before 1970 become `{"!": "timestamp", value: "18446744011573954816"}` likewise.
 * - Over tables nested some thousand deep, for which 30 KB are enough, it ends the connection, too: such headers become one, `x-headers-unreadable`.
 *
 * Costs next to nothing until one comes.
 */
export function readAllHeaders(model: ChannelModel): void {
  const reader = model.connection as unknown as FrameReader;
  const receive = reader.recvFrame.bind(reader);
  reader.recvFrame = () => {
    const { rest } = reader;
    /** Reads the frame anew, which was changed. */
    const again = (): Frame | false => {
      reader.rest = rest;
      return receive();
    };
    let frame: Frame | false;
    try {
      frame = receive();
    } catch (error) {
      if (!canBeRead(rest, error)) throw error;
      frame = again();
    }
    let headers = headersOf(frame);
    if (!headers || frameOf.get(headers)) return frame; // what comes in pieces amqplib reads by another call of this, which has had all of it
    const odd = oddity(headers, 0);
    if (odd === "deep" && makeUnreadable(rest)) headers = headersOf((frame = again())) ?? headers;
    frameOf.set(headers, rest);
    if (odd === "inexact") readExactly(rest, headers);
    return frame;
  };
}

const headersOf = (frame: Frame | false): Fields | undefined => (frame ? frame.fields?.headers : undefined);

/** Headers that were received so that amqplib can send them again, each number as the type that it came as: a headers exchange, or a client in a typed language, tells them apart. */
export function asReceived(headers: Fields): HeaderTable {
  const copy = sendableAgain(headers) as Fields;
  const bytes = frameOf.get(headers);
  if (!bytes) return copy;
  walkNumbers(bytes, copy, (_at, tag, owner, key) => {
    const value = owner?.[key];
    if (owner && typeof value === "number" && !("!" in owner)) owner[key] = { "!": NUMBERS[tag], value };
  });
  return copy;
}

/** Makes `l` of each `L` in the header frame that `bytes` begin with. @returns whether there was any */
export function renameLongs(bytes: Buffer): boolean {
  let found = false;
  walkNumbers(bytes, undefined, (at) => {
    if (bytes[at] !== UNKNOWN) return;
    bytes[at] = KNOWN;
    found = true;
  });
  return found;
}

/** Mends a frame that could not be read. @returns whether it can be now */
function canBeRead(bytes: Buffer, error: unknown): boolean {
  if (error instanceof RangeError && /call stack/.test(error.message)) return makeUnreadable(bytes);
  return /^Unexpected type tag "L"/.test((error as Error).message) && renameLongs(bytes);
}

/** Makes of the headers in the frame that `bytes` begin with, in their place, one that has the rest of them as its bytes. @returns whether there are any */
function makeUnreadable(bytes: Buffer): boolean {
  const table = headersIn(bytes);
  if (table === undefined) return false;
  const value = table + 4 + bytes.readUInt32BE(table);
  let at = bytes.writeUInt8(UNREADABLE.length, table + 4);
  at += bytes.write(`${UNREADABLE}x`, at, "latin1");
  bytes.writeUInt32BE(value - at - 4, at);
  return true;
}

/** Puts the numbers of the frame that `bytes` begin with into its `headers`, where those are only nearly so. */
function readExactly(bytes: Buffer, headers: Fields): void {
  walkNumbers(bytes, headers, (at, tag, owner, key) => {
    if (tag === "T") readTime(owner?.[key], bytes.readBigUInt64BE(at + 1));
    if (NUMBERS[tag] !== "long") return;
    const value = bytes.readBigInt64BE(at + 1);
    const nearly = Number(value);
    // of a name that comes twice amqplib has the last, which may be something else
    if (owner?.[key] === nearly && !Number.isSafeInteger(nearly)) owner[key] = { "!": "int64", value: String(value) };
  });
}

/** A time before 1970, as .NET's `DateTime.MinValue` is one, is read as a number so large that amqplib cannot send it again. @param seconds as they came, without a sign */
function readTime(read: unknown, seconds: bigint): void {
  const time = read as { "!"?: unknown; value?: unknown } | undefined;
  if (time?.["!"] === "timestamp" && time.value === Number(seconds) && !Number.isSafeInteger(time.value)) time.value = String(seconds);
}

/** Whether there is anything in headers that must be read in another way: nested too deep, or a whole number that is only nearly so. */
function oddity(value: unknown, depth: number): "deep" | "inexact" | undefined {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value) ? "inexact" : undefined;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return undefined;
  if (depth > MAX_DEPTH) return "deep";
  let found: "inexact" | undefined;
  for (const name in value) {
    const odd = oddity((value as Fields)[name], depth + 1);
    if (odd === "deep") return odd;
    found ??= odd;
  }
  return found;
}
