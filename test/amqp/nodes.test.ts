import assert from "node:assert/strict";
import helper from "node-red-node-test-helper";
import amqpIn from "../../nodes/amqp/in/in";
import amqpOut from "../../nodes/amqp/out/out";
import { ConnectorError } from "../../nodes/common/errors";
import { helperNodes, type Row } from "../services/helper-nodes";
import { pause, waitFor } from "../services/wait";
import { GUEST, nodeBench } from "./node-bench";
import { AFTER_RESTART, text, unique } from "./support";

describe("the AMQP nodes", function () {
  this.timeout(60_000);
  const bench = nodeBench([amqpIn, amqpOut]);
  const { received } = bench;

  const input = (queue: string, more: object = {}): Row => ({ id: "in", z: "tab", type: "surewire-amqp-in", broker: "broker", queue, retryDelay: 50, retries: 1, wires: [["end"]], ...more });
  const output = (more: object = {}): Row => ({ id: "out", z: "tab", type: "surewire-amqp-out", broker: "broker", exchange: "", exchangeType: "str", routingKey: "", routingKeyType: "str", wires: [["end"]], ...more });
  const end: Row = { id: "end", z: "tab", type: "test-end" };
  const lastStatus = helperNodes.status;

  describe("amqp in", () => {
    it("acknowledges a message when the flow has finished with it, not before", async () => {
      const queue = await bench.plain.makeQueue(unique("flow"));
      let finish: () => void = () => undefined;
      bench.work = () => new Promise<void>((resolve) => (finish = resolve));
      await bench.load([bench.broker(), input(queue), end]);
      await bench.plain.send(queue, ['{"a":1}'], { contentType: "application/json" });
      await waitFor("the message", () => received.length === 1);
      assert.deepEqual(received[0]?.payload, { a: 1 });
      await bench.inHand(queue);
      finish();
      await bench.empty(queue);
      assert.deepEqual(await bench.plain.count(`${queue}.dlq`), { messages: 0, consumers: 0 });
    });

    it("retries what fails, then dead-letters it with the node's error on it", async () => {
      const queue = unique("fails");
      bench.work = () => {
        throw new Error("the machine is on fire");
      };
      await bench.load([bench.broker(), input(queue), end]);
      await waitFor("the status", () => lastStatus("in")?.text === queue);
      await bench.plain.send(queue, ["x"]);
      const dead = await bench.plain.get(`${queue}.dlq`);
      assert.deepEqual(received.map(({ delivery }) => (delivery as { attempt: number }).attempt), [1, 2]);
      assert.equal(dead.properties.headers?.["x-error-code"], "FLOW_ERROR");
      assert.match(String(dead.properties.headers?.["x-error-message"]), /the machine is on fire/);
      assert.match(String(dead.properties.headers?.["x-failed-node"]), /test-end \(end\)/);
    });

    it("dead-letters at once what no retry can help", async () => {
      const queue = unique("hopeless");
      bench.work = () => {
        throw new ConnectorError("ROW_REFUSED", "no");
      };
      await bench.load([bench.broker(), input(queue), end]);
      await waitFor("the status", () => lastStatus("in")?.text === queue);
      await bench.plain.send(queue, ["x"]);
      assert.equal((await bench.plain.get(`${queue}.dlq`)).properties.headers?.["x-attempts"], 1);
      assert.equal(received.length, 1);
    });

    it("takes nothing while nothing is wired to it", async () => {
      const queue = await bench.plain.makeQueue(unique("unwired"));
      await bench.plain.send(queue, ["x"]);
      await bench.load([bench.broker(), input(queue, { wires: [["not-there"]] }), end]);
      await waitFor("the status", () => lastStatus("in")?.text === "in.status.unwired");
      await waitFor("its queues", () => bench.plain.count(`${queue}.dlq`)); // it has come as far as it goes
      assert.deepEqual(await bench.plain.count(queue), { messages: 1, consumers: 0 });
      assert.equal(received.length, 0);
    });

    it("does not say that nothing is wired to it while a deploy has stopped the node behind it", async () => {
      const queue = unique("stopping");
      await bench.load([bench.broker(), input(queue), end]);
      await waitFor("the status", () => lastStatus("in")?.text === queue);
      const node = helper.getNode("in") as unknown as { status(shown: { text?: string }): void };
      const shown: unknown[] = [];
      const show = node.status.bind(node);
      node.status = (status) => {
        shown.push(status.text);
        show(status);
      };
      await pause(300); // a status is shown at once only when the last one is a quarter of a second old
      await helperNodes.unload();
      assert.equal(shown.at(-1), undefined);
      assert.equal(shown.includes("in.status.unwired"), false);
    });

    it("says which queue is missing when it may not make it, and goes on when it appears", async () => {
      const queue = unique("missing");
      await bench.load([bench.broker(), input(queue, { declare: "existing" }), end]);
      await waitFor("the status", () => lastStatus("in")?.fill === "red");
      await bench.plain.makeQueue(queue);
      await bench.plain.send(queue, ["x"]);
      await waitFor("the message", () => received.length === 1);
    });

    it("turns red on a wrong password and takes nothing", async () => {
      await bench.load([bench.broker(), input(unique("refused")), end], { broker: { ...GUEST, password: "geheim" } });
      await waitFor("the status", () => lastStatus("in")?.fill === "red");
      const log = helperNodes.log();
      assert.equal(log.filter((line) => line.includes("refused the user name or password")).length, 1);
      assert.ok(!log.some((line) => line.includes("geheim")));
    });

    for (const [what, row] of Object.entries({ "no broker": { broker: "" }, "no queue": { queue: "" }, "bad arguments": { arguments: "{" } })) {
      it(`turns red with ${what}`, async () => {
        await bench.load([bench.broker(), input("q", row), end]);
        await waitFor("the status", () => lastStatus("in")?.fill === "red");
      });
    }
  });

  describe("amqp out", () => {
    const inject = (msg: object): void => helperNodes.send("out", msg);
    const errors = (): ConnectorError[] => helperNodes.errors("out");

    it("passes a message on once the broker has it", async () => {
      const queue = await bench.plain.makeQueue(unique("out"));
      await bench.load([bench.broker(), output({ routingKey: queue, headers: '{"from":"test"}', headersType: "json" }), end]);
      inject({ payload: { a: 1 }, other: "kept" });
      await waitFor("the message", () => received.length === 1);
      assert.deepEqual({ ...received[0], _msgid: "" }, { payload: { a: 1 }, other: "kept", _msgid: "" });
      const { content, properties } = await bench.plain.get(queue);
      assert.equal(content.toString(), '{"a":1}');
      assert.equal(properties.contentType, "application/json");
      assert.equal(properties.deliveryMode, 2);
      assert.match(String(properties.messageId), /^[0-9a-f-]{36}$/);
      assert.ok(Math.abs(Number(properties.timestamp) - Date.now() / 1000) < 60);
      assert.equal(properties.headers?.from, "test");
    });

    it("gives each message its own exchange, routing key and headers, and makes the exchange", async () => {
      const exchange = unique("events");
      const queue = await bench.plain.makeQueue(unique("per-message"));
      await bench.load([
        bench.broker(),
        output({ exchange: "exchange", exchangeType: "msg", exchangeKind: "topic", routingKey: "'device.' & $string(payload)", routingKeyType: "jsonata", headers: "with", headersType: "msg", mandatory: false }),
        end,
      ]);
      inject({ payload: 0, exchange });
      await waitFor("the exchange", () => received.length === 1);
      await bench.plain.bind(queue, exchange, "device.*");
      for (let index = 1; index <= 20; index += 1) inject({ payload: index, exchange, with: { index } });
      await waitFor("all", () => received.length === 21);
      for (let index = 1; index <= 20; index += 1) {
        const message = await bench.plain.get(queue);
        assert.deepEqual([text(message), message.fields.routingKey, message.properties.headers?.index], [String(index), `device.${index}`, index]);
      }
    });

    it("fails the very message that no queue takes", async () => {
      const queue = await bench.plain.makeQueue(unique("one-of-many"));
      await bench.load([bench.broker(), output({ routingKey: "to", routingKeyType: "msg" }), end]);
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
        const queue = await bench.plain.makeQueue(unique("refuse"));
        await bench.load([bench.broker(), output({ routingKey: "to", routingKeyType: "msg", headers: "with", headersType: "msg" }), end]);
        inject({ to: queue, ...msg });
        inject({ to: queue, payload: "next" });
        await waitFor("the next", () => received.length === 1);
        assert.equal(text(await bench.plain.get(queue)), "next");
        assert.equal(errors()[0]?.code, code);
      });
    }

    it("holds messages while the broker is away and sends each once when it is back", async function () {
      this.timeout(240_000);
      const queue = await bench.plain.makeQueue(unique("away"));
      await bench.load([bench.broker(), output({ routingKey: queue }), end]);
      inject({ payload: "before" });
      await waitFor("the first", () => received.length === 1);
      await bench.rabbit.halt();
      for (let index = 0; index < 50; index += 1) inject({ payload: String(index) });
      await waitFor("the status", () => lastStatus("out")?.fill === "yellow");
      assert.equal(received.length, 1);
      await bench.rabbit.start();
      await waitFor("all", () => received.length === 51, AFTER_RESTART);
      await bench.plain.again();
      assert.equal((await bench.plain.count(queue)).messages, 51);
      assert.equal(errors().length, 0);
    });

    it("turns red without a broker, and fails every message", async () => {
      await bench.load([output({ broker: "" }), end]);
      assert.equal(lastStatus("out")?.fill, "red");
      inject({ payload: 1 });
      await waitFor("the error", () => errors()[0]?.code === "NOT_CONFIGURED");
    });
  });

  it("bridge one queue to another without loss while the broker is killed", async function () {
    this.timeout(300_000);
    const source = await bench.plain.makeQueue(unique("bridge-from"));
    const target = await bench.plain.makeQueue(unique("bridge-to"));
    for (const own of ["dlq", "retry.50"]) await bench.plain.makeQueue(`${source}.${own}`); // those that the node would make
    await bench.rabbit.writeDown();
    const ids = Array.from({ length: 2_000 }, (_, index) => String(index));
    await bench.plain.send(source, ids);
    await bench.load([bench.broker(), input(source, { wires: [["out"]] }), output({ routingKey: target }), end]);
    await waitFor("some", () => received.length >= 300);
    await bench.rabbit.kill();
    await bench.rabbit.start();
    await bench.plain.again();
    const stored = new Set<string>();
    const take = async (): Promise<void> => {
      for (const message of await bench.plain.drain(target)) stored.add(text(message));
    };
    // an empty source does not tell: right after its start a broker may count nothing in a queue that it is still reading
    await waitFor("everything", async () => (await take(), stored.size >= ids.length), AFTER_RESTART);
    assert.deepEqual([...stored].sort(), [...ids].sort());
    await bench.empty(source);
    assert.equal((await bench.plain.count(`${source}.dlq`)).messages, 0);
  });

  it("leave one connection per purpose after ten redeploys, and none at the end", async function () {
    this.timeout(120_000);
    const from = await bench.plain.makeQueue(unique("redeploy-from"));
    const to = await bench.plain.makeQueue(unique("redeploy-to"));
    const flow = [{ id: "tab", type: "tab", label: "test" }, bench.broker({ name: "redeployed" }), input(from, { wires: [["out"]] }), output({ routingKey: to }), end];
    await bench.load(flow.slice(1));
    const ours = async (): Promise<string[]> => (await bench.rabbit.listConnections()).map(({ clientName }) => clientName).filter((name) => name.includes("redeployed"));
    for (let round = 0; round < 10; round += 1) {
      await bench.plain.send(from, Array.from({ length: 20 }, (_, index) => `${round}-${index}`));
      const changed = flow.map((row) => (row.id === "in" ? { ...row, name: `round ${round}` } : row));
      await helperNodes.deploy(changed, round % 2 === 0 ? "full" : "nodes");
    }
    const stored = new Set<string>();
    const take = async (): Promise<void> => {
      for (const message of await bench.plain.drain(to)) stored.add(text(message));
    };
    // the number alone does not tell: what a redeploy cuts off between confirm and ack comes twice
    await waitFor("everything", async () => (await take(), stored.size === 200), { timeout: 60_000 });
    await bench.empty(from);
    await waitFor("two connections", async () => (await ours()).length === 2);
    assert.deepEqual((await ours()).sort(), ["node-red redeployed: test (consume)", "node-red redeployed: test (publish)"]);
    await waitFor("one consumer", async () => (await bench.plain.count(from)).consumers === 1);
    await helperNodes.unload();
    await waitFor("none", async () => (await ours()).length === 0);
  });
});
