import type { Fields, Properties } from "./codec";
import type { ScriptedConnection } from "./connection";
import type { Comeback, ScriptedQueue, Stored, Taker } from "./queue";

/** What was given out under a delivery tag. */
interface Given {
  queue: ScriptedQueue;
  message: Stored;
  consumer: ScriptedConsumer | undefined;
  /** Taken back when its consumer took too long. The broker keeps the tag, so that an answer that comes late does no harm. */
  takenBack: boolean;
}

/** One channel of a client. */
export class ScriptedChannel {
  /** For the consumers to come. */
  prefetch = 0;
  confirms = false;
  /** Messages published since `confirm.select`. */
  published = 0;
  /** We have sent `channel.close`: nothing counts any more but its answer. */
  closing = false;
  readonly consumers = new Map<string, ScriptedConsumer>();
  private readonly given = new Map<number, Given>();
  private tags = 0;
  private names = 0;

  constructor(
    readonly connection: ScriptedConnection,
    readonly number: number,
  ) {}

  send(method: string, fields: Partial<Fields>, properties?: Properties, content?: Buffer): void {
    this.connection.send(this.number, method, fields, properties, content);
  }

  consume(queue: ScriptedQueue, wantedTag: string, noAck: boolean): ScriptedConsumer {
    const tag = wantedTag || `amq.ctag-${this.number}-${(this.names += 1)}`;
    const consumer = new ScriptedConsumer(this, queue, tag, noAck, this.prefetch);
    this.consumers.set(tag, consumer);
    queue.takers.push(consumer);
    return consumer;
  }

  /** Takes a message off a queue for this channel. @returns its delivery tag */
  give(queue: ScriptedQueue, message: Stored, noAck: boolean, consumer?: ScriptedConsumer): number {
    this.tags += 1;
    if (!noAck) this.given.set(this.tags, { queue, message, consumer, takenBack: false });
    return this.tags;
  }

  /** Unanswered messages of a consumer. */
  outstanding(consumer: ScriptedConsumer): number {
    return [...this.given.values()].filter((given) => given.consumer === consumer && !given.takenBack).length;
  }

  /** Ends deliveries as a client's answer says. @returns false when it has none under this tag */
  settle(tag: number, multiple: boolean, end: (queue: ScriptedQueue, message: Stored) => void): boolean {
    const tags = multiple ? [...this.given.keys()].filter((each) => tag === 0 || each <= tag) : [tag];
    if (multiple ? tag > this.tags : !this.given.has(tag)) return false;
    const answered = tags.map((each) => this.given.get(each) as Given);
    for (const each of tags) this.given.delete(each);
    for (const { queue, message, takenBack } of answered) if (!takenBack) end(queue, message);
    for (const queue of new Set(answered.map((each) => each.queue))) queue.pump();
    return true;
  }

  /** The client ends a consumer: what it has stays its own. */
  cancel(tag: string): void {
    const consumer = this.consumers.get(tag);
    if (!consumer) return;
    this.consumers.delete(tag);
    consumer.queue.takers.splice(consumer.queue.takers.indexOf(consumer), 1);
  }

  /** We end a consumer, and take back what it has. */
  cancelByServer(consumer: ScriptedConsumer, how: Comeback): void {
    this.cancel(consumer.tag);
    this.send("basic.cancel", { consumerTag: consumer.tag, nowait: true });
    for (const given of this.given.values()) {
      if (given.consumer !== consumer || given.takenBack) continue;
      given.takenBack = true;
      given.queue.comeBack(given.message, how);
    }
    consumer.queue.pump();
  }

  /** It is closed, by whomever: everything comes back. */
  closed(how: Comeback = "lost"): void {
    for (const tag of [...this.consumers.keys()]) this.cancel(tag);
    const answered = [...this.given.values()].filter(({ takenBack }) => !takenBack);
    this.given.clear();
    for (const { queue, message } of answered) queue.comeBack(message, how);
    for (const queue of new Set(answered.map((each) => each.queue))) queue.pump();
  }
}

/** One consumer of a channel. */
export class ScriptedConsumer implements Taker {
  constructor(
    readonly channel: ScriptedChannel,
    readonly queue: ScriptedQueue,
    readonly tag: string,
    readonly noAck: boolean,
    private readonly prefetch: number,
  ) {}

  take(message: Stored): boolean {
    if (this.prefetch > 0 && this.channel.outstanding(this) >= this.prefetch) return false;
    const deliveryTag = this.channel.give(this.queue, message, this.noAck, this);
    const { exchange, routingKey, redelivered, properties, content } = message;
    const headers = this.queue.headersOf(message);
    this.channel.send("basic.deliver", { consumerTag: this.tag, deliveryTag, redelivered, exchange, routingKey }, { ...properties, headers }, content);
    return true;
  }
}
