import type { ScriptedBroker } from "./broker";
import type { ScriptedChannel } from "./channel";
import { methodId, type Fields, type Properties } from "./codec";
import type { Received, ScriptedConnection } from "./connection";

/** One method of a client, for whoever answers it: the broker by itself, or a test's script. */
export class Call {
  readonly method: string;
  readonly fields: Fields;
  readonly connection: ScriptedConnection;

  constructor(
    readonly broker: ScriptedBroker,
    readonly received: Received,
    /** Number of a publish on a channel in confirm mode, from 1. */
    readonly sequence: number,
    private readonly usual: (call: Call) => void,
  ) {
    this.method = received.method;
    this.fields = received.fields;
    this.connection = received.connection;
  }

  /** The channel it came on. @throws Error for a method of the connection itself, or on a channel that is not open */
  get channel(): ScriptedChannel {
    const channel = this.connection.channels.get(this.received.channel);
    if (!channel) throw new Error(`${this.method} on channel ${this.received.channel}, which is not open`);
    return channel;
  }

  /** The message of a publish. */
  get content(): Buffer {
    return this.received.content ?? Buffer.alloc(0);
  }

  get properties(): Properties {
    return this.received.properties ?? {};
  }

  /** What the broker does by itself. */
  goOn(): void {
    this.usual(this);
  }

  reply(method: string, fields: Partial<Fields> = {}, properties?: Properties, content?: Buffer): void {
    this.connection.send(this.received.channel, method, fields, properties, content);
  }

  closeChannel(code: number, text: string): void {
    this.connection.closeChannel(this.channel, code, text, methodId(this.method));
  }

  closeConnection(code: number, text: string): void {
    this.connection.close(code, text, methodId(this.method));
  }

  /** Confirms a publish, if that was asked for. */
  confirm(): void {
    if (this.sequence > 0) this.reply("basic.ack", { deliveryTag: this.sequence, multiple: false });
  }

  /** Confirms that the publish failed. */
  refuse(): void {
    this.reply("basic.nack", { deliveryTag: this.sequence, multiple: false, requeue: false });
  }
}
