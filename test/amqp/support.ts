import { setImmediate } from "node:timers/promises";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { connect, type ChannelModel, type ConfirmChannel, type ConsumeMessage, type GetMessage, type Message } from "amqplib";
import { BackOff } from "../../nodes/common/back-off";
import { Connection, type ConnectionOptions, type ConnectionState } from "../../nodes/amqp/client/connection/connection";
import type { RabbitMq } from "../services/rabbitmq";
import { waitFor } from "../services/wait";

/** For what comes after a restart of the broker: on a busy machine it starts slowly, and the back-off has grown by then. */
export const AFTER_RESTART = { timeout: 120_000 };

/** Reconnects at once: the tests' broker comes back soon. */
export const quick = (): BackOff => new BackOff({ initial: 100, max: 300 });

/** A connection of ours to the tests' broker that remembers its states and log lines. */
export function connectionTo(rabbit: RabbitMq, more: Partial<ConnectionOptions> = {}): { connection: Connection; states: ConnectionState[]; lines: string[] } {
  const states: ConnectionState[] = [];
  const lines: string[] = [];
  const connection = new Connection({
    urls: [rabbit.url],
    username: rabbit.username,
    password: rabbit.password,
    backOff: quick(),
    log: (level, text) => lines.push(`${level}: ${text}`),
    ...more,
  });
  connection.subscribe({ state: (state) => states.push(state) });
  return { connection, states, lines };
}

/** The broker as a plain amqplib client sees it: what tests send and check with. */
export class Plain {
  private constructor(
    private readonly rabbit: RabbitMq,
    private model: ChannelModel,
    private channel: ConfirmChannel,
  ) {}

  static async to(rabbit: RabbitMq): Promise<Plain> {
    const [model, channel] = await open(rabbit);
    return new Plain(rabbit, model, channel);
  }

  /** After the broker was restarted. */
  async again(): Promise<void> {
    [this.model, this.channel] = await open(this.rabbit);
  }

  async makeQueue(name: string, args: Record<string, unknown> = { "x-queue-type": "quorum" }): Promise<string> {
    await this.channel.assertQueue(name, { durable: true, arguments: args });
    return name;
  }

  async deleteQueue(...names: string[]): Promise<void> {
    for (const name of names) await this.channel.deleteQueue(name);
  }

  /** Publishes to a queue and waits for the confirms. */
  async send(queue: string, contents: (string | Buffer)[], options: object = {}): Promise<void> {
    for (const content of contents) this.channel.sendToQueue(queue, Buffer.from(content as string), { persistent: true, ...options });
    await this.channel.waitForConfirms();
  }

  async publish(exchange: string, routingKey: string, content: string, options: object = {}): Promise<void> {
    this.channel.publish(exchange, routingKey, Buffer.from(content), options);
    await this.channel.waitForConfirms();
  }

  async makeExchange(name: string, type: string): Promise<void> {
    await this.channel.assertExchange(name, type);
  }

  async bind(queue: string, exchange: string, routingKey: string, args: object = {}): Promise<void> {
    await this.channel.bindQueue(queue, exchange, routingKey, args);
  }

  /** Takes one message off a queue, waiting for it. */
  async get(queue: string): Promise<GetMessage> {
    return (await waitFor(`a message in ${queue}`, () => this.look((channel) => channel.get(queue, { noAck: true })))) as GetMessage;
  }

  /** Takes all that is ready, which costs no round trip a message as {@link get} does. */
  async drain(queue: string): Promise<ConsumeMessage[]> {
    const { messages } = await this.count(queue);
    const found: ConsumeMessage[] = [];
    if (messages === 0) return found;
    const channel = await this.model.createChannel();
    const { consumerTag } = await channel.consume(queue, (message) => message && found.push(message), { noAck: true });
    await waitFor(`${messages} messages in ${queue}`, () => found.length >= messages, { interval: 5 });
    await channel.cancel(consumerTag); // what comes until the answer is among them, where a channel that closes drops it
    await channel.close();
    return found;
  }

  /** Ready messages and consumers; unlike rabbitmqctl's, exact at once. */
  async count(queue: string): Promise<{ messages: number; consumers: number }> {
    const { messageCount, consumerCount } = await this.look((channel) => channel.checkQueue(queue));
    return { messages: messageCount, consumers: consumerCount };
  }

  /**
   * Looks at a queue that may not be there yet: that closes the channel, so the next look gets another. While a quorum queue is being made
   * RabbitMQ 3.10.8 may even close the connection (541 INTERNAL_ERROR, noproc).
   */
  private async look<T>(at: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
    try {
      return await at(this.channel);
    } catch (error) {
      const channel = await openChannel(this.model).catch(() => undefined);
      if (channel) this.channel = channel;
      else await this.again();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.model.close().catch(() => undefined);
  }
}

async function open(rabbit: RabbitMq): Promise<[ChannelModel, ConfirmChannel]> {
  const model = await connect(rabbit.url);
  model.on("error", () => undefined);
  return [model, await openChannel(model)];
}

async function openChannel(model: ChannelModel): Promise<ConfirmChannel> {
  const channel = await model.createConfirmChannel();
  channel.on("error", () => undefined);
  return channel;
}

/** The texts of the numbers from 0, so many. */
export const range = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

export const text = (message: Message): string => message.content.toString();

let names = 0;
/** A queue name no other test uses. */
export const unique = (what: string): string => `amqp-test.${process.pid}.${(names += 1)}.${what}`;

/** Sends what is to go out, then keeps this process from anything else, as a function does that computes for long. @param ms how long */
export async function standStill(ms: number): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await setImmediate();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A way to the broker that can be made mute: it stays connected and passes nothing on, as a machine that hangs does. */
export class MutableProxy {
  mute = false;
  /** How often a client said something while it was mute. */
  swallowed = 0;
  readonly sockets: Socket[] = [];
  private readonly server = createServer((inner) => {
    const outer = connectSocket(this.target, "127.0.0.1");
    this.sockets.push(inner, outer);
    inner.on("data", (data) => (this.mute ? (this.swallowed += 1) : outer.write(data))).on("error", () => undefined);
    outer.on("data", (data) => this.mute || inner.write(data)).on("error", () => undefined);
    inner.on("close", () => outer.destroy());
    outer.on("close", () => inner.destroy());
  });

  constructor(private readonly target: number) {}

  /** @param port default: a free one. @returns its URL */
  async start(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    return `amqp://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** A way to the broker, or back, that takes only so much a second. */
export class SlowLine {
  private readonly sockets: Socket[] = [];
  private readonly server = createServer((inner) => {
    const outer = connectSocket(this.target, "127.0.0.1");
    this.sockets.push(inner, outer);
    inner.on("data", (data) => (this.back ? outer.write(data) : this.pass(data, inner, outer))).on("error", () => undefined);
    outer.on("data", (data) => (this.back ? this.pass(data, outer, inner) : inner.write(data))).on("error", () => undefined);
    inner.on("close", () => outer.destroy());
    outer.on("close", () => inner.destroy());
  });

  /** @param rate bytes a ms @param back whether what comes from the broker is slow, and not what goes there */
  constructor(
    private readonly target: number,
    private readonly rate: number,
    private readonly back = false,
  ) {}

  /** @returns its URL */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `amqp://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private pass(data: Buffer, from: Socket, to: Socket): void {
    to.write(data);
    from.pause();
    setTimeout(() => from.resume(), data.length / this.rate);
  }
}
