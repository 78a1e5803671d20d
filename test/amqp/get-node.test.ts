import assert from "node:assert/strict";
import hooksOwner from "@node-red/util";
import type { Node, NodeAPI } from "node-red";
import helper from "node-red-node-test-helper";
import amqpBroker from "../../nodes/amqp/broker/broker";
import amqpGet from "../../nodes/amqp/get/get";
import type { ConnectorError } from "../../nodes/common/errors";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { Plain, unique } from "./support";

helper.init(require.resolve("node-red"));

type Row = Record<string, unknown> & { id: string };

/** Messages that wait for the test to let them go, with the node that has them. */
const held: { node: string; msg: Record<string, unknown>; go(): void }[] = [];

/** A node that keeps what it receives until the test lets it go. */
function testEnd(RED: NodeAPI): void {
  RED.nodes.registerType("test-end", function (this: Node, config: never) {
    RED.nodes.createNode(this, config);
    this.on("input", (msg, _send, done) => void held.push({ node: this.id, msg: msg as never, go: () => done() }));
  });
}

/** The helper's `RED` has no hooks, which following a flow needs. */
const withHooks =
  (register: (RED: NodeAPI) => void) =>
  (RED: NodeAPI): void => {
    (RED as unknown as { hooks: unknown }).hooks = hooksOwner.hooks;
    register(RED);
  };

describe("the amqp get node", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
    await (helper.startServer() as unknown as Promise<void>);
  });
  beforeEach(() => void held.splice(0));
  afterEach(() => {
    for (const one of held) one.go();
    return helper.unload();
  });
  after(async () => {
    await (helper.stopServer() as unknown as Promise<void>);
    await plain.close();
  });

  const load = (more: object): Promise<void> => {
    const rows: Row[] = [
      { id: "tab", type: "tab", label: "test" },
      { id: "broker", type: "surewire-amqp-broker", urls: [rabbit.url], vhost: "/" },
      { id: "get", z: "tab", type: "surewire-amqp-get", broker: "broker", queueType: "classic", wires: [["message"], ["empty"]], ...more },
      { id: "message", z: "tab", type: "test-end" },
      { id: "empty", z: "tab", type: "test-end" },
    ];
    return helper.load([amqpBroker, amqpGet, testEnd].map(withHooks) as never, rows as never, { broker: { username: "guest", password: "guest" } } as never);
  };
  const inject = (msg: object): void => (helper.getNode("get") as unknown as { receive(msg: object): void }).receive(msg);
  const spied = (name: "status" | "error"): unknown[] => (helper.getNode("get") as unknown as Record<string, { args: unknown[][] }>)[name]?.args.map(([first]) => first) ?? [];
  const errors = (): ConnectorError[] => spied("error") as ConnectorError[];
  const status = (): { fill?: string; text?: string } | undefined => spied("status").at(-1) as never;

  it("makes its queue, shows it, and says how many messages are in the flow", async () => {
    const queue = unique("node");
    await load({ queue, count: 5 });
    await waitFor("the queue", () => status()?.text === queue);
    assert.deepEqual(await plain.count(queue), { messages: 0, consumers: 0 });
    await plain.send(queue, ["a"]);
    inject({ payload: 1 });
    await waitFor("the message", () => held.length === 1 && status()?.text === "get.status.working");
    assert.deepEqual([held[0]?.node, held[0]?.msg.payload], ["message", "a"]);
    held.splice(0)[0]?.go();
    await waitFor("the queue's name again", () => status()?.text === queue);
    inject({ payload: 2 });
    await waitFor("the trigger", () => held.length === 1);
    assert.deepEqual([held[0]?.node, held[0]?.msg.payload], ["empty", 2]);
  });

  it("keeps the request of an HTTP flow as it is on every message", async () => {
    const queue = await plain.makeQueue(unique("http"), { "x-queue-type": "classic" });
    await load({ queue, count: 2 });
    await plain.send(queue, ["a", "b"]);
    const request = { socket: {} };
    inject({ payload: 1, req: request, res: {} });
    await waitFor("both", () => held.length === 2);
    assert.ok(held.every(({ msg }) => msg.req === request));
  });

  for (const [type, count, expected] of [
    ["msg", "wanted.count", 2],
    ["jsonata", "$sum(list)", 3],
  ] as const) {
    it(`takes as many as a ${type} value says, and refuses what is no number of messages`, async () => {
      const queue = await plain.makeQueue(unique("count"), { "x-queue-type": "classic" });
      await load({ queue, count, countType: type });
      await plain.send(queue, ["a", "b", "c", "d"]);
      inject({ wanted: { count: "none" }, list: [] });
      await waitFor("the refusal", () => errors().length === 1);
      assert.equal(errors()[0]?.code, "INPUT_INVALID");
      inject({ wanted: { count: 2 }, list: [1, 2] });
      await waitFor("the messages", () => held.length === expected);
      assert.equal((await plain.count(queue)).messages, 4 - expected);
    });
  }

  for (const [what, more] of Object.entries({
    "no broker": { queue: "q", broker: "" },
    "no queue": { queue: " " },
    "no number of messages": { queue: "q", count: "0" },
    "a stream to make": { queue: "q", queueType: "stream" },
  })) {
    it(`turns red with ${what}, and fails every trigger`, async () => {
      await load(more);
      assert.equal(status()?.fill, "red");
      inject({ payload: 1 });
      await waitFor("the error", () => errors()[0]?.code === "NOT_CONFIGURED");
    });
  }
});
