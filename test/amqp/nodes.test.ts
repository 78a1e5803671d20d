import assert from "node:assert/strict";
import hooksOwner from "@node-red/util";
import type { Node, NodeAPI } from "node-red";
import helper from "node-red-node-test-helper";
import amqpBroker from "../../nodes/amqp/broker/broker";
import amqpIn from "../../nodes/amqp/in/in";
import amqpOut from "../../nodes/amqp/out/out";
import type { QueueMessage } from "../../nodes/amqp/client/queue-message";
import { ConnectorError } from "../../nodes/common/errors";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { AFTER_RESTART, Plain, text, unique, untilWrittenDown } from "./support";

helper.init(require.resolve("node-red"));

type Received = QueueMessage & { _msgid: string };
type Row = Record<string, unknown> & { id: string };

/** What the flow's last node does with a message. */
let work: (msg: Received) => unknown = () => undefined;
const received: Received[] = [];

/** A node that ends a flow and does what the test says. */
function testEnd(RED: NodeAPI): void {
  RED.nodes.registerType("test-end", function (this: Node, config: never) {
    RED.nodes.createNode(this, config);
    this.on("input", (msg, _send, done) => {
      received.push(msg as unknown as Received);
      Promise.resolve()
        .then(() => work(msg as unknown as Received))
        .then(() => done(), done);
    });
  });
}

/** The helper's `RED` has no hooks, which following a flow needs. */
const withHooks =
  (register: (RED: NodeAPI) => void) =>
  (RED: NodeAPI): void => {
    (RED as unknown as { hooks: unknown }).hooks = hooksOwner.hooks;
    register(RED);
  };

describe("the AMQP nodes", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
    await (helper.startServer() as unknown as Promise<void>);
  });
  beforeEach(() => {
    received.splice(0);
    work = () => undefined;
  });
  afterEach(() => helper.unload());
  after(async () => {
    await (helper.stopServer() as unknown as Promise<void>);
    await plain.close();
  });

  const tab: Row = { id: "tab", type: "tab", label: "test" };
  const broker = (more: object = {}): Row => ({ id: "broker", type: "surewire-amqp-broker", name: "test", urls: [rabbit.url], vhost: "/", heartbeat: 15, connectTimeout: 10, ...more });
  const input = (queue: string, more: object = {}): Row => ({ id: "in", z: "tab", type: "surewire-amqp-in", broker: "broker", queue, retryDelay: 50, retries: 1, wires: [["end"]], ...more });
  const output = (more: object = {}): Row => ({ id: "out", z: "tab", type: "surewire-amqp-out", broker: "broker", exchange: "", exchangeType: "str", routingKey: "", routingKeyType: "str", wires: [["end"]], ...more });
  const end: Row = { id: "end", z: "tab", type: "test-end" };
  const credentials = { broker: { username: "guest", password: "guest" } };

  const load = (nodes: Row[], secrets: object = credentials): Promise<void> =>
    helper.load([amqpBroker, amqpIn, amqpOut, testEnd].map(withHooks) as never, [tab, ...nodes] as never, secrets as never);

  /** The statuses so far, newest last. The helper's spy is one for all nodes: ask only where one node of ours has a status. */
  const statuses = (id: string): { fill: string; text: string }[] =>
    (helper.getNode(id) as unknown as { status: { args: unknown[][] } }).status.args.map((call) => call[0] as { fill: string; text: string });
  const lastStatus = (id: string): { fill: string; text: string } | undefined => statuses(id).at(-1);

  async function empty(queue: string): Promise<void> {
    await waitFor(`${queue} to be empty`, async () => (await rabbit.listQueues()).find(({ name }) => name === queue)?.messages === 0);
  }

  describe("amqp in", () => {
    it("acknowledges a message when the flow has finished with it, not before", async () => {
      const queue = await plain.makeQueue(unique("flow"));
      let finish: () => void = () => undefined;
      work = () => new Promise<void>((resolve) => (finish = resolve));
      await load([broker(), input(queue), end]);
      await plain.send(queue, ['{"a":1}'], { contentType: "application/json" });
      await waitFor("the message", () => received.length === 1);
      assert.deepEqual(received[0]?.payload, { a: 1 });
      await waitFor("it to be open", async () => (await rabbit.listQueues()).find(({ name }) => name === queue)?.unacknowledged === 1);
      finish();
      await empty(queue);
      assert.deepEqual(await plain.count(`${queue}.dlq`), { messages: 0, consumers: 0 });
    });

    it("retries what fails, then dead-letters it with the node's error on it", async () => {
      const queue = unique("fails");
      work = () => {
        throw new Error("the machine is on fire");
      };
      await load([broker(), input(queue), end]);
      await waitFor("the status", () => lastStatus("in")?.text === queue);
      await plain.send(queue, ["x"]);
      const dead = await plain.get(`${queue}.dlq`);
      assert.deepEqual(received.map(({ delivery }) => (delivery as { attempt: number }).attempt), [1, 2]);
      assert.equal(dead.properties.headers?.["x-error-code"], "FLOW_ERROR");
      assert.match(String(dead.properties.headers?.["x-error-message"]), /the machine is on fire/);
      assert.match(String(dead.properties.headers?.["x-failed-node"]), /test-end \(end\)/);
    });

    it("dead-letters at once what no retry can help", async () => {
      const queue = unique("hopeless");
      work = () => {
        throw new ConnectorError("ROW_REFUSED", "no");
      };
      await load([broker(), input(queue), end]);
      await waitFor("the status", () => lastStatus("in")?.text === queue);
      await plain.send(queue, ["x"]);
      assert.equal((await plain.get(`${queue}.dlq`)).properties.headers?.["x-attempts"], 1);
      assert.equal(received.length, 1);
    });

    it("takes nothing while nothing is wired to it", async () => {
      const queue = await plain.makeQueue(unique("unwired"));
      await plain.send(queue, ["x"]);
      await load([broker(), input(queue, { wires: [["not-there"]] }), end]);
      await waitFor("the status", () => lastStatus("in")?.text === "in.status.unwired");
      await waitFor("its queues", () => plain.count(`${queue}.dlq`)); // it has come as far as it goes
      assert.deepEqual(await plain.count(queue), { messages: 1, consumers: 0 });
      assert.equal(received.length, 0);
    });

    it("says which queue is missing when it may not make it, and goes on when it appears", async () => {
      const queue = unique("missing");
      await load([broker(), input(queue, { declare: "existing" }), end]);
      await waitFor("the status", () => lastStatus("in")?.fill === "red");
      await plain.makeQueue(queue);
      await plain.send(queue, ["x"]);
      await waitFor("the message", () => received.length === 1);
    });

    it("turns red on a wrong password and takes nothing", async () => {
      await load([broker(), input(unique("refused")), end], { broker: { username: "guest", password: "geheim" } });
      await waitFor("the status", () => lastStatus("in")?.fill === "red");
      const log = helper.log().args.flat().map((entry: unknown) => JSON.stringify(entry));
      assert.equal(log.filter((line: string) => line.includes("refused the user name or password")).length, 1);
      assert.ok(!log.some((line: string) => line.includes("geheim")));
    });

    for (const [what, row] of Object.entries({ "no broker": { broker: "" }, "no queue": { queue: "" }, "bad arguments": { arguments: "{" } })) {
      it(`turns red with ${what}`, async () => {
        await load([broker(), input("q", row), end]);
        await waitFor("the status", () => lastStatus("in")?.fill === "red");
      });
    }
  });

  describe("amqp out", () => {
    const inject = (msg: object): void => (helper.getNode("out") as unknown as { receive(msg: object): void }).receive(msg);
    /** What `done` was called with, from the node's error log. */
    const errors = (): ConnectorError[] => (helper.getNode("out") as unknown as { error: { args: unknown[][] } }).error.args.map((call) => call[0] as ConnectorError);

    it("passes a message on once the broker has it", async () => {
      const queue = await plain.makeQueue(unique("out"));
      await load([broker(), output({ routingKey: queue, headers: '{"from":"test"}', headersType: "json" }), end]);
      inject({ payload: { a: 1 }, other: "kept" });
      await waitFor("the message", () => received.length === 1);
      assert.deepEqual({ ...received[0], _msgid: "" }, { payload: { a: 1 }, other: "kept", _msgid: "" });
      const { content, properties } = await plain.get(queue);
      assert.equal(content.toString(), '{"a":1}');
      assert.equal(properties.contentType, "application/json");
      assert.equal(properties.deliveryMode, 2);
      assert.match(String(properties.messageId), /^[0-9a-f-]{36}$/);
      assert.ok(Math.abs(Number(properties.timestamp) - Date.now() / 1000) < 60);
      assert.equal(properties.headers?.from, "test");
    });

    it("gives each message its own exchange, routing key and headers, and makes the exchange", async () => {
      const exchange = unique("events");
      const queue = await plain.makeQueue(unique("per-message"));
      await load([
        broker(),
        output({ exchange: "exchange", exchangeType: "msg", exchangeKind: "topic", routingKey: "'device.' & $string(payload)", routingKeyType: "jsonata", headers: "with", headersType: "msg", mandatory: false }),
        end,
      ]);
      inject({ payload: 0, exchange });
      await waitFor("the exchange", () => received.length === 1);
      await plain.bind(queue, exchange, "device.*");
      for (let index = 1; index <= 20; index += 1) inject({ payload: index, exchange, with: { index } });
      await waitFor("all", () => received.length === 21);
      for (let index = 1; index <= 20; index += 1) {
        const message = await plain.get(queue);
        assert.deepEqual([text(message), message.fields.routingKey, message.properties.headers?.index], [String(index), `device.${index}`, index]);
      }
    });

    it("fails the very message that no queue takes", async () => {
      const queue = await plain.makeQueue(unique("one-of-many"));
      await load([broker(), output({ routingKey: "to", routingKeyType: "msg" }), end]);
      for (let index = 0; index < 10; index += 1) inject({ payload: index, to: index === 4 ? unique("nowhere") : queue });
      await waitFor("the others", () => received.length === 9);
      await waitFor("the error", () => errors().length === 1);
      assert.equal(errors()[0]?.code, "PUBLISH_RETURNED");
      assert.ok(!received.some(({ payload }) => payload === 4));
    });

    for (const [what, msg, code] of [
      ["a header that AMQP cannot say", { payload: 1, with: { f: () => 1 } }, "HEADERS_INVALID"],
      ["headers above 64 KiB", { payload: 1, with: { a: "x".repeat(70_000) } }, "HEADERS_INVALID"],
      ["no routing key", { payload: 1, to: undefined }, "INPUT_INVALID"],
      ["a routing key that is none", { payload: 1, to: {} }, "INPUT_INVALID"],
      ["a payload that is none", { payload: undefined }, "FORMAT_INVALID"],
    ] as const) {
      it(`refuses ${what}, and sends the next`, async () => {
        const queue = await plain.makeQueue(unique("refuse"));
        await load([broker(), output({ routingKey: "to", routingKeyType: "msg", headers: "with", headersType: "msg" }), end]);
        inject({ to: queue, ...msg });
        inject({ to: queue, payload: "next" });
        await waitFor("the next", () => received.length === 1);
        assert.equal(text(await plain.get(queue)), "next");
        assert.equal(errors()[0]?.code, code);
      });
    }

    it("holds messages while the broker is away and sends each once when it is back", async function () {
      this.timeout(240_000);
      const queue = await plain.makeQueue(unique("away"));
      await load([broker(), output({ routingKey: queue }), end]);
      inject({ payload: "before" });
      await waitFor("the first", () => received.length === 1);
      await rabbit.halt();
      for (let index = 0; index < 50; index += 1) inject({ payload: String(index) });
      await waitFor("the status", () => lastStatus("out")?.fill === "yellow");
      assert.equal(received.length, 1);
      await rabbit.start();
      await waitFor("all", () => received.length === 51, AFTER_RESTART);
      await plain.again();
      assert.equal((await plain.count(queue)).messages, 51);
      assert.equal(errors().length, 0);
    });

    it("turns red without a broker, and fails every message", async () => {
      await load([output({ broker: "" }), end]);
      assert.equal(lastStatus("out")?.fill, "red");
      inject({ payload: 1 });
      await waitFor("the error", () => errors()[0]?.code === "NOT_CONFIGURED");
    });
  });

  it("bridge one queue to another without loss while the broker is killed", async function () {
    this.timeout(300_000);
    const source = await plain.makeQueue(unique("bridge-from"));
    const target = await plain.makeQueue(unique("bridge-to"));
    for (const own of ["dlq", "retry.50"]) await plain.makeQueue(`${source}.${own}`); // those that the node would make
    await untilWrittenDown();
    const ids = Array.from({ length: 2_000 }, (_, index) => String(index));
    await plain.send(source, ids);
    await load([broker(), input(source, { wires: [["out"]] }), output({ routingKey: target }), end]);
    await waitFor("some", () => received.length >= 300);
    await rabbit.kill();
    await rabbit.start();
    await plain.again();
    await waitFor("an empty source", async () => (await rabbit.listQueues()).find(({ name }) => name === source)?.messages === 0, AFTER_RESTART);
    const stored = new Set<string>();
    while ((await plain.count(target)).messages > 0) stored.add(text(await plain.get(target)));
    assert.deepEqual([...stored].sort(), [...ids].sort());
    assert.equal((await plain.count(`${source}.dlq`)).messages, 0);
  });

  it("leave one connection per purpose after ten redeploys, and none at the end", async function () {
    this.timeout(120_000);
    const from = await plain.makeQueue(unique("redeploy-from"));
    const to = await plain.makeQueue(unique("redeploy-to"));
    const flow = [tab, broker({ name: "redeployed" }), input(from, { wires: [["out"]] }), output({ routingKey: to }), end];
    await load(flow.slice(1));
    const ours = async (): Promise<string[]> => (await rabbit.listConnections()).map(({ clientName }) => clientName).filter((name) => name.includes("redeployed"));
    for (let round = 0; round < 10; round += 1) {
      await plain.send(from, Array.from({ length: 20 }, (_, index) => `${round}-${index}`));
      const changed = flow.map((row) => (row.id === "in" ? { ...row, name: `round ${round}` } : row));
      await helper.setFlows(changed as never, round % 2 === 0 ? "full" : "nodes");
    }
    const stored = new Set<string>();
    const take = async (): Promise<void> => {
      while ((await plain.count(to)).messages > 0) stored.add(text(await plain.get(to)));
    };
    // the number alone does not tell: what a redeploy cuts off between confirm and ack comes twice
    await waitFor("everything", async () => (await take(), stored.size === 200), { timeout: 60_000 });
    await empty(from);
    await waitFor("two connections", async () => (await ours()).length === 2);
    assert.deepEqual((await ours()).sort(), ["node-red redeployed: test (consume)", "node-red redeployed: test (publish)"]);
    await waitFor("one consumer", async () => (await plain.count(from)).consumers === 1);
    await helper.unload();
    await waitFor("none", async () => (await ours()).length === 0);
  });
});
