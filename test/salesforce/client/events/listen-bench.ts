import { EventEmitter } from "node:events";
import { BackOff } from "../../../../nodes/common/back-off";
import type { ConnectorError } from "../../../../nodes/common/errors";
import { MemoryStore } from "../../../../nodes/common/memory-store";
import type { Store } from "../../../../nodes/common/store";
import type { Outcome } from "../../../../nodes/delivery/outcome";
import { registry } from "../../../../nodes/delivery/tracker/registry";
import type { TrackedRuntime } from "../../../../nodes/delivery/runtime";
import { EventListener, type EventListenerOptions, type ListenerState } from "../../../../nodes/salesforce/client/events/event-listener";
import type { EventMessage } from "../../../../nodes/salesforce/client/events/event-message";
import type { StoredPosition } from "../../../../nodes/salesforce/client/events/event-position";
import type { ListenSettings } from "../../../../nodes/salesforce/client/events/listen-settings";
import type { Standby } from "../../../../nodes/salesforce/client/events/standby";
import { waitFor as waitUntil } from "../../../services/wait";
import { type ScriptedSubscription, ScriptedTransport } from "./scripted-transport";

export const waitFor = <T>(what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> => waitUntil(what, condition, { interval: 2 });

export const ORG = "00D000000000001AAA";
export const CHANNEL = "/event/Device_Alert__e";

export type Sent = EventMessage & { output: number; delivery: { id: string; attempt: number }; error?: { code: string; attempts: number } };

export function settle(message: Sent | undefined, outcome: Outcome = "accept", error?: ConnectorError): void {
  const delivery = message && registry.find(message.delivery.id);
  if (delivery && delivery !== "closed") delivery.settle({ outcome, ...(error ? { error } : {}) });
}

/** The delivery that a message belongs to. */
export function deliveryOf(message: Sent | undefined): { hold(reason: string): void; resume(): void } {
  const delivery = message && registry.find(message.delivery.id);
  if (!delivery || delivery === "closed") throw new Error("it is settled");
  return delivery;
}

/** A node that listens, without Node-RED and without an org. */
export class Listening {
  readonly transport: ScriptedTransport;
  readonly sent: Sent[] = [];
  readonly states: ListenerState[] = [];
  readonly warnings: string[] = [];
  readonly errors: string[] = [];
  readonly logs: string[] = [];
  /** Outputs that something is wired to. */
  readonly wired: Set<number>;
  readonly listener: EventListener;
  private closing: Promise<void> | undefined;

  constructor(options: Omit<EventListenerOptions, "send" | "isWired" | "onState" | "onSettled" | "warn" | "error" | "log" | "org"> & { org?: Partial<EventListenerOptions["org"]> }, transport: ScriptedTransport, outputs: number[], answer?: (message: Sent) => void) {
    this.transport = transport;
    this.wired = new Set(outputs);
    this.listener = new EventListener({
      ...options,
      org: { openSession: () => Promise.resolve({ accessToken: "t", instanceUrl: "http://org", orgId: ORG }), untilReady: () => Promise.resolve(), onOtherOrg: () => () => undefined, rest: undefined as never, http: undefined as never, streams: { over: () => transport }, ...options.org },
      send: (output, message) => {
        const one = { output, ...message } as Sent;
        this.sent.push(one);
        answer?.(one);
      },
      isWired: (output) => this.wired.has(output),
      onSettled: () => undefined,
      warn: (text) => this.warnings.push(text),
      error: (text) => this.errors.push(text),
      log: (text) => this.logs.push(text),
      onState: (state) => this.states.push(state),
    });
  }

  /** What is subscribed to. */
  subscribed(): Promise<ScriptedSubscription> {
    return waitFor("a subscription", () => this.transport.current);
  }

  /** Replay ids of what went out at the first output. */
  get ids(): string[] {
    return this.sent.filter(({ output }) => output === 0).map(({ salesforce }) => salesforce.replayId);
  }

  close(drain = 20): Promise<void> {
    return (this.closing ??= this.listener.close(drain));
  }
}

/** Opens listeners, and closes them after each test. */
export class ListenBench {
  private readonly runtime = { events: new EventEmitter() } as unknown as TrackedRuntime; // only settle mode `flow` follows the flow
  private readonly opened: Listening[] = [];
  /** A new one for each test. */
  store: Store = new MemoryStore();

  /** The test settles what is sent, or `answer` does. */
  open(settings: Partial<ListenSettings> = {}, { outputs = [0, 1], answer, standby, prepare, org, store = this.store }: { org?: Partial<EventListenerOptions["org"]>;  outputs?: number[]; answer?: (message: Sent) => void; standby?: Standby; prepare?: () => Promise<void>; store?: Store } = {}): Listening {
    const listening = new Listening(
      {
        settings: {
          ...{ transport: "cometd", channel: CHANNEL, replayFrom: "stored", staleReplay: "all", maxInFlight: 200, dedupeWindow: 100 },
          ...{ settle: "node", deadline: 60_000, retries: 0, retryDelay: 10, retryMaxDelay: 20, poisonLimit: 3 },
          ...settings,
        },
        node: { id: "listen", type: "surewire-salesforce-listen" },
        runtime: this.runtime,
        name: "listen",
        store,
        every: 5,
        trial: 1_000,
        someRoom: 40,
        backOff: () => new BackOff({ initial: 5, max: 5 }),
        ...(standby ? { standby } : {}),
        ...(prepare ? { prepare } : {}),
        ...(org ? { org } : {}),
      },
      new ScriptedTransport(),
      outputs,
      answer,
    );
    this.opened.push(listening);
    listening.listener.rewired();
    listening.listener.start();
    return listening;
  }

  /** What is kept of a channel. */
  async stored(channel = CHANNEL, name = "listen"): Promise<StoredPosition | undefined> {
    return (await this.store.read(`salesforce-listen/${ORG}/${channel}/${name}`)) as StoredPosition | undefined;
  }

  async storedAt(position: string): Promise<StoredPosition> {
    return waitFor(`position ${position} to be kept`, async () => {
      const stored = await this.stored();
      return stored?.position === position ? stored : undefined;
    });
  }

  async closeOpen(): Promise<void> {
    await Promise.all(this.opened.splice(0).map((each) => each.close()));
  }

  async closeAll(): Promise<void> {
    await this.closeOpen();
    this.store = new MemoryStore();
  }
}
