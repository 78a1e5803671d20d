import { createServer, type Server } from "node:net";
import { BEHAVIOUR } from "./behaviour";
import { Call } from "./call";
import type { ScriptedChannel, ScriptedConsumer } from "./channel";
import { ScriptedConnection, type ConnectionOwner, type Received } from "./connection";
import { ScriptedQueue, type Comeback, type Death, type Stored } from "./queue";
import { routesOf, type Exchange } from "./routing";
import { Version } from "./server-version";

/** How the broker is to be. */
export interface ScriptedOptions {
  /** What it says of itself, and how it behaves. Default `4.3.1`. */
  version?: string;
  /** Type of a queue declared without one. Default `classic`. */
  defaultQueueType?: "classic" | "quorum";
  /** Seconds, as it proposes. Default 60. */
  heartbeat?: number;
  /** Bytes, as it proposes. Default 131072. */
  frameMax?: number;
  /** Channels on a connection, as it proposes. Default 2047. */
  channelMax?: number;
}

/** Answers a method in the broker's place; {@link Call.goOn} does what it would have done. */
export type Script = (call: Call) => void;

interface Expectation {
  method: string;
  matches: (received: Received) => boolean;
  resolve(received: Received): void;
}

/**
 * A broker for tests that speaks AMQP 0-9-1 on a port of its own, keeps queues, and behaves as the RabbitMQ of a given version does
 * where versions differ. A test takes over where it says so, and everything a client sends is in the log.
 */
export class ScriptedBroker implements ConnectionOwner {
  readonly version: Version;
  readonly defaultQueueType: string;
  readonly tuning: { channelMax: number; frameMax: number; heartbeat: number };
  readonly queues = new Map<string, ScriptedQueue>();
  readonly exchanges = new Map<string, Exchange>();
  readonly connections = new Set<ScriptedConnection>();
  /** Every method received, oldest first. */
  readonly log: Received[] = [];
  /** Messages that died with nowhere to go. */
  readonly dropped: Stored[] = [];
  /** What a client did that no client may do. */
  readonly faults: string[] = [];
  private readonly scripts: { method: string; script: Script; once: boolean }[] = [];
  private readonly expectations = new Set<Expectation>();
  /** How far {@link expects} has read the log, by method. */
  private readonly read = new Map<string, number>();
  private blockedFor: string | undefined;
  private names = 0;
  private readonly server: Server;

  private constructor({ version = "4.3.1", defaultQueueType = "classic", heartbeat = 60, frameMax = 131_072, channelMax = 2_047 }: ScriptedOptions) {
    this.version = new Version(version);
    this.defaultQueueType = defaultQueueType;
    this.tuning = { channelMax, frameMax, heartbeat };
    for (const type of ["direct", "fanout", "topic", "headers"]) this.makeExchange(`amq.${type}`, type);
    this.server = createServer({ noDelay: true }, (socket) => this.connections.add(new ScriptedConnection(socket, this)));
  }

  static async start(options: ScriptedOptions = {}): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(options);
    await new Promise<void>((resolve) => broker.server.listen(0, "127.0.0.1", resolve));
    return broker;
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    for (const connection of this.connections) connection.cut();
    for (const queue of this.queues.values()) queue.close();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get url(): string {
    return `amqp://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  get frameMax(): number {
    return this.tuning.frameMax;
  }

  /** 4.1 raised the least from the protocol's 4096. */
  get initialFrameMax(): number {
    return this.version.atLeast(4, 1) ? 8_192 : 4_096;
  }

  // ---- what a test says

  /** Answers all methods of this name in the broker's place, from now on; the newest script goes first. @returns a function that takes it away */
  on(method: string, script: Script): () => void {
    const entry = { method, script, once: false };
    this.scripts.unshift(entry);
    return () => void this.scripts.splice(this.scripts.indexOf(entry), 1);
  }

  /** The same for the next one only. */
  once(method: string, script: Script): void {
    this.scripts.unshift({ method, script, once: true });
  }

  /** The next method of this name that a test has not been given yet, once it is here. @throws Error after `timeout` ms */
  expects(method: string, matches: (received: Received) => boolean = () => true, timeout = 10_000): Promise<Received> {
    const from = this.read.get(method) ?? 0;
    const at = this.log.findIndex((received, index) => index >= from && received.method === method && matches(received));
    const found = this.log[at];
    if (found) {
      this.read.set(method, at + 1);
      return Promise.resolve(found);
    }
    return new Promise((resolve, reject) => {
      const expectation: Expectation = {
        method,
        matches,
        resolve: (received) => {
          clearTimeout(timer);
          this.expectations.delete(expectation);
          this.read.set(method, this.log.length);
          resolve(received);
        },
      };
      const timer = setTimeout(() => {
        this.expectations.delete(expectation);
        reject(new Error(`Waited ${timeout} ms in vain for ${method}; received: ${this.log.map((each) => each.method).join(", ")}`));
      }, timeout);
      this.expectations.add(expectation);
    });
  }

  /** What was received of some methods so far, in order. */
  seen(...methods: string[]): Received[] {
    return this.log.filter(({ method }) => methods.includes(method));
  }

  /** Puts messages into a queue. */
  send(queue: string, contents: string[], headers?: Record<string, unknown>): void {
    for (const content of contents) this.queue(queue).put({ content: Buffer.from(content), properties: headers ? { headers } : {}, exchange: "", routingKey: queue });
  }

  makeQueue(name: string, args: Record<string, unknown> = { "x-queue-type": "quorum" }, owner?: ScriptedConnection): ScriptedQueue {
    const queue = new ScriptedQueue(name, args, this.version, (...death) => this.died(...death), owner);
    this.queues.set(name, queue);
    return queue;
  }

  makeExchange(name: string, type: string, durable = true): void {
    this.exchanges.set(name, { type, durable, bindings: [] });
  }

  /** A queue that is there. */
  queue(name: string): ScriptedQueue {
    const queue = this.queues.get(name);
    if (!queue) throw new Error(`There is no queue ${name}`);
    return queue;
  }

  /** Ends a queue: its consumers are told. @returns how many messages were in it */
  deleteQueue(name: string): number {
    const queue = this.queues.get(name);
    if (!queue) return 0;
    this.queues.delete(name);
    queue.close();
    const size = queue.ready.length;
    for (const consumer of this.consumersOf(queue)) consumer.channel.cancelByServer(consumer, "lost");
    return size;
  }

  /** Ends a queue's consumers from this side, as when its leader moves to another node. */
  cancelConsumers(name: string, how: Comeback = "lost"): void {
    for (const consumer of this.consumersOf(this.queue(name))) consumer.channel.cancelByServer(consumer, how);
  }

  /**
   * The consumer timeout strikes. From 4.3 on, a client that knows `basic.cancel` keeps its channel; before, it is closed.
   */
  timeOutConsumers(name: string): void {
    for (const consumer of this.consumersOf(this.queue(name))) {
      const { channel } = consumer;
      if (this.version.atLeast(4, 3) && channel.connection.clientProperties.capabilities?.consumer_cancel_notify) channel.cancelByServer(consumer, "timeout");
      else channel.connection.closeChannel(channel, 406, `PRECONDITION_FAILED - delivery acknowledgement on channel ${channel.number} timed out. Timeout value used: 1800000 ms. This timeout value can be configured, see consumers doc guide to learn more`);
    }
  }

  /** An alarm: connections that publish are not read any more. */
  block(reason: string): void {
    this.blockedFor = reason;
    for (const connection of this.connections) if (connection.publishes) connection.block(reason);
  }

  unblock(): void {
    this.blockedFor = undefined;
    for (const connection of this.connections) connection.unblock();
  }

  // ---- what its parts ask of it

  inventName(): string {
    return `amq.gen-${(this.names += 1)}`;
  }

  /** Puts a message where its exchange says. @returns whether that was anywhere */
  route(message: Pick<Stored, "content" | "properties" | "exchange" | "routingKey">): boolean {
    const { exchange, routingKey, properties } = message;
    const found = this.exchanges.get(exchange);
    const names = found ? routesOf(found, routingKey, properties.headers) : [routingKey];
    const queues = names.flatMap((name) => this.queues.get(name) ?? []);
    for (const queue of queues) queue.put(message);
    return queues.length > 0;
  }

  greeted(connection: ScriptedConnection): void {
    const capabilities = { publisher_confirms: true, "basic.nack": true, consumer_cancel_notify: true, "connection.blocked": true, authentication_failure_close: true };
    const serverProperties = { product: "RabbitMQ", version: this.version.text, capabilities };
    connection.send(0, "connection.start", { versionMajor: 0, versionMinor: 9, serverProperties, mechanisms: Buffer.from("PLAIN EXTERNAL"), locales: Buffer.from("en_US") });
  }

  received(received: Received): void {
    const { connection, method } = received;
    const channel = connection.channels.get(received.channel);
    this.log.push(received);
    for (const expectation of [...this.expectations]) if (expectation.method === method && expectation.matches(received)) expectation.resolve(received);
    if (connection.closing && method !== "connection.close-ok") return;
    if (channel?.closing && method !== "channel.close-ok") return;
    this.answer(received, channel);
    if (method === "basic.publish") {
      connection.publishes = true;
      if (this.blockedFor !== undefined) connection.block(this.blockedFor);
    }
  }

  gone(connection: ScriptedConnection): void {
    this.connections.delete(connection);
    connection.lose();
    for (const queue of [...this.queues.values()]) if (queue.owner === connection) this.deleteQueue(queue.name);
  }

  private answer(received: Received, channel: ScriptedChannel | undefined): void {
    const { method } = received;
    const usual = BEHAVIOUR[method];
    if (!usual || (!channel && received.channel !== 0 && method !== "channel.open")) {
      this.faults.push(`${method} on channel ${received.channel}`);
      return received.connection.close(usual ? 504 : 540, usual ? "CHANNEL_ERROR - expected 'channel.open'" : "NOT_IMPLEMENTED");
    }
    const sequence = method === "basic.publish" && channel?.confirms ? (channel.published += 1) : 0;
    const call = new Call(this, received, sequence, usual);
    const scripted = this.scripts.find((each) => each.method === method);
    if (scripted?.once) this.scripts.splice(this.scripts.indexOf(scripted), 1);
    (scripted?.script ?? usual)(call);
  }

  private consumersOf(queue: ScriptedQueue): ScriptedConsumer[] {
    return queue.takers.filter((taker) => "channel" in taker) as ScriptedConsumer[];
  }

  /** Where a queue's dead letters go. The broker writes `x-death` by itself; from 4.0 on it takes no notice of one that a client sent. */
  private died(queue: ScriptedQueue, { content, properties, exchange, routingKey }: Stored, reason: Death): void {
    const target = queue.args["x-dead-letter-exchange"];
    const key = String(queue.args["x-dead-letter-routing-key"] ?? routingKey);
    const death = { queue: queue.name, reason, count: 1, exchange, "routing-keys": [routingKey] };
    const headers = { ...properties.headers, "x-death": [death], "x-first-death-queue": queue.name, "x-first-death-reason": reason, "x-first-death-exchange": exchange };
    const letter = { content, properties: { ...properties, headers }, exchange: String(target), routingKey: key };
    if (typeof target !== "string" || !this.route(letter)) this.dropped.push({ ...letter, place: 0, deliveryCount: 0, acquiredCount: 0, redelivered: false });
  }
}
