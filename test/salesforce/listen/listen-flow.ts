import { EventEmitter } from "node:events";
import path from "node:path";
import util from "@node-red/util";
import RED from "node-red";
import { DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, type Emulator } from "../../../emulator/src/index";
import type { OrgClient } from "../../../nodes/salesforce/client/org";
import { formDefaults } from "../../services/form-defaults";
import { type FlowNodeConfig, Runtime } from "../../services/runtime";
import { held, testBench } from "../../services/test-nodes/test-nodes";
import { waitShortly as waitFor } from "../../services/wait";
import { clientCredentials, Orgs } from "../support";

export const EVENT = { name: "Device_Alert__e", fields: [{ name: "Serial__c", type: "string" as const }] };
export const CHANNEL = `/event/${EVENT.name}`;

export { waitFor };

/** Events in the flow of a listener. @param id of its node */
export function openCount(id = "listen"): number | undefined {
  const { nodes } = RED as unknown as { nodes: { getNode(id: string): { listener?: { openCount: number } } | null } };
  return nodes.getNode(id)?.listener?.openCount;
}

/** A message in the hands of the node behind. */
export interface HeldEvent {
  msg: { payload: Record<string, unknown>; topic: string; salesforce: { channel: string; replayId: string; eventUuid: string; type?: string; transport: string }; delivery: { attempt: number }; error?: { code: string } };
  go(): void;
  fail(error: Error): void;
}

/** A Node-RED with `salesforce listen` nodes in this process, and what they say. */
export class ListenFlow {
  private readonly runtime = new Runtime({ nodesDir: ["test-nodes", "salesforce-nodes", "sql-nodes"].map((folder) => path.join(__dirname, "../../services", folder)) });
  private readonly handler = new EventEmitter();
  private readonly onStatus = ({ id, status }: { id: string; status?: { text?: string; fill?: string } }): void => void this.statuses.push({ id, text: status?.text ?? "", fill: status?.fill ?? "" });
  statuses: { id: string; text: string; fill: string }[] = [];
  warnings: string[] = [];
  logs: string[] = [];

  async start(): Promise<void> {
    this.handler.on("log", ({ level, id, msg }: { level: number; id?: string; msg: unknown }) => {
      if (id?.startsWith("listen")) (level <= 30 ? this.warnings : this.logs).push(String(msg));
    });
    const { log, events } = util as unknown as { log: { addHandler(handler: object): void }; events: EventEmitter };
    await this.runtime.start();
    held.length = 0; // what other suites have left in the hands of nodes
    log.addHandler(this.handler);
    events.on("node-status", this.onStatus);
  }

  async stop(): Promise<void> {
    const { log, events } = util as unknown as { log: { removeHandler(handler: object): void }; events: EventEmitter };
    log.removeHandler(this.handler);
    events.removeListener("node-status", this.onStatus);
    await this.runtime.stop();
  }

  /** Deploys, as the form saves a node; `more` is what a test chose. Each listener's events are held at once by `end`, its dead letters by `letters`. */
  async deploy(org: Emulator, listeners: Record<string, unknown>[], { clientSecret = DEFAULT_CLIENT_SECRET, others = [] as FlowNodeConfig[] } = {}): Promise<void> {
    await this.runtime.deploy([
      { id: "org", type: "surewire-salesforce-org", z: "tab", loginUrl: org.url, pubsubEndpoint: `http://${org.pubsubEndpoint}`, flow: "client-credentials", credentials: { clientId: DEFAULT_CLIENT_ID, clientSecret } },
      ...listeners.map((more, index) => ({
        id: `listen${index || ""}`,
        type: "surewire-salesforce-listen",
        ...formDefaults("surewire-salesforce-listen", "nodes/salesforce/listen/listen.html"),
        ...{ org: "org", listener: "test", retryDelay: 10, wires: [["end"], ["letters"]] },
        ...more,
      })),
      { id: "ask", type: "test-count", wires: [["listen"]] },
      { id: "end", type: "test-hold", wires: [[]] },
      { id: "letters", type: "test-hold", wires: [[]] },
      ...others,
    ]);
  }

  /** Nothing is left of the test before, but for what is stored. */
  async clear(): Promise<void> {
    for (const one of held.splice(0)) one.go();
    await this.runtime.deploy([]);
    held.length = 0;
    this.statuses = [];
    this.warnings = [];
    this.logs = [];
  }

  /** Sends a message into the first listener's input. */
  ask(message: object): void {
    testBench.counters.get("ask")?.receive(message);
  }

  get held(): HeldEvent[] {
    return held as unknown as HeldEvent[];
  }

  /** Waits until so many messages are held. */
  async has(count: number): Promise<HeldEvent[]> {
    await waitFor(`${count} messages`, () => held.length >= count);
    return this.held;
  }

  /** Lets the first `count` go. */
  release(count = held.length): void {
    for (const one of held.splice(0, count)) one.go();
  }

  status(id = "listen"): { text: string; fill: string } {
    const { text = "", fill = "" } = this.statuses.findLast((one) => one.id === id) ?? {};
    return { text, fill };
  }

  /** Waits for a status. Texts of the catalogue are their keys here. */
  shows(text: RegExp, id?: string): Promise<boolean> {
    return waitFor(`status ${text.source}`, () => text.test(this.status(id).text)).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${this.status(id).text}`);
    });
  }
}

/** A Node-RED and an org for all tests of a suite; each begins with an empty flow, and with an org as it was at first. */
export class ListenSuite {
  readonly flow = new ListenFlow();
  org!: Emulator;
  private readonly orgs = new Orgs();
  private names = 0;
  private other: OrgClient | undefined;

  /** Called within a `describe`. */
  constructor() {
    before(async () => {
      await this.flow.start();
      this.org = await this.orgs.start({ schema: [EVENT], pubsub: true, cometd: { timeout: 3_000, maxInterval: 3_000 } });
    });
    beforeEach(() => this.org.control.reset());
    afterEach(() => this.flow.clear());
    after(async () => {
      await this.flow.stop();
      await this.orgs.stop();
    });
  }

  /** A listener with a position of its own: what other tests have stored does not count. */
  fresh(more: object = {}): Record<string, unknown> {
    return { channel: CHANNEL, listener: `test ${(this.names += 1)}`, ...more };
  }

  deploy(...listeners: Record<string, unknown>[]): Promise<void> {
    return this.flow.deploy(this.org, listeners);
  }

  /** Deploys one listener to the channel of {@link EVENT}, and waits until it listens. */
  async listening(listener = this.fresh()): Promise<Record<string, unknown>> {
    await this.deploy(listener);
    await this.flow.shows(/Alert__e$/);
    return listener;
  }

  /** Somebody else who works in the org. */
  get client(): OrgClient {
    return (this.other ??= this.orgs.client(clientCredentials(this.org)));
  }

  publish(...serials: string[]): void {
    this.org.control.insert({ object: EVENT.name, records: serials.map((Serial__c) => ({ Serial__c })) });
  }

  /** Of the events that are held. */
  get serials(): unknown[] {
    return this.flow.held.map(({ msg }) => msg.payload.Serial__c);
  }
}
