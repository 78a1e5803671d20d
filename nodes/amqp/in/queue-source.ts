import type { ChannelModel } from "amqplib";
import { ConnectorError, isConnectorError } from "../../common/errors";
import { MemoryStore } from "../../common/memory-store";
import type { Store } from "../../common/store";
import type { NodeName } from "../../delivery/outcome";
import { PoisonWatch } from "../../delivery/poison/poison-watch";
import { retryDelays } from "../../delivery/retry-policy";
import type { TrackedRuntime } from "../../delivery/runtime";
import type { BrokerLink } from "../client/broker";
import { Consumer } from "../client/consuming/consumer";
import type { ConsumerState } from "../client/consuming/consumer-options";
import type { AnsweredQueue } from "../client/consuming/queue-answers";
import { QueueDeliveries } from "../client/consuming/queue-deliveries";
import { isStream } from "../client/queue-info";
import type { QueueMessage } from "../client/consuming/queue-message";
import type { Taken } from "../client/consuming/taking-channel";
import { costsConnection, declareTopology } from "../client/topology";
import { OwnQueue } from "./own-queue";
import { queuePoison } from "./queue-poison";
import type { QueueSourceSettings } from "./settings";
import { SourceStates, type PauseReason, type QueueSourceState, type WaitReason } from "./source-states";
import { offsetOf } from "./stream-offset";
import { StreamPosition } from "./stream-position";
import { StreamReader } from "./stream-reader";

/** ms that a binding may take. It takes about nine requests, each of 0.6 s by satellite. */
const A_BINDING = 10_000;

/** What the source needs besides its settings. */
export interface QueueSourceOptions {
  settings: QueueSourceSettings;
  node: NodeName;
  runtime: TrackedRuntime;
  link: BrokerLink;
  /** Store for what must outlive the process. Without one, positions of streams last only as long as the process, and messages that end it are not recognized. */
  store?: Store;
  send(message: QueueMessage): void;
  /** Called for each message that is settled. */
  onSettled?(): void;
  /** ms that a message may stay unacknowledged. Default for a stream: that of its reader; for a queue: 25 minutes, or the deadline if that is longer. */
  longest?: number;
  warn(text: string): void;
  onState(state: QueueSourceState): void;
}

/** Holds positions when there is no store. */
const untilTheEnd = new MemoryStore();

/** Consumes messages from a queue, and pauses while there is a reason to. */
export class QueueSource {
  private readonly settings: QueueSourceSettings;
  private readonly own: OwnQueue | undefined;
  private readonly position: StreamPosition | undefined;
  private readonly stream: StreamReader | undefined;
  private readonly deliveries: QueueDeliveries;
  private readonly consumer: Consumer;
  private readonly poison: PoisonWatch<Taken> | undefined;
  private closing = false;
  private readonly pauses = new Set<PauseReason>();
  private readonly states: SourceStates;
  /** Why this queue is not tried again before the next deploy; `undefined` if it may be. */
  private refusal: ConnectorError | undefined;

  constructor(private readonly options: QueueSourceOptions) {
    const { link, node, runtime } = options;
    const settings = (this.settings = options.settings);
    this.states = new SourceStates(options.onState);
    this.own = settings.declare === "temporary" ? new OwnQueue(node.id) : undefined;
    this.position = settings.queueType === "stream" ? this.streamPosition() : undefined;
    this.deliveries = new QueueDeliveries({
      from: this.answered(),
      settings,
      node,
      runtime,
      publish: link.publish,
      send: options.send,
      onSettled: (taken, outcome) => {
        this.poison?.settled(taken);
        if (outcome !== "release") this.consumer.goFreely(); // a node has worked on it
        options.onSettled?.();
      },
      warn: options.warn,
      onHold: (reason) => this.hold("held", reason),
      onResume: () => this.release("held"),
      onBehind: (reason) => this.fallBehind(reason),
      onForwarding: (error) => this.states.forwards(error),
      onGivenBack: () => {
        this.poison?.giveBack();
        this.consumer.goCarefully();
      },
      longest: this.position ? Infinity : options.longest, // the stream reader acknowledges old messages itself
    });
    this.poison = this.poisonWatch();
    const stream = (this.stream = this.position && this.streamReader(this.position));
    this.consumer = new Consumer({
      connection: link.consume,
      queue: () => this.queue,
      prefetch: settings.prefetch,
      tag: `node-red-${node.id}`,
      arguments: () => ({ ...settings.consumerArguments, ...stream?.arguments() }),
      ...(stream ? { answers: (broker) => stream.answers(broker), chunks: true } : {}),
      prepare: (model) => this.prepare(model),
      preparation: settings.bindings.length * A_BINDING,
      onMessage: (taken) => this.received(taken),
      onLarge: (room) => this.deliveries.warnOnce(largeText(this.queue, room)),
      onLost: (window) => {
        if (this.poison) this.poison.lost();
        else if (link.consume.stoodStill && !stream) this.consumer.goCarefully(); // one of these messages may be the reason, and comes again
        this.deliveries.lost(window);
        stream?.lost();
      },
      onState: (state) => this.consumerState(state),
    });
  }

  /** The queue's name; "" for a temporary one that is not made yet. */
  get queue(): string {
    return this.own ? this.own.name : this.settings.queue;
  }

  /** How many deliveries are in the flow and not settled. */
  get openCount(): number {
    return this.deliveries.openCount;
  }

  /** Begins to take messages, unless it is paused. */
  start(): void {
    if (!this.poison) return this.consumer.start();
    void this.poison.begin().then(() => this.closing || this.consumer.start());
  }

  /** Takes no more messages until no reason to pause is left. */
  pause(reason: PauseReason): void {
    this.pauses.add(reason);
    this.stream?.pause();
    this.poison?.pause();
    this.deliveries.pause();
    this.consumer.pause();
  }

  /** A reason to pause is gone. */
  resume(reason: PauseReason): void {
    this.pauses.delete(reason);
    if (this.pauses.size > 0) return;
    this.deliveries.resume();
    this.poison?.resume();
    this.stream?.resume();
    this.consumer.resume();
  }

  /** Takes no more, lets the flow finish for up to `drain` ms, gives the rest back, and closes. */
  async close(drain = 8_000): Promise<void> {
    const end = performance.now() + drain;
    this.closing = true;
    this.pauses.add("stopped");
    this.poison?.stop();
    this.stream?.pause();
    this.deliveries.stop();
    await this.consumer.stop(Math.min(2_000, drain));
    await this.deliveries.drain(end);
    // closed at the same time, since the publisher may have to wait for a broker that reads nothing from it
    await Promise.all([this.deliveries.close(), this.consumer.close()]);
    await Promise.all([this.stream?.close(), this.own?.remove(this.options.link.consume.model), this.poison?.end()]);
  }

  private answered(): AnsweredQueue {
    const { declare, queueType, deadLetterQueue } = this.settings;
    const waitsIn = this.own || queueType === "stream" ? "process" : "broker";
    const name = (): string => this.queue;
    return {
      get queue() {
        return name();
      },
      // a temporary queue is classic, but its dead letters are to be as durable as those of a quorum queue
      queueType: this.own ? "quorum" : queueType,
      deadLetterQueue,
      declare: declare !== "existing",
      waitsIn,
    };
  }

  private streamPosition(): StreamPosition {
    const { node, settings } = this.options;
    const warn = (text: string): void => this.deliveries.warnOnce(text);
    const { store = untilTheEnd } = this.options;
    return new StreamPosition({ store, key: `amqp-stream/${node.id}/${settings.queue}`, broker: settings.broker, warn });
  }

  private streamReader(position: StreamPosition): StreamReader {
    const { queue, prefetch, streamStart: start } = this.settings;
    return new StreamReader({
      queue,
      start,
      position,
      prefetch,
      hand: (taken) => this.hand(taken),
      renew: () => this.consumer.renew(),
      model: () => this.options.link.consume.model,
      warn: (text) => this.deliveries.warnOnce(text),
      longest: this.options.longest,
    });
  }

  private poisonWatch(): PoisonWatch<Taken> | undefined {
    const { store, node, settings } = this.options;
    if (!store || settings.poisonLimit === 0) return undefined;
    return new PoisonWatch({
      ...queuePoison,
      store,
      key: `amqp-poison/${node.id}`,
      limit: settings.poisonLimit,
      ...(this.position ? { suspects: () => true } : {}), // a stream does not mark messages as redelivered
      takenOf: (delivery) => this.deliveries.takenOf(delivery),
      hand: (taken) => this.deliveries.received(taken),
      deadLetter: (taken, error) => this.deliveries.deadLetter(taken, error),
      onSearch: (reason) => this.states.searches(reason),
      stoodStillUntil: () => this.options.link.consume.stoodStill?.until,
      warn: (text) => this.deliveries.warnOnce(text),
    });
  }

  /** Prepares each new channel before messages are taken on it. */
  private async prepare(model: ChannelModel): Promise<void> {
    if (this.refusal) throw this.refusal;
    if (this.position && !this.options.store) this.deliveries.warnOnce("Node-RED has no user directory: the position in the stream is kept only while it runs");
    await this.position?.load();
    if (this.settings.declare === "existing") return;
    try {
      await this.declare(model);
    } catch (error) {
      if (isConnectorError(error) && costsConnection(error)) this.refusal = error;
      throw error;
    }
  }

  private declare(model: ChannelModel): Promise<void> {
    const { queue: name, queueType: type, arguments: args, bindings, deadLetterQueue } = this.settings;
    const queue = this.own?.on(model, args) ?? { name, type, arguments: args };
    const delays = this.own || this.stream ? [] : retryDelays(this.settings);
    return declareTopology(model, { queue, bindings, deadLetterQueue, retryDelays: delays }, (text) => this.deliveries.warnOnce(text));
  }

  private received(taken: Taken): void {
    if (this.refusal) return;
    const { message } = taken;
    if (!this.stream) {
      // the queue may be a stream; but a dead letter that came from a stream has the header, too
      if (message.fields.deliveryTag === 1 && offsetOf(message) !== undefined) void this.lookAtKind();
      this.hand(taken);
    } else if (offsetOf(message) === undefined) this.refuse(`Queue ${this.queue} is no stream: choose its type`);
    else this.stream.take(taken);
  }

  private hand(taken: Taken): void {
    if (this.poison) this.poison.take(taken);
    else this.deliveries.received(taken);
  }

  /** Looks whether the queue is a stream, though its settings say otherwise. If so, it is refused: to give a message back to a stream would close the connection for all nodes. */
  private async lookAtKind(): Promise<void> {
    const { model } = this.options.link.consume;
    const found = model !== undefined && (await isStream(model, this.queue).catch(() => false));
    if (found) this.refuse(`Queue ${this.queue} is a stream: choose stream as its type`);
  }

  private refuse(text: string): void {
    this.refusal = new ConnectorError("NOT_CONFIGURED", text);
    this.consumer.renew();
  }

  private hold(why: WaitReason, reason: string): void {
    this.pause(why);
    this.states.waits(why, reason);
  }

  private release(why: WaitReason): void {
    this.pauses.delete(why);
    this.states.waitsNoMore(why, this.pauses.size === 0);
    this.resume(why);
  }

  /** Pauses while messages wait too long for their turn. More of them would wait even longer, and be given back unworked before the broker's consumer timeout is over. */
  private fallBehind(reason: string | undefined): void {
    if (reason === undefined) return this.release("behind");
    this.options.warn(`${reason}: no more are taken until these have had it`);
    this.hold("behind", reason);
  }

  private consumerState(state: ConsumerState): void {
    if (state.kind === "consuming") this.stream?.consuming();
    this.states.consumes(state);
  }
}

/** @param room bytes */
function largeText(queue: string, room: number): string {
  const what = `The messages of queue ${queue} are large: fewer than At once says are taken at a time, so that they do not fill the memory`;
  return `${what}. A Join or Batch that waits for more than ${Math.floor(room / 1e6)} MB of them may wait in vain: give Node-RED more memory (--max-old-space-size)`;
}
