import type { NodeName } from "../../delivery/outcome";
import { retryDelays } from "../../delivery/retry-policy";
import type { TrackedRuntime } from "../../delivery/runtime";
import type { ConnectorError } from "../../common/errors";
import type { Store } from "../../common/store";
import type { BrokerLink } from "../client/broker";
import { Consumer, type ConsumerState } from "../client/consumer";
import { QueueDeliveries, type DeliverySettings } from "../client/queue-deliveries";
import type { QueueMessage } from "../client/queue-message";
import { declareTopology, type BindingSpec, type QueueTopology, type QueueType } from "../client/topology";
import { PoisonWatch } from "./poison-watch";

/** Settings of an `amqp in`, normalised. Times in ms. */
export interface QueueSourceSettings extends DeliverySettings {
  queue: string;
  /** Make what is missing, or touch nothing. */
  declare: "declare" | "existing";
  queueType: QueueType;
  arguments: Record<string, unknown>;
  bindings: BindingSpec[];
  prefetch: number;
  deadLetterQueue: string;
  /** A message that has ended the process so often becomes a dead letter. 0: never. */
  poisonLimit: number;
}

/** What a source does, for its node's status. */
export type QueueSourceState = ConsumerState | { kind: "forwarding"; error: ConnectorError } | { kind: "holding"; reason: string };

/** What the source needs besides its settings. */
export interface QueueSourceOptions {
  settings: QueueSourceSettings;
  node: NodeName;
  runtime: TrackedRuntime;
  link: BrokerLink;
  /** For what must outlive the process; without one, no message that ends it is found out. */
  store?: Store;
  send(message: QueueMessage): void;
  warn(text: string): void;
  onState(state: QueueSourceState): void;
}

/** Why a source does not take messages at present. */
export type PauseReason = "unwired" | "held" | "stopped";

/** Takes messages from a queue as they come, and pauses while it must. */
export class QueueSource {
  private readonly settings: QueueSourceSettings;
  private readonly deliveries: QueueDeliveries;
  private readonly consumer: Consumer;
  private readonly poison: PoisonWatch | undefined;
  private closing = false;
  private readonly pauses = new Set<PauseReason>();
  private holding = "";

  constructor(private readonly options: QueueSourceOptions) {
    const { link, node, runtime } = options;
    const settings = (this.settings = options.settings);
    const { queue, queueType, deadLetterQueue } = settings;
    const declare = settings.declare === "declare";
    this.deliveries = new QueueDeliveries({
      from: { queue, queueType, deadLetterQueue, declare, waitsIn: "broker" },
      settings,
      node,
      runtime,
      publish: link.publish,
      send: options.send,
      onSettled: (taken) => this.poison?.settled(taken),
      warn: options.warn,
      onHold: (reason) => this.hold(reason),
      onResume: () => this.release(),
      onWaiting: (error) => options.onState({ kind: "forwarding", error }),
    });
    this.poison = this.poisonWatch();
    this.consumer = new Consumer({
      connection: link.consume,
      queue,
      prefetch: settings.prefetch,
      tag: `node-red-${node.id}`,
      ...(declare ? { prepare: (model) => declareTopology(model, this.topology(), (text) => this.deliveries.warnOnce(text)) } : {}),
      onMessage: (taken) => (this.poison ? this.poison.take(taken) : this.deliveries.received(taken)),
      onLost: (window) => {
        this.poison?.lost(window);
        this.deliveries.lost(window);
      },
      onState: (state) => this.consumerState(state),
    });
  }

  /** Deliveries of the flow that are not settled. */
  get openCount(): number {
    return this.deliveries.openCount;
  }

  /** Begins to take messages, unless it is paused. */
  start(): void {
    if (!this.poison) return this.consumer.start();
    void this.poison.begin().then(() => this.closing || this.consumer.start());
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
    this.closing = true;
    this.pauses.add("stopped");
    this.poison?.stop();
    await this.consumer.stop(Math.min(2_000, drain));
    await this.deliveries.drain(end);
    await this.consumer.close();
    this.deliveries.close();
    await this.poison?.end();
  }

  private poisonWatch(): PoisonWatch | undefined {
    const { store, node, settings } = this.options;
    if (!store || settings.poisonLimit === 0) return undefined;
    return new PoisonWatch({
      store,
      key: `amqp-poison/${node.id}`,
      limit: Math.max(2, settings.poisonLimit),
      hand: (taken) => this.deliveries.received(taken),
      deadLetter: (taken, error) => this.deliveries.deadLetter(taken, error),
      warn: (text) => this.deliveries.warnOnce(text),
    });
  }

  private topology(): QueueTopology {
    const { queue, queueType, bindings, deadLetterQueue } = this.settings;
    return {
      queue: { name: queue, type: queueType, arguments: this.settings.arguments },
      bindings,
      deadLetterQueue,
      retryDelays: retryDelays(this.settings),
    };
  }

  private hold(reason: string): void {
    this.holding = reason;
    this.pause("held");
    this.options.onState({ kind: "holding", reason });
  }

  private release(): void {
    this.holding = "";
    this.resume("held");
  }

  private consumerState(state: ConsumerState): void {
    if (state.kind === "paused" && this.holding !== "") this.options.onState({ kind: "holding", reason: this.holding });
    else this.options.onState(state);
  }
}
