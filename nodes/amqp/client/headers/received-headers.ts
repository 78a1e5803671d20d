import type { ChannelModel } from "amqplib";
import { hiddenSlot } from "../../../common/hidden-slot";
import { headersIn, MAX_DEPTH, NUMBERS, walkNumbers, type Fields, type NumberType } from "./header-frame";
import { sendableAgain, type HeaderTable } from "./headers";

/** The part of amqplib's connection that reads frames. It is not part of its types. */
interface FrameReader {
  /** Bytes that were received and are not read yet. They begin with the next frame. */
  rest: Buffer;
  /** Reads the next frame. @throws when it cannot be decoded; {@link rest} no longer contains it then */
  recvFrame(): Frame | false;
}

interface Frame {
  fields?: { headers?: Fields };
}

/** The two tags of 64-bit numbers: the one that amqplib does not know, and the one that it knows. */
const UNKNOWN = 0x4c; // L
const KNOWN = 0x6c; // l

/** The only header of a message whose headers are nested too deep. It holds the bytes of those headers, without the first few. */
const UNREADABLE = "x-headers-unreadable";

/** For headers, the bytes they were read from, which begin with their frame. */
const frameOf = hiddenSlot<Buffer>();

/**
 * Makes a connection able to read all headers that a broker passes on. It changes three things in amqplib (2.3.1):
 *
 * - 64-bit numbers of type `L`: RabbitMQ treats them like `l` and passes them on unchanged (py-amqp, and so Celery, sends each number over 2^31 in this way). amqplib does
 *   not know the type and would end the connection, each time the message is delivered. They are read like `l`.
 * - Numbers beyond 2^53: amqplib would read the nearest number that JavaScript has. They become `{"!": "int64", value: "9007199254740993"}`, the form in which amqplib can
 *   send such a number. Times before 1970 become `{"!": "timestamp", value: "18446744011573954816"}` for the same reason.
 * - Over tables nested some thousand deep, for which 30 KB are enough, it ends the connection, too, by an overflow of the stack, and so would what is made of
 *   headers later: such headers become one, `x-headers-unreadable`.
 *
 * Messages without such headers cost next to nothing.
 */
export function readAllHeaders(model: ChannelModel): void {
  const reader = model.connection as unknown as FrameReader;
  const receive = reader.recvFrame.bind(reader);
  reader.recvFrame = () => {
    const { rest } = reader;
    let frame: Frame | false;
    try {
      frame = receive();
    } catch (error) {
      if (!canBeRead(rest, error)) throw error;
      reader.rest = rest;
      return reader.recvFrame();
    }
    const headers = frame ? frame.fields?.headers : undefined;
    if (!headers || frameOf.get(headers)) return frame; // for a frame that arrives in pieces, amqplib calls this function again, and that call has handled it
    const odd = oddity(headers, 0);
    if (odd === "deep" && makeUnreadable(rest)) {
      reader.rest = rest;
      return reader.recvFrame();
    }
    frameOf.set(headers, rest);
    if (odd === "inexact") readExactly(rest, headers);
    return frame;
  };
}

/** Converts received headers so that amqplib can send them again. Each number keeps its type, as headers exchanges and clients in typed languages distinguish the types. */
export function asReceived(headers: Fields): HeaderTable {
  const copy = sendableAgain(headers) as Fields;
  const bytes = frameOf.get(headers);
  if (!bytes) return copy;
  walkNumbers(bytes, copy, (at, tag, owner, key) => {
    if (!owner || "!" in owner) return;
    const { name, read } = NUMBERS[tag] as NumberType;
    const value = read(bytes, at + 1);
    if (owner[key] === value) owner[key] = { "!": name, value };
  });
  return copy;
}

/** Changes each tag `L` to `l` in the header frame that `bytes` begin with. @returns whether there was one */
export function renameLongs(bytes: Buffer): boolean {
  let found = false;
  walkNumbers(bytes, undefined, (at) => {
    if (bytes[at] !== UNKNOWN) return;
    bytes[at] = KNOWN;
    found = true;
  });
  return found;
}

/** Mends a frame that could not be read. @returns whether it was changed, and is to be read again */
function canBeRead(bytes: Buffer, error: unknown): boolean {
  const { message } = error as Error;
  const hasLong = /^Unexpected type tag "L"/.test(message);
  if (hasLong && renameLongs(bytes)) return true;
  // one that is not found is nested too deep
  return (hasLong || (error instanceof RangeError && /call stack/.test(message))) && makeUnreadable(bytes);
}

/** Overwrites the headers in the frame that `bytes` begin with by a single header, whose value is the rest of their bytes. @returns whether the frame has headers */
function makeUnreadable(bytes: Buffer): boolean {
  const table = headersIn(bytes);
  if (table === undefined) return false;
  const value = table + 4 + bytes.readUInt32BE(table);
  let at = bytes.writeUInt8(UNREADABLE.length, table + 4);
  at += bytes.write(`${UNREADABLE}x`, at, "latin1");
  bytes.writeUInt32BE(value - at - 4, at);
  return true;
}

/** Corrects the numbers in `headers` that amqplib has rounded, from the frame that `bytes` begin with. */
function readExactly(bytes: Buffer, headers: Fields): void {
  walkNumbers(bytes, headers, (at, tag, owner, key) => {
    if (tag === "T") readTime(owner?.[key], bytes.readBigUInt64BE(at + 1));
    if (NUMBERS[tag]?.name !== "long") return;
    const value = bytes.readBigInt64BE(at + 1);
    const nearly = Number(value);
    // if a name occurs twice, amqplib keeps the last value, which may be another one
    if (owner?.[key] === nearly && !Number.isSafeInteger(nearly)) owner[key] = { "!": "int64", value: String(value) };
  });
}

/** Corrects a time before 1970, such as .NET's `DateTime.MinValue`, which amqplib reads as a number too large to be sent again. @param seconds as received, unsigned */
function readTime(read: unknown, seconds: bigint): void {
  const time = read as { "!"?: unknown; value?: unknown } | undefined;
  if (time?.["!"] === "timestamp" && time.value === Number(seconds) && !Number.isSafeInteger(time.value)) time.value = String(seconds);
}

/** Returns what in headers must be read in another way: `deep`, they are nested too deep; `inexact`, a whole number was rounded. `undefined`: nothing. */
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
