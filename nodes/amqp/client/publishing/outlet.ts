import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Channel } from "amqplib";

/** amqplib's buffer of frames for each channel, and the socket that all frames go to. They are not part of its types. */
interface Frames {
  ch: number;
  connection: { channels: ({ buffer: Duplex } | null)[]; stream: Socket };
}

/** Distinguishes a slow line from a broker that does not answer: on a slow line, sending may take longer than the broker may take for its answer. */
export class Outlet {
  private sent = 0;

  constructor(private readonly channel: Channel) {}

  /** Whether frames of the channel still wait to be sent, and the socket has sent something since the last call. */
  isMoving(): boolean {
    const { ch, connection } = this.channel as unknown as Frames;
    const { bytesWritten, writableLength } = connection.stream;
    const before = this.sent;
    this.sent = bytesWritten - writableLength;
    const frames = connection.channels[ch]?.buffer;
    return this.sent > before && frames !== undefined && frames.readableLength + frames.writableLength > 0;
  }
}
