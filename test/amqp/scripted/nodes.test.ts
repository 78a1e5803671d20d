import assert from "node:assert/strict";
import hooksOwner from "@node-red/util";
import type { Node, NodeAPI } from "node-red";
import helper from "node-red-node-test-helper";
import amqpBroker from "../../../nodes/amqp/broker/broker";
import amqpIn from "../../../nodes/amqp/in/in";
import amqpOut from "../../../nodes/amqp/out/out";
import { QueueSource } from "../../../nodes/amqp/in/queue-source";
import settle from "../../../nodes/delivery/settle/settle";
import { soon, Stage } from "./support";

helper.init(require.resolve("node-red"));

/** What the gate holds back, to be let through by the test. */
const held: (() => void)[] = [];

/** A node that keeps its messages until the test lets them go on. */
function testGate(RED: NodeAPI): void {
  RED.nodes.registerType("test-gate", function (this: Node, config: never) {
    RED.nodes.createNode(this, config);
    this.on("input", (msg, send, done) => {
      held.push(() => {
        send(msg);
        done();
      });
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

type Row = Record<string, unknown> & { id: string };

describe("the AMQP nodes on a scripted broker", () => {
  const stage = new Stage();

  before(() => helper.startServer() as unknown as Promise<void>);
  beforeEach(() => held.splice(0));
  afterEach(async () => {
    await helper.unload();
    await stage.clear();
  });
  after(() => helper.stopServer() as unknown as Promise<void>);

  const input = (queue: string, more: object = {}): Row => ({ id: `in-${queue}`, z: "tab", type: "surewire-amqp-in", broker: "broker", queue, wires: [["gate"]], ...more });
  const gate = (to: string): Row => ({ id: "gate", z: "tab", type: "test-gate", wires: [[to]] });
  const output: Row = { id: "out", z: "tab", type: "surewire-amqp-out", broker: "broker", exchange: "", exchangeType: "str", routingKey: "target", routingKeyType: "str", wires: [[]] };
  const settler: Row = { id: "settle", z: "tab", type: "surewire-settle", outcome: "accept", outcomeType: "outcome", reason: "", reasonType: "str", wires: [[]] };

  const load = (...nodes: Row[]): Promise<void> => {
    const broker: Row = { id: "broker", type: "surewire-amqp-broker", urls: [stage.broker.url] };
    const flow = [{ id: "tab", type: "tab" }, broker, ...nodes];
    return helper.load([amqpBroker, amqpIn, amqpOut, settle, testGate].map(withHooks) as never, flow as never, { broker: { username: "guest", password: "guest" } } as never);
  };
  const warnings = (id: string): string[] => (helper.getNode(id) as unknown as { warn: { args: unknown[][] } }).warn.args.map(([text]) => String(text));
  const fills = (id: string): string[] => {
    const { status } = helper.getNode(id) as unknown as { status: { args: [{ fill: string }][]; thisValues: { id: string }[] } };
    return status.args.flatMap(([look], index) => (status.thisValues[index]?.id === id ? [look.fill] : []));
  };

  it("give their connection back, even when closing what took messages has failed", async () => {
    const broker = await stage.plays();
    await load(input("orders"), gate("out"), output);
    await soon("the consumer", () => broker.queues.get("orders")?.takers.length === 1);
    const { close } = QueueSource.prototype;
    const left: QueueSource[] = [];
    QueueSource.prototype.close = function () {
      left.push(this);
      return Promise.reject(new Error("a fault of ours"));
    };
    const began = Date.now();
    try {
      await helper.unload();
    } finally {
      QueueSource.prototype.close = close;
    }
    assert.ok(Date.now() - began < 5_000, "the config node has waited for it");
    await soon("the end of the connections", () => broker.connections.size === 0);
    for (const source of left) await source.close(); // else this process watches flows from now on
  });

  it("publish once what came twice because the flow took too long, and warn of the late one", async () => {
    const broker = await stage.plays();
    broker.makeQueue("target");
    await load(input("orders"), gate("out"), output);
    await soon("the consumer", () => broker.queues.get("orders")?.takers.length === 1);
    broker.send("orders", ["x"]);
    await soon("the message", () => held.length === 1);
    await broker.expects("basic.consume");
    broker.timeOutConsumers("orders");
    await soon("it again", () => held.length === 2);
    held[0]?.();
    await soon("the warning", () => warnings("out").some((text) => text.startsWith("DELIVERY_CLOSED")));
    assert.deepEqual([broker.queue("target").size, broker.queue("orders").unacked.size], [0, 1]);
    held[1]?.();
    await soon("an empty queue", () => broker.queue("orders").size === 0);
    assert.equal(broker.queue("target").size, 1);
    assert.deepEqual(broker.faults, []);
  });

  it("warn where a settle node answers too late, and send nothing", async () => {
    const broker = await stage.plays();
    await load(input("orders", { settle: "node" }), gate("settle"), settler);
    await soon("the consumer", () => broker.queues.get("orders")?.takers.length === 1);
    broker.send("orders", ["x"]);
    await soon("the message", () => held.length === 1);
    broker.timeOutConsumers("orders");
    await soon("it again", () => held.length === 2);
    held[0]?.();
    await soon("the warning", () => warnings("settle").includes("settle.warn.closed"));
    assert.deepEqual(broker.seen("basic.ack", "basic.nack", "basic.reject"), []);
    held[1]?.();
    await soon("an empty queue", () => broker.queue("orders").size === 0);
  });

  it("turn red, and stay so once connected, where the broker ended the connection over a queue", async () => {
    const broker = await stage.plays();
    stage.waitsLong();
    broker.on("queue.declare", (call) => call.closeConnection(541, "INTERNAL_ERROR - not permitted anymore"));
    await load(input("orders", { wires: [["out"]] }), output);
    await broker.expects("connection.open");
    await soon("the connection to be back", () => broker.seen("connection.open").filter(({ connection }) => connection.name.includes("consume")).length === 2);
    await soon("the status", () => fills("in-orders").at(-1) === "red");
    assert.equal(broker.seen("queue.declare").length, 1);
  });

  it("look at nothing and declare nothing where they may only use what exists", async () => {
    const broker = await stage.plays({ version: "4.3.0" });
    for (const queue of ["orders", "target", "orders.dlq"]) broker.makeQueue(queue);
    broker.makeExchange("events", "topic");
    broker.exchanges.get("events")?.bindings.push({ queue: "target", routingKey: "#", args: {} });
    await load(input("orders", { declare: "existing" }), gate("out"), { ...output, exchange: "events", exchangeKind: "topic", declare: "existing" });
    await soon("the consumer", () => broker.queue("orders").takers.length === 1);
    broker.send("orders", ["x"]);
    await soon("the message", () => held.length === 1);
    held[0]?.();
    await soon("it in its target", () => broker.queue("target").size === 1);
    await soon("an empty queue", () => broker.queue("orders").size === 0);
    assert.deepEqual(broker.seen("queue.declare", "exchange.declare", "queue.bind"), []);
  });
});
