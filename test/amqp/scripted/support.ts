import { EventEmitter } from "node:events";
import { Broker, type BrokerLink } from "../../../nodes/amqp/client/broker";
import { Connection, type ConnectionState } from "../../../nodes/amqp/client/connection/connection";
import { Publisher, type PublisherOptions } from "../../../nodes/amqp/client/publishing/publisher";
import type { QueueMessage } from "../../../nodes/amqp/client/consuming/queue-message";
import { QueueSource, type QueueSourceOptions } from "../../../nodes/amqp/in/queue-source";
import type { QueueSourceState } from "../../../nodes/amqp/in/source-states";
import { readSettings, type InDef } from "../../../nodes/amqp/in/settings";
import { BackOff } from "../../../nodes/common/back-off";
import { ConnectorError } from "../../../nodes/common/errors";
import type { Outcome } from "../../../nodes/delivery/outcome";
import { registry } from "../../../nodes/delivery/tracker/registry";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import { waitFor } from "../../services/wait";
import { ScriptedBroker, type ScriptedOptions } from "./broker";

/** Looks often: nothing here takes long. */
export const soon = <T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> => waitFor(what, condition, { interval: 5 });

/** A source under test and what it said. */
export interface Opened {
  source: QueueSource;
  link: BrokerLink;
  messages: QueueMessage[];
  warnings: string[];
  states: QueueSourceState[];
  /** Log lines of the connections. */
  lines: string[];
  settle(message: QueueMessage | undefined, outcome: Outcome, error?: ConnectorError): void;
  close(drain?: number): Promise<void>;
}

/** What a test opens and its end closes. */
export class Stage {
  private readonly closers: (() => Promise<void>)[] = [];
  broker!: ScriptedBroker;

  /** A broker of this kind. */
  async plays(options: ScriptedOptions = {}): Promise<ScriptedBroker> {
    const broker = (this.broker = await ScriptedBroker.start(options));
    this.closers.push(() => broker.stop());
    return broker;
  }

  /** Every back-off made in this test waits as long as its jitter lets it, so that what is to come late does. */
  waitsLong(): void {
    const { random } = Math;
    Math.random = () => 0.999;
    this.closers.push(async () => void (Math.random = random));
  }

  /** Ends all that the test began, the last first. */
  async clear(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }

  connection(): { connection: Connection; states: ConnectionState[] } {
    const states: ConnectionState[] = [];
    const connection = new Connection({ urls: [this.broker.url], backOff: new BackOff({ initial: 20, max: 20 }) });
    connection.subscribe({ state: (state) => states.push(state) });
    this.closers.push(() => connection.close(500));
    return { connection, states };
  }

  /** A publisher with its channel open, on a connection of its own unless one is given. */
  async publisher(more: Partial<PublisherOptions> = {}): Promise<Publisher> {
    const made = new Publisher({ connection: more.connection ?? this.connection().connection, ...more });
    this.closers.push(() => made.close(500));
    await made.ready(5_000);
    return made;
  }

  /** The two connections of a broker's config node, and what it logged. */
  link(): { link: BrokerLink; lines: string[] } {
    const lines: string[] = [];
    const broker = new Broker({ urls: [this.broker.url], backOff: new BackOff({ initial: 20, max: 20 }), log: (level, text) => lines.push(`${level}: ${text}`) });
    const user = {};
    const link = broker.acquire(user);
    this.closers.push(() => broker.release(user));
    return { link, lines };
  }

  /** An `amqp in` without its node, taking messages that the test settles. @param shared the connections, when it is not the only one on them */
  source(def: Partial<InDef> & { queue: string }, answer?: (message: QueueMessage, settle: Opened["settle"]) => void, shared = this.link(), more: Partial<QueueSourceOptions> = {}): Opened {
    const { link, lines } = shared;
    const messages: QueueMessage[] = [];
    const warnings: string[] = [];
    const states: QueueSourceState[] = [];
    const settle: Opened["settle"] = (message, outcome, error) => {
      const delivery = registry.find((message?.delivery as { id: string }).id);
      if (delivery && delivery !== "closed") delivery.settle({ outcome, ...(error ? { error } : {}) });
    };
    const source = new QueueSource({
      settings: readSettings({ broker: "", settle: "node", retryDelay: 40, ...def }),
      node: { id: "source", type: "surewire-amqp-in", name: "orders in" },
      runtime: { events: new EventEmitter() } as unknown as TrackedRuntime, // only settle mode `flow` follows the flow
      link,
      send: (message) => {
        messages.push(message);
        answer?.(message, settle);
      },
      warn: (warning) => warnings.push(warning),
      onState: (state) => states.push(state),
      ...more,
    });
    source.start();
    let closed: Promise<void> | undefined;
    const close = (drain = 0): Promise<void> => (closed ??= source.close(drain));
    this.closers.push(() => close());
    return { source, link, messages, warnings, states, lines, settle, close };
  }

  /** The same, once it consumes. */
  async consuming(...args: Parameters<Stage["source"]>): Promise<Opened> {
    const opened = this.source(...args);
    await soon("the consumer", () => opened.states.some(({ kind }) => kind === "consuming"));
    return opened;
  }
}

export const refused = new ConnectorError("ROW_REFUSED", "the row breaks a rule");
