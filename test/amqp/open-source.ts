import { EventEmitter } from "node:events";
import { Broker, type BrokerLink } from "../../nodes/amqp/client/broker";
import type { QueueMessage } from "../../nodes/amqp/client/consuming/queue-message";
import { QueueSource, type QueueSourceOptions } from "../../nodes/amqp/in/queue-source";
import type { QueueSourceState } from "../../nodes/amqp/in/source-states";
import { readSettings, type InDef } from "../../nodes/amqp/in/settings";
import { ConnectorError } from "../../nodes/common/errors";
import type { Outcome } from "../../nodes/delivery/outcome";
import { registry } from "../../nodes/delivery/tracker/registry";
import type { TrackedRuntime } from "../../nodes/delivery/runtime";
import { waitFor } from "../services/wait";
import { quick } from "./support";

/** An `amqp in` without its node, whose messages the test settles. */
export interface OpenSource {
  source: QueueSource;
  link: BrokerLink;
  messages: QueueMessage[];
  warnings: string[];
  states: QueueSourceState[];
  /** Those of the runtime. */
  events: EventEmitter;
  settle(message: QueueMessage | undefined, outcome: Outcome, error?: ConnectorError): void;
  close(): Promise<void>;
}

export const refused = new ConnectorError("ROW_REFUSED", "the row breaks a rule");

export const contents = (messages: QueueMessage[]): string[] => messages.map(({ payload }) => String(payload));

export const attempts = (messages: QueueMessage[]): number[] => messages.map(({ delivery }) => (delivery as { attempt: number }).attempt);

/** The sources of one suite; {@link Sources.close} for its `afterEach`. */
export class Sources {
  private readonly opened: OpenSource[] = [];

  async close(): Promise<void> {
    await Promise.all(this.opened.splice(0).map((each) => each.close()));
  }

  /** @param answer settles each message at once, by this outcome or by hand */
  open(url: string, def: Partial<InDef>, more: Partial<QueueSourceOptions> = {}, answer?: Outcome | ((message: QueueMessage, settle: OpenSource["settle"]) => void)): OpenSource {
    const broker = new Broker({ urls: [url], backOff: quick() });
    const user = {};
    const messages: QueueMessage[] = [];
    const warnings: string[] = [];
    const states: QueueSourceState[] = [];
    const events = new EventEmitter();
    const settle: OpenSource["settle"] = (message, outcome, error) => {
      const delivery = registry.find((message?.delivery as { id: string }).id);
      if (delivery && delivery !== "closed") delivery.settle({ outcome, ...(error ? { error } : {}) });
    };
    const link = broker.acquire(user);
    const source = new QueueSource({
      settings: readSettings({ id: "source", broker: "broker", queue: "", settle: "node", retryDelay: 50, retries: 2, ...def }),
      node: { id: "source", type: "surewire-amqp-in", name: "orders in" },
      runtime: { events } as unknown as TrackedRuntime, // only settle mode `flow` follows the flow
      link,
      send: (message) => {
        messages.push(message);
        if (typeof answer === "string") settle(message, answer);
        else answer?.(message, settle);
      },
      warn: (warning) => warnings.push(warning),
      onState: (state) => states.push(state),
      ...more,
    });
    let closed: Promise<void> | undefined;
    const close = (): Promise<void> => (closed ??= source.close(500).then(() => broker.release(user)));
    const made = { source, link, messages, warnings, states, events, settle, close };
    this.opened.push(made);
    source.start();
    return made;
  }

  /** The same, once it consumes. */
  async consuming(...args: Parameters<Sources["open"]>): Promise<OpenSource> {
    const made = this.open(...args);
    await waitFor("the consumer", () => made.states.at(-1)?.kind === "consuming");
    return made;
  }
}
