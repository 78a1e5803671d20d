import { connect } from "amqplib";
import type { RabbitMq } from "../test/services/rabbitmq";
import { isListening, waitFor } from "../test/services/wait";

/** A message out of the dead-letter queue: what became of it. */
export interface DeadLetter {
  code: string;
  reason: string;
}

/** The broker of the demo: a private one, which the demo may restart, or one that the user named. */
export class DemoBroker {
  /** Without credentials, as the broker node's `urls` takes it. */
  readonly url: string;
  readonly vhost: string;
  readonly username: string;
  readonly password: string;
  /** In front of every queue's name: on somebody else's broker our queues must not be theirs. */
  readonly prefix: string;
  readonly #address: string;

  /** @param server - the private server, or the address in AMQP_URL */
  constructor(private readonly server: RabbitMq | string) {
    const given = new URL(typeof server === "string" ? server : server.url);
    this.url = `${given.protocol}//${given.host}`;
    this.vhost = given.pathname.length > 1 ? decodeURIComponent(given.pathname.slice(1)) : "/";
    this.username = decodeURIComponent(given.username) || "guest";
    this.password = decodeURIComponent(given.password) || "guest";
    this.prefix = typeof server === "string" ? "surewire-demo." : "";
    this.#address = typeof server === "string" ? server : server.url;
  }

  /** True when the demo may stop and start it. */
  get isOurs(): boolean {
    return typeof this.server !== "string";
  }

  /** Stops the private broker and starts it again. */
  async restart(): Promise<void> {
    if (typeof this.server !== "string") await this.server.restart();
  }

  /** Publishes with confirms, in order; resolves when the broker holds all of them. */
  async publish(queue: string, bodies: Buffer[]): Promise<void> {
    const connection = await connect(this.#address);
    connection.on("error", () => undefined);
    const channel = await connection.createConfirmChannel();
    for (const body of bodies) channel.sendToQueue(this.prefix + queue, body, { persistent: true, contentType: "application/json" });
    await channel.waitForConfirms();
    await connection.close();
  }

  /** Waits until a queue is there and has a consumer. */
  async untilConsumed(queue: string): Promise<void> {
    await waitFor(`a consumer of ${queue}`, async () => ((await this.#look(queue))?.consumerCount ?? 0) > 0, { timeout: 60_000, interval: 200 });
  }

  /** Messages of a queue that nobody has taken, as the broker tells; 0 when there is no such queue or no broker just now. */
  async ready(queue: string): Promise<number> {
    return (await this.#look(queue).catch(() => undefined))?.messageCount ?? 0;
  }

  /** Messages of a queue, taken or not, counted by RabbitMQ. On a broker that is not ours only those that nobody has taken. */
  async count(queue: string): Promise<number> {
    if (typeof this.server === "string") return this.ready(queue);
    return (await this.server.listQueues(queue)).find(({ name }) => name === queue)?.messages ?? 0;
  }

  /** All messages that are left anywhere but in the dead-letter queues. */
  async leftOver(queues: string[]): Promise<number> {
    if (typeof this.server !== "string") {
      const left = (await this.server.listQueues()).filter(({ name }) => !name.endsWith(".dlq"));
      return left.reduce((sum, { messages }) => sum + messages, 0);
    }
    const counts = await Promise.all(queues.map((queue) => this.ready(queue)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Reads dead letters and leaves them where they are. */
  async deadLetters(queue: string): Promise<DeadLetter[]> {
    const connection = await connect(this.#address);
    const channel = await connection.createChannel();
    const letters: DeadLetter[] = [];
    for (let message = await channel.get(this.prefix + queue); message; message = await channel.get(this.prefix + queue)) {
      const headers = message.properties.headers ?? {};
      letters.push({ code: String(headers["x-error-code"] ?? ""), reason: String(headers["x-error-message"] ?? "") });
    }
    await connection.close(); // unacknowledged: the broker puts them back
    return letters;
  }

  /** Removes the demo's queues from a broker that is not ours. */
  async clear(queues: string[]): Promise<void> {
    if (this.isOurs) return;
    const connection = await connect(this.#address);
    const channel = await connection.createChannel();
    for (const queue of queues) await channel.deleteQueue(this.prefix + queue);
    await connection.close();
  }

  async #look(queue: string): Promise<{ messageCount: number; consumerCount: number } | undefined> {
    const { hostname, port } = new URL(this.#address);
    if (this.isOurs && !(await isListening(Number(port)))) throw new Error(`Nothing listens on ${hostname}:${port}`);
    const connection = await connect(this.#address);
    connection.on("error", () => undefined);
    try {
      const channel = await connection.createChannel();
      channel.on("error", () => undefined); // 404: no such queue yet
      return await channel.checkQueue(this.prefix + queue);
    } catch {
      return undefined;
    } finally {
      await connection.close().catch(() => undefined);
    }
  }
}
