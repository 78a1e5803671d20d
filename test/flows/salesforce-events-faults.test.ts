import assert from "node:assert/strict";
import { type Emulator, startEmulator } from "../../emulator/src/index";
import { formDefaults } from "../services/form-defaults";
import { type FlowNode, NodeRed } from "../services/node-red";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { drainAll, outNode } from "./amqp-flow";
import { brokerNode, COUNT, orgNode, publish as publishTo, scaled, tab } from "./bridge";

const EVENT = "Device_Alert__e";
const CHANNEL = `/event/${EVENT}`;
/** A queue for each way that events come, filled from the same events in the same Node-RED. */
const QUEUES = { cometd: "events_cometd", pubsub: "events_pubsub" } as const;
const LETTERS = "events_letters";
/** Six faults, and Node-RED's death. */
const SHARE = Math.ceil(COUNT / 7);

describe("Salesforce events to a queue, while things break", function () {
  this.timeout(scaled(180_000));
  let rabbit: RabbitMq;
  let org: Emulator;
  const nodeRed = new NodeRed();
  /** Serial numbers of the events, in the order they were published. */
  const published: string[] = [];
  /** What was in the queues when they were emptied. */
  const arrived = { cometd: [] as string[], pubsub: [] as string[] };

  before(async () => {
    const schema = [{ name: EVENT, fields: [{ name: "Serial__c", type: "string" as const }] }];
    [rabbit, org] = await Promise.all([sharedRabbit(), startEmulator({ schema, pubsub: true }), nodeRed.start()]);
    await Promise.all([...Object.values(QUEUES), LETTERS].map((queue) => publishTo(rabbit, queue, [])));
    await nodeRed.deploy(flow());
    await untilListening();
  });
  after(async () => {
    await nodeRed.stop();
    await org.stop();
  });

  const listen = (transport: keyof typeof QUEUES): FlowNode => ({
    ...{ id: `listen-${transport}`, type: "surewire-salesforce-listen" },
    ...formDefaults("surewire-salesforce-listen", "nodes/salesforce/listen/listen.html"),
    ...{ org: "org", transport, channel: CHANNEL, wires: [[transport], ["letters"]] },
  });
  const flow = (): FlowNode[] => {
    const orgs = { ...orgNode(org.url), pubsubEndpoint: `http://${org.pubsubEndpoint}` };
    const outs = [{ ...outNode(QUEUES.cometd, []), id: "cometd" }, { ...outNode(QUEUES.pubsub, []), id: "pubsub" }, { ...outNode(LETTERS, []), id: "letters" }];
    return tab(brokerNode(rabbit), orgs, listen("cometd"), listen("pubsub"), ...outs);
  };

  const listening = (): boolean => org.control.listStreams().streams.some(({ channels }) => channels.length > 0) && org.control.pubsubStreams().length > 0;
  const untilListening = (): Promise<unknown> => waitFor("both subscriptions", listening, { timeout: 30_000 });

  /** Publishes a share of the events, a few a turn, and calls `meanwhile` when a third of them are out. */
  async function publishWhile(meanwhile: () => unknown): Promise<void> {
    let breaking: unknown;
    for (let sent = 0; sent < SHARE; sent += 20) {
      if (sent >= SHARE / 3) breaking ??= Promise.resolve(meanwhile());
      const serials = Array.from({ length: Math.min(20, SHARE - sent) }, (_, index) => String(published.length + index));
      published.push(...serials);
      org.control.insert({ object: EVENT, records: serials.map((serial) => ({ Serial__c: serial })) });
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await breaking;
  }

  /** Waits until both queues have all that was published, and empties them. */
  async function untilArrived(): Promise<void> {
    for (const transport of ["cometd", "pubsub"] as const) {
      const missing = new Set(published);
      for (const serial of arrived[transport]) missing.delete(serial);
      await waitFor(
        `all events over ${transport}`,
        async () => {
          for (const payload of await drainAll(rabbit, QUEUES[transport])) {
            const { Serial__c: serial } = payload as { Serial__c: string };
            arrived[transport].push(serial);
            missing.delete(serial);
          }
          return missing.size === 0;
        },
        { timeout: scaled(60_000), interval: 200 },
      );
    }
  }

  /** Each event once, with both transports. */
  function assertEachOnce(): void {
    for (const serials of Object.values(arrived)) assert.deepEqual([...serials].sort(), [...published].sort());
  }

  const faults: [string, () => unknown][] = [
    ["the token expires", () => org.control.expireTokens()],
    ["the sessions are dropped", () => (org.control.dropStreams(), org.control.killStreams({ how: "end" }))],
    [
      "the org answers 503 for 10 s",
      async () => {
        const end = Date.now() + 10_000;
        org.control.unavailable({ ms: 10_000 });
        org.control.streamFault({ kind: "busy" });
        org.control.pubsubFault({ code: "service.unavailable", open: true, count: 1_000_000 });
        await waitFor("the outage to end", () => Date.now() >= end, { timeout: 15_000 });
        org.control.clearFaults();
      },
    ],
    ["connections are reset", () => (org.control.dropStreams({ cut: true }), org.control.killStreams(), org.control.resetConnections({ count: 3 }))],
    ["Node-RED is deployed anew", () => nodeRed.deploy(flow())],
    ["its flows are deployed anew twice", async () => (await nodeRed.deploy(flow()), nodeRed.deploy(flow()))],
  ];
  for (const [what, strike] of faults) {
    it(`each comes exactly once while ${what}`, async () => {
      await publishWhile(strike);
      await untilArrived();
      assertEachOnce();
    });
  }

  it("each comes at least once while Node-RED is killed and started again", async () => {
    await publishWhile(() => nodeRed.kill());
    await nodeRed.start();
    await untilArrived();
    for (const serials of Object.values(arrived)) assert.deepEqual([...new Set(serials)].sort(), [...published].sort());
    assert.equal((await drainAll(rabbit, LETTERS)).length, 0);
  });
});
