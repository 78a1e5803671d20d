import type { Socket } from "node:net";
import { ScriptedChannel } from "./channel";
import { encodeContent, encodeMethod, FrameReader, HEARTBEAT, methodId, type Fields, type Frame, type Properties } from "./codec";

/** A method as a client sent it, with its message if it carries one. */
export interface Received {
  readonly connection: ScriptedConnection;
  readonly channel: number;
  readonly method: string;
  readonly fields: Fields;
  properties?: Properties;
  content?: Buffer;
}

/** What a connection needs of its broker. */
export interface ConnectionOwner {
  /** Bytes; the handshake itself goes by `initialFrameMax`. */
  readonly frameMax: number;
  readonly initialFrameMax: number;
  received(received: Received): void;
  /** Nothing more comes from this connection. */
  gone(connection: ScriptedConnection): void;
  greeted(connection: ScriptedConnection): void;
}

/** One client, as the broker sees it: frames in, frames out. What they mean is said elsewhere. */
export class ScriptedConnection {
  /** What the client says of itself. */
  clientProperties: Fields["clientProperties"] = {};
  readonly channels = new Map<number, ScriptedChannel>();
  /** As tuned, in bytes; until then what the version begins with. */
  frameMax: number;
  /** It has published: a broker in need of memory stops reading it. */
  publishes = false;
  blocked = false;
  /** We have sent `connection.close`. */
  closing = false;
  private mute = false;
  private heartbeats: NodeJS.Timeout | undefined;
  private pending: Received | undefined;
  private missing = 0;

  constructor(
    private readonly socket: Socket,
    private readonly owner: ConnectionOwner,
  ) {
    this.frameMax = owner.initialFrameMax;
    const reader = new FrameReader(() => this.frameMax);
    socket.on("data", (data: Buffer) => {
      try {
        for (const frame of reader.read(data)) if (frame === "greeting") owner.greeted(this);
        else this.frame(frame);
      } catch (error) {
        this.close(501, `FRAME_ERROR - ${(error as Error).message}`);
      }
    });
    socket.on("error", () => undefined); // `close` follows
    socket.on("close", () => {
      clearInterval(this.heartbeats);
      owner.gone(this);
    });
  }

  /** The name that its management page would show. */
  get name(): string {
    return this.clientProperties.connection_name ?? "";
  }

  send(channel: number, method: string, fields: Partial<Fields>, properties?: Properties, content?: Buffer): void {
    if (this.mute || this.socket.destroyed) return;
    this.socket.write(encodeMethod(channel, method, fields));
    if (content) this.socket.write(encodeContent(channel, properties ?? {}, content, this.frameMax));
  }

  /** Closes it by the protocol, with a reason. @param cause the client's method that is to blame */
  close(replyCode: number, replyText: string, cause = 0): void {
    if (this.closing) return;
    this.send(0, "connection.close", { replyCode, replyText, classId: cause >> 16, methodId: cause & 0xffff });
    this.closing = true;
    this.lose();
  }

  /** Closes one of its channels by the protocol, with a reason. */
  closeChannel(channel: ScriptedChannel, replyCode: number, replyText: string, cause = 0): void {
    if (channel.closing) return;
    channel.closing = true;
    this.send(channel.number, "channel.close", { replyCode, replyText, classId: cause >> 16, methodId: cause & 0xffff });
    channel.closed();
  }

  /** Cuts the line. */
  cut(): void {
    this.socket.destroy();
  }

  /** Ends it after what was sent has gone out. */
  end(): void {
    this.socket.end();
  }

  /** Stays connected and says nothing more, as a machine that hangs does. */
  fallSilent(): void {
    this.mute = true;
    clearInterval(this.heartbeats);
  }

  /** Stops reading, as a broker does that is short of memory. */
  block(reason: string): void {
    if (this.blocked) return;
    this.blocked = true;
    if (this.clientProperties.capabilities?.["connection.blocked"]) this.send(0, "connection.blocked", { reason });
    this.socket.pause();
  }

  unblock(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.send(0, "connection.unblocked", {});
    this.socket.resume();
  }

  /** @param interval seconds, as tuned; 0 for none */
  startHeartbeats(interval: number): void {
    if (interval > 0) this.heartbeats = setInterval(() => this.mute || this.socket.write(HEARTBEAT), interval * 500);
  }

  openChannel(number: number): ScriptedChannel {
    const channel = new ScriptedChannel(this, number);
    this.channels.set(number, channel);
    return channel;
  }

  /** Takes back what its channels have. */
  lose(): void {
    for (const channel of this.channels.values()) channel.closed();
    this.channels.clear();
  }

  private frame(frame: Frame): void {
    if (frame.kind === "heartbeat" || this.mute) return;
    if (frame.kind === "method") {
      const received: Received = { connection: this, channel: frame.channel, method: frame.method, fields: frame.fields };
      if (frame.id === methodId("basic.publish")) this.pending = received;
      else this.owner.received(received);
      return;
    }
    if (!this.pending) return;
    if (frame.kind === "header") {
      this.pending.properties = frame.properties;
      this.pending.content = Buffer.alloc(0);
      this.missing = frame.size;
    } else {
      this.pending.content = Buffer.concat([this.pending.content ?? Buffer.alloc(0), frame.content]);
      this.missing -= frame.content.length;
    }
    if (this.missing > 0) return;
    const complete = this.pending;
    this.pending = undefined;
    this.owner.received(complete);
  }
}
