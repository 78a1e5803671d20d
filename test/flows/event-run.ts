import assert from "node:assert/strict";
import { type Emulator, startEmulator } from "../../emulator/src/index";
import { formDefaults } from "../services/form-defaults";
import type { FlowNode } from "../services/node-red";
import type { RabbitMq } from "../services/rabbitmq";
import { waitFor } from "../services/wait";
import { drainAll, outNode } from "./amqp-flow";
import { brokerNode, orgNode, publish, scaled, tab } from "./bridge";

const EVENT = "Device_Alert__e";
const TRANSPORTS = ["cometd", "pubsub"] as const;
type Transport = (typeof TRANSPORTS)[number];

/** Platform events of an org that come by both transports, each to a queue of its own: what was published, and what has arrived. */
export class EventRun {
  /** Serial numbers of the events, in the order they were published. */
  readonly published: string[] = [];
  /** What was in the queues when they were emptied. */
  private readonly arrived: Record<Transport, string[]> = { cometd: [], pubsub: [] };

  private constructor(
    readonly org: Emulator,
    private readonly rabbit: RabbitMq,
    private readonly queue: string,
  ) {}

  /** @param queue begins the names of the queues */
  static async start(rabbit: RabbitMq, queue: string): Promise<EventRun> {
    const schema = [{ name: EVENT, fields: [{ name: "Serial__c", type: "string" as const }] }];
    const run = new EventRun(await startEmulator({ schema, pubsub: true }), rabbit, queue);
    for (const name of ["HourlyPublishedPlatformEvents", "DailyDeliveredPlatformEvents"] as const) run.org.control.setLimit({ name, max: 10_000_000 }); // a soak goes past them
    await Promise.all([...TRANSPORTS, "letters"].map((name) => publish(rabbit, run.queueOf(name), [])));
    return run;
  }

  stop(): Promise<void> {
    return this.org.stop();
  }

  /** A listener for each transport, and what is behind it. @param more what a test chose of the listeners @param others nodes beside */
  flow(more: object = {}, ...others: FlowNode[]): FlowNode[] {
    const org = { ...orgNode(this.org.url), pubsubEndpoint: `http://${this.org.pubsubEndpoint}` };
    const outs = [...TRANSPORTS, "letters"].map((name) => ({ ...outNode(this.queueOf(name), []), id: name }));
    const listeners = TRANSPORTS.map((transport) => ({
      ...{ id: `listen-${transport}`, type: "surewire-salesforce-listen" },
      ...formDefaults("surewire-salesforce-listen", "nodes/salesforce/listen/listen.html"),
      ...{ org: "org", transport, channel: `/event/${EVENT}`, listener: transport, wires: [[transport], ["letters"]], ...more },
    }));
    return tab(brokerNode(this.rabbit), org, ...others, ...listeners, ...outs);
  }

  /** Waits until the org has both subscriptions. */
  async untilListening(): Promise<void> {
    const { control } = this.org;
    const listening = (): boolean => control.listStreams().streams.some(({ channels }) => channels.length > 0) && control.pubsubStreams().length > 0;
    await waitFor("both subscriptions", listening, { timeout: 30_000 });
  }

  /** Publishes `count` events, a few a turn, and calls `meanwhile` when a third of them are out. */
  async publishWhile(count: number, meanwhile: () => unknown): Promise<void> {
    let breaking: unknown;
    for (let sent = 0; sent < count; sent += 20) {
      if (sent >= count / 3) breaking ??= Promise.resolve(meanwhile());
      const serials = Array.from({ length: Math.min(20, count - sent) }, (_, index) => String(this.published.length + index));
      this.published.push(...serials);
      this.org.control.insert({ object: EVENT, records: serials.map((serial) => ({ Serial__c: serial })) });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await breaking;
  }

  /** Waits until both queues have had all that was published, and empties them. */
  async untilArrived(): Promise<void> {
    for (const transport of TRANSPORTS) {
      const arrived = this.arrived[transport];
      const missing = new Set(this.published);
      for (const serial of arrived) missing.delete(serial);
      const look = async (): Promise<boolean> => {
        for (const payload of await drainAll(this.rabbit, this.queueOf(transport))) {
          const { Serial__c: serial } = payload as { Serial__c: string };
          arrived.push(serial);
          missing.delete(serial);
        }
        return missing.size === 0;
      };
      await waitFor(`all events over ${transport}`, look, { timeout: scaled(60_000), interval: 200 });
    }
  }

  /** Each event has come once by each transport. */
  assertEachOnce(): void {
    for (const transport of TRANSPORTS) assert.deepEqual([...this.arrived[transport]].sort(), [...this.published].sort(), transport);
  }

  /** Each event has come, and none was given up. */
  async assertAllArrived(): Promise<void> {
    for (const transport of TRANSPORTS) assert.deepEqual([...new Set(this.arrived[transport])].sort(), [...this.published].sort(), transport);
    assert.equal((await drainAll(this.rabbit, this.queueOf("letters"))).length, 0);
  }

  private queueOf(name: string): string {
    return `${this.queue}_${name}`;
  }
}
