import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Channel } from "amqplib";

/** amqplib's queue of the frames of each channel, and the socket that all go to. They are not part of its types. */
interface Frames {
  ch: number;
  connection: { channels: ({ buffer: Duplex } | null)[]; stream: Socket };
}

/** Tells a slow line from a broker that says nothing: what a channel is to send may take longer than the broker may take to answer. */
export class Outlet {
  private sent = 0;

  constructor(private readonly channel: Channel) {}

  /** Whether frames of the channel wait here for the line, and it has taken some since this was asked last. */
  isMoving(): boolean {
    const { ch, connection } = this.channel as unknown as Frames;
    const { bytesWritten, writableLength } = connection.stream;
    const before = this.sent;
    this.sent = bytesWritten - writableLength;
    const frames = connection.channels[ch]?.buffer;
    return this.sent > before && frames !== undefined && frames.readableLength + frames.writableLength > 0;
  }
}
