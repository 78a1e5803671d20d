import type { ConsumeMessage } from "amqplib";
import { ConnectorError, toConnectorError } from "../../common/errors";
import type { Delivery } from "../../delivery/delivery";
import { flowTracker } from "../../delivery/flow-tracker";
import { describeNode, type SettleMode, type Settlement } from "../../delivery/outcome";
import { retryDelays, type RetryPolicy } from "../../delivery/retry-policy";
import type { TrackedRuntime } from "../../delivery/runtime";
import { DeliverySource } from "../../delivery/source";
import { decode, type Format } from "../../format/format";
import type { BrokerLink } from "../client/broker";
import { Consumer, type ConsumerState, type Taken } from "../client/consumer";
import { within } from "../client/deadline";
import { Forwarder, type Forwarding } from "../client/forwarder";
import { attemptOf, deadLetterCopy, originOf, retryCopy } from "../client/retry-and-dead-letter";
import { declareTopology, deadLetterQueue, retryQueue, type BindingSpec, type QueueType } from "../client/topology";

/** Settings of an `amqp in`, normalised. Times in ms. */
export interface QueueSourceSettings extends RetryPolicy {
  queue: string;
  /** Make what is missing, or touch nothing. */
  declare: "declare" | "existing";
  queueType: QueueType;
  arguments: Record<string, unknown>;
  bindings: BindingSpec[];
  prefetch: number;
  format: Format;
  settle: SettleMode;
  deadline: number;
  deadLetterQueue: string;
}

/** The message an `amqp in` sends. */
export interface QueueMessage {
  payload: unknown;
  /** The routing key. */
  topic: string;
  delivery: object;
  amqp: {
    queue: string;
    exchange: string;
    routingKey: string;
    redelivered: boolean;
    properties: Record<string, unknown>;
    headers: Record<string, unknown>;
    /** The broker's `x-death`: why and where it was dead-lettered by the broker before, newest first. */
    deaths: unknown[];
  };
}

/** What a source does, for its node's status. */
export type QueueSourceState = ConsumerState | { kind: "forwarding"; error: ConnectorError } | { kind: "holding"; reason: string };

/** What the source needs besides its settings. */
export interface QueueSourceOptions {
  settings: QueueSourceSettings;
  node: { id: string; name?: string; type: string };
  runtime: TrackedRuntime;
  link: BrokerLink;
  send(message: QueueMessage): void;
  warn(text: string): void;
  onState(state: QueueSourceState): void;
}

/** Why a source does not take messages at present. */
export type PauseReason = "unwired" | "held" | "stopped";

/** Takes messages from a queue, hands them to the flow, and answers the broker by how each delivery was settled. */
export class QueueSource {
  private readonly settings: QueueSourceSettings;
  private readonly source: DeliverySource<Taken>;
  private readonly consumer: Consumer;
  private readonly forwarder: Forwarder;
  private readonly pauses = new Set<PauseReason>();
  private readonly timers = new Set<NodeJS.Timeout>();
  /** What goes back to the queue when the source's pause is over, with the timers that see to it. */
  private readonly returning = new Map<Taken, NodeJS.Timeout>();
  private readonly warned = new Set<string>();
  private holding = "";

  constructor(private readonly options: QueueSourceOptions) {
    const { link } = options;
    const settings = (this.settings = options.settings);
    this.source = new DeliverySource<Taken>({
      id: options.node.id,
      runtime: options.runtime,
      settle: settings.settle,
      deadline: settings.deadline,
      retries: settings.retries,
      retryDelay: settings.retryDelay,
      retryMaxDelay: settings.retryMaxDelay,
      onSettle: (delivery, settlement) => this.answer(delivery, settlement),
      onHold: (reason) => this.hold(reason),
      onResume: () => this.release(),
      warn: options.warn,
    });
    this.forwarder = new Forwarder({
      connection: link.publish,
      declare: settings.declare === "declare",
      warn: (text) => this.warnOnce(text),
      onWaiting: (error) => options.onState({ kind: "forwarding", error }),
    });
    this.consumer = new Consumer({
      connection: link.consume,
      queue: settings.queue,
      prefetch: settings.prefetch,
      tag: `node-red-${options.node.id}`,
      ...(settings.declare === "declare" ? { prepare: (model) => declareTopology(model, this.topology(), (text) => this.warnOnce(text)) } : {}),
      onMessage: (taken) => this.received(taken, attemptOf(taken.message)),
      onLost: (window) => this.source.invalidate((delivery) => delivery.taken.window === window),
      onState: (state) => this.consumerState(state),
    });
  }

  /** Deliveries of the flow that are not settled. */
  get openCount(): number {
    return this.source.openCount;
  }

  /** Begins to take messages, unless it is paused. */
  start(): void {
    this.consumer.start();
  }

  /** Takes no more while one reason is left. */
  pause(reason: PauseReason): void {
    this.pauses.add(reason);
    this.consumer.pause();
  }

  /** The reason has gone. */
  resume(reason: PauseReason): void {
    this.pauses.delete(reason);
    if (this.pauses.size === 0) this.consumer.resume();
  }

  /** Takes no more, lets the flow finish for up to `drain` ms, gives the rest back, and closes. */
  async close(drain = 8_000): Promise<void> {
    const end = Date.now() + drain;
    this.pauses.add("stopped");
    await this.consumer.stop(Math.min(2_000, drain));
    await this.source.drain(Math.max(0, end - Date.now()));
    await within(this.forwarder.idle(), Math.max(0, end - Date.now()));
    for (const timer of [...this.timers, ...this.returning.values()]) clearTimeout(timer);
    this.timers.clear();
    this.returning.clear();
    await this.forwarder.close();
    await this.consumer.close();
    this.source.close();
  }

  private received(taken: Taken, attempt: number): void {
    const { message } = taken;
    let payload: unknown;
    try {
      payload = decode(message.content, this.settings.format, message.properties);
    } catch (error) {
      this.deadLetter(taken, toConnectorError(error, "FORMAT_INVALID"), attempt, describeNode(this.options.node));
      return;
    }
    const delivery = this.source.open(taken, attempt);
    const outgoing = messageOf(message, this.settings.queue, payload, delivery.info);
    this.source.send(delivery, () => this.options.send(outgoing));
  }

  private answer(delivery: Delivery<Taken>, { outcome, error, node, attempt, delay = 0 }: Settlement): void {
    const { taken } = delivery;
    switch (outcome) {
      case "accept":
        return taken.window.ack(taken.message.fields.deliveryTag);
      case "release":
        return this.giveBack(taken, delay);
      case "retry":
        return this.retry(taken, attempt, delay);
      case "dead-letter":
        return this.deadLetter(taken, error ?? new ConnectorError("SETTLED_BY_FLOW", "Dead-lettered"), attempt, node && describeNode(node));
    }
  }

  private retry(taken: Taken, attempt: number, delay: number): void {
    const { queue } = this.settings;
    this.forward(taken, {
      copy: (plain) => retryCopy(taken.message, queue, attempt, delay, plain),
      queue: (server) => retryQueue(queue, delay, server),
      // No delay queue, and none may be made: the message waits here, unacknowledged, and is tried again.
      missing: () => this.after(delay, () => !taken.window.closed && this.received(taken, attempt + 1)),
    });
  }

  private deadLetter(taken: Taken, error: ConnectorError, attempts: number, node: string | undefined): void {
    const { deadLetterQueue: target, queueType } = this.settings;
    const failure = { error, attempts, ...(node === undefined ? {} : { node }) };
    this.forward(taken, {
      copy: (plain) => deadLetterCopy(taken.message, target, failure, plain),
      queue: () => deadLetterQueue(target, queueType),
    });
  }

  /** Outside the flow's context: what the connection does from now on belongs to no delivery. */
  private forward(taken: Taken, forwarding: Forwarding): void {
    flowTracker.outside(() => this.forwarder.forward(taken, forwarding));
  }

  private topology(): Parameters<typeof declareTopology>[1] {
    const { queue, queueType, bindings } = this.settings;
    return {
      queue: { name: queue, type: queueType, arguments: this.settings.arguments },
      bindings,
      deadLetterQueue: this.settings.deadLetterQueue,
      retryDelays: retryDelays(this.settings),
    };
  }

  private after(delay: number, action: () => unknown): void {
    if (delay <= 0) return void action();
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      action();
    }, delay);
    this.timers.add(timer);
  }

  private hold(reason: string): void {
    this.holding = reason;
    this.pause("held");
    this.options.onState({ kind: "holding", reason });
  }

  private release(): void {
    this.holding = "";
    // a pause that a deploy ends early leaves nothing waiting for the time it would have taken
    for (const taken of this.returning.keys()) this.giveBack(taken);
    this.resume("held");
  }

  private giveBack(taken: Taken, delay = 0): void {
    clearTimeout(this.returning.get(taken));
    this.returning.delete(taken);
    if (delay > 0) this.returning.set(taken, setTimeout(() => this.giveBack(taken), delay));
    else taken.window.giveBack(taken.message.fields.deliveryTag);
  }

  private consumerState(state: ConsumerState): void {
    if (state.kind === "paused" && this.holding !== "") this.options.onState({ kind: "holding", reason: this.holding });
    else this.options.onState(state);
  }

  /** Each reconnect looks at the queues again; the user needs to hear of them once. */
  private warnOnce(text: string): void {
    if (this.warned.has(text)) return;
    this.warned.add(text);
    this.options.warn(text);
  }
}

function messageOf(message: ConsumeMessage, queue: string, payload: unknown, delivery: object): QueueMessage {
  const headers = message.properties.headers ?? {};
  const { exchange, routingKey } = originOf(message);
  const deaths: unknown = headers["x-death"];
  const { redelivered } = message.fields;
  const amqp = { queue, exchange, routingKey, redelivered, properties: givenProperties(message), headers, deaths: Array.isArray(deaths) ? deaths : [] };
  return { payload, topic: routingKey, delivery, amqp };
}

/** The properties that were sent. amqplib lists all there are; taking the others out by `delete` cost 20 µs a message. */
function givenProperties(message: ConsumeMessage): Record<string, unknown> {
  const all = message.properties as unknown as Record<string, unknown>;
  const given: Record<string, unknown> = {};
  for (const name in all) if (all[name] !== undefined && name !== "headers") given[name] = all[name];
  return given;
}
