import { connect, type Channel } from "amqplib";
import type { RabbitMq } from "../services/rabbitmq";

/** Properties as they stand on the wire, in their order. */
export interface RawProperties {
  /** One bit each: contentType 0x8000, headers 0x2000, messageId 0x0080, … */
  flags: number;
  bytes: Buffer;
}

export const HEADERS = 0x2000;
export const MESSAGE_ID = 0x0080;

/** A text of at most 255 bytes. */
export const shortText = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([bytes.length]), bytes]);

/** A field of a table; without a name a value of an array. */
export const rawField = (name: string | undefined, tag: string, value: Buffer): Buffer => {
  return Buffer.concat([...(name === undefined ? [] : [shortText(Buffer.from(name))]), Buffer.from(tag), value]);
};

/** A table or an array, or a text or bytes: its length before it. */
export const measured = (...parts: Buffer[]): Buffer => {
  const all = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(all.length);
  return Buffer.concat([length, all]);
};

/** A number of 64 bits. */
export const long = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};

/** A frame with properties of a message. */
export function headerFrame(channel: number, { flags, bytes }: RawProperties, contentLength: number): Buffer {
  const head = Buffer.alloc(14);
  head.writeUInt16BE(60, 0); // class basic
  head.writeBigUInt64BE(BigInt(contentLength), 4);
  head.writeUInt16BE(flags, 12);
  return frame(2, channel, Buffer.concat([head, bytes]));
}

/** Sends a message to a queue as other clients may, with what amqplib cannot say. */
export async function sendRaw(rabbit: RabbitMq, queue: string, properties: RawProperties, content: string): Promise<void> {
  const model = await connect(rabbit.url);
  model.on("error", () => undefined);
  const channel = await model.createChannel();
  channel.on("error", () => undefined);
  const { ch } = channel as Channel & { ch: number };
  const publish = Buffer.concat([Buffer.from([0, 60, 0, 40, 0, 0]), shortText(Buffer.alloc(0)), shortText(Buffer.from(queue)), Buffer.from([0])]);
  const { stream } = model.connection as unknown as { stream: NodeJS.WritableStream };
  stream.write(Buffer.concat([frame(1, ch, publish), headerFrame(ch, properties, content.length), frame(3, ch, Buffer.from(content))]));
  await channel.checkQueue(queue); // answered after the message was taken
  await model.close();
}

function frame(type: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt8(type, 0);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
}
