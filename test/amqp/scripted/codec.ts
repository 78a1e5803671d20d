import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** What stands in the methods of AMQP 0-9-1. A name means the same in every method that has it. */
export interface Fields {
  queue: string;
  exchange: string;
  type: string;
  routingKey: string;
  destination: string;
  source: string;
  consumerTag: string;
  deliveryTag: number;
  redelivered: boolean;
  multiple: boolean;
  requeue: boolean;
  mandatory: boolean;
  passive: boolean;
  durable: boolean;
  exclusive: boolean;
  autoDelete: boolean;
  noAck: boolean;
  nowait: boolean;
  global: boolean;
  prefetchCount: number;
  messageCount: number;
  consumerCount: number;
  arguments: Record<string, unknown>;
  replyCode: number;
  replyText: string;
  reason: string;
  classId: number;
  methodId: number;
  versionMajor: number;
  versionMinor: number;
  serverProperties: object;
  clientProperties: { connection_name?: string; capabilities?: Record<string, boolean> };
  mechanisms: Buffer;
  locales: Buffer;
  mechanism: string;
  response: Buffer;
  newSecret: Buffer;
  virtualHost: string;
  channelMax: number;
  frameMax: number;
  heartbeat: number;
}

/** A message's properties, `headers` among them. */
export interface Properties extends Record<string, unknown> {
  headers?: Record<string, unknown>;
}

/** A frame, decoded. */
export type Frame =
  | { kind: "method"; channel: number; id: number; method: string; fields: Fields }
  | { kind: "header"; channel: number; size: number; properties: Properties }
  | { kind: "body"; channel: number; content: Buffer }
  | { kind: "heartbeat"; channel: number };

interface MethodInfo {
  id: number;
  name: string;
}

interface Definitions extends Record<string, unknown> {
  encodeMethod(id: number, channel: number, fields: object): Buffer;
  encodeProperties(classId: number, channel: number, size: number, properties: object): Buffer;
}

interface Framing {
  PROTOCOL_HEADER: string;
  HEARTBEAT_BUF: Buffer;
  makeBodyFrame(channel: number, content: Buffer): Buffer;
  parseFrame(bytes: Buffer, max: number): false | { type: number; channel: number; size: number; payload: Buffer; rest: Buffer };
  decodeFrame(frame: object): { id?: number; channel: number; size?: number; fields?: object; content?: Buffer };
}

// amqplib's `exports` hide its codec; the file itself can be loaded. A codec of our own would only test itself.
const load = createRequire(__filename);
const library = join(dirname(load.resolve("amqplib")), "lib");
const definitions = load(join(library, "defs.js")) as Definitions;
const framing = load(join(library, "frame.js")) as Framing;

const METHOD = 1;
const HEADER = 2;
const BODY = 3;
const CLASS_BASIC = 60;
/** Around each frame's payload: type, channel, size and end. */
const FRAME_OVERHEAD = 8;

const ids = new Map<string, number>();
const names = new Map<number, string>();
for (const [key, value] of Object.entries(definitions)) {
  if (!key.startsWith("methodInfo")) continue;
  const { id, name } = value as MethodInfo;
  const readable = readableName(name);
  ids.set(readable, id);
  names.set(id, readable);
}

/** `QueueDeclareOk` is `queue.declare-ok` everywhere else in the world. */
function readableName(name: string): string {
  const [first = "", ...rest] = name.split(/(?=[A-Z])/);
  return `${first}.${rest.join("-")}`.toLowerCase();
}

const PROTOCOL_HEADER = Buffer.from(framing.PROTOCOL_HEADER, "latin1");
export const HEARTBEAT = framing.HEARTBEAT_BUF;

/** The number of a method, e.g. of `basic.publish`. */
export function methodId(method: string): number {
  const id = ids.get(method);
  if (id === undefined) throw new Error(`${method} is no method of AMQP 0-9-1`);
  return id;
}

/** A method as one frame. */
export function encodeMethod(channel: number, method: string, fields: Partial<Fields>): Buffer {
  return definitions.encodeMethod(methodId(method), channel, fields);
}

/** A message's properties and content as frames that `frameMax` (0: no limit) allows. */
export function encodeContent(channel: number, properties: Properties, content: Buffer, frameMax: number): Buffer {
  const frames = [definitions.encodeProperties(CLASS_BASIC, channel, content.length, properties)];
  const room = frameMax === 0 ? Infinity : frameMax - FRAME_OVERHEAD;
  for (let at = 0; at < content.length; at += room) frames.push(framing.makeBodyFrame(channel, content.subarray(at, at + room)));
  return Buffer.concat(frames);
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  private rest: Buffer = Buffer.alloc(0);
  private greeted = false;

  /** @param limit the largest frame the peer may send at present, in bytes; 0 for any */
  constructor(private readonly limit: () => number) {}

  /** @yields "greeting" for the protocol header, then each frame as it is complete. @throws Error on what is no AMQP, or a frame above the limit */
  *read(data: Buffer): Generator<"greeting" | Frame> {
    this.rest = Buffer.concat([this.rest, data]);
    if (!this.greeted) {
      if (this.rest.length < PROTOCOL_HEADER.length) return;
      if (!this.rest.subarray(0, PROTOCOL_HEADER.length).equals(PROTOCOL_HEADER)) throw new Error("not AMQP 0-9-1");
      this.rest = this.rest.subarray(PROTOCOL_HEADER.length);
      this.greeted = true;
      yield "greeting";
    }
    for (;;) {
      const frame = framing.parseFrame(this.rest, Math.max(0, this.limit() - FRAME_OVERHEAD));
      if (!frame) return;
      this.rest = frame.rest;
      yield readable(frame.type, framing.decodeFrame(frame));
    }
  }
}

function readable(type: number, { id = 0, channel, size = 0, fields = {}, content = Buffer.alloc(0) }: ReturnType<Framing["decodeFrame"]>): Frame {
  if (type === METHOD) return { kind: "method", channel, id, method: names.get(id) ?? String(id), fields: fields as Fields };
  if (type === HEADER) return { kind: "header", channel, size, properties: given(fields) };
  if (type === BODY) return { kind: "body", channel, content };
  return { kind: "heartbeat", channel: 0 };
}

/** The properties that were sent; amqplib lists all there are. */
function given(fields: object): Properties {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
