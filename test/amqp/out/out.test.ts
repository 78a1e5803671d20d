import assert from "node:assert/strict";
import { connect } from "amqplib";
import type { Node, NodeAPI } from "node-red";
import type { Connection } from "../../../nodes/amqp/client/connection/connection";
import type { BrokerHolder } from "../../../nodes/amqp/client/broker-node";
import amqpIn from "../../../nodes/amqp/in/in";
import amqpOut from "../../../nodes/amqp/out/out";
import type { ConnectorError } from "../../../nodes/common/errors";
import { helperNodes, type Row } from "../../services/helper-nodes";
import { freePorts, waitFor } from "../../services/wait";
import { GUEST, nodeBench } from "../node-bench";
import { text, unique } from "../support";

type Msg = Record<string, unknown> & { payload: unknown; amqp: { properties: Record<string, unknown>; headers: Record<string, unknown> } };

/** Doubles a number, as the work of an answering flow. */
function testDouble(RED: NodeAPI): void {
  RED.nodes.registerType("test-double", function (this: Node, config: never) {
    RED.nodes.createNode(this, config);
    this.on("input", (msg, send, done) => {
      send({ ...msg, payload: Number(msg.payload) * 2 } as never);
      done();
    });
  });
}

describe("the amqp out node", function () {
  this.timeout(60_000);
  const bench = nodeBench<Msg>([amqpIn, amqpOut, testDouble]);
  const { received } = bench;
  let nowhere: string;

  before(async () => {
    nowhere = `amqp://127.0.0.1:${await freePorts(1)}`;
  });

  const out = (more: object = {}): Row => ({ id: "out", z: "tab", type: "surewire-amqp-out", broker: "broker", exchange: "", exchangeType: "str", routingKey: "", routingKeyType: "str", wires: [["end"]], ...more });
  const source = (queue: string, more: object = {}): Row => ({ id: "in", z: "tab", type: "surewire-amqp-in", broker: "broker", queue, retries: 1, retryDelay: 50, wires: [["out"]], ...more });
  const end: Row = { id: "end", z: "tab", type: "test-end" };
  /** The answering side as the help says: its answers go where the request asks for them. */
  const responder = (queue: string): Row[] => [
    source(queue, { id: "requests", format: "json", wires: [["work"]] }),
    { id: "work", z: "tab", type: "test-double", wires: [["answer"]] },
    out({
      id: "answer",
      routingKey: "amqp.properties.replyTo",
      routingKeyType: "msg",
      properties: [{ property: "correlationId", value: "amqp.properties.correlationId", valueType: "msg" }],
      wires: [[]],
    }),
  ];

  const load = (...nodes: Row[]): Promise<void> => bench.load([...nodes, end], { broker: GUEST, away: GUEST });
  const inject = (...msgs: object[]): void => helperNodes.send("out", ...msgs);
  /** What `done` was called with so far; the helper's spy is one for all nodes. */
  const errors = (): ConnectorError[] => helperNodes.errors<ConnectorError>("out").filter(({ code }) => code);
  const statuses = (): string[] => helperNodes.statuses("out").map(({ text: shown }) => shown ?? "");
  /** The connection that messages are published on. */
  const publishing = (): Connection => {
    const { amqp } = helperNodes.node<BrokerHolder>("broker");
    assert.ok(amqp);
    return amqp.acquire(bench).publish;
  };

  it("sets properties from the message, JSONata, the flow, the environment and fixed, each message its own", async () => {
    const queue = await bench.plain.makeQueue(unique("properties"));
    process.env.OUT_TEST_APP = "line 5";
    const property = (name: string, value: string, valueType: string): object => ({ property: name, value, valueType });
    await load(
      bench.broker(),
      out({
        routingKey: queue,
        properties: [
          property("messageId", "id", "msg"),
          property("correlationId", "'c-' & $string(id)", "jsonata"),
          property("type", "kind", "flow"),
          property("appId", "OUT_TEST_APP", "env"),
          property("priority", "3", "num"),
          property("expiration", "ttl", "msg"),
          property("timestamp", "", "date"),
        ],
      }),
    );
    helperNodes.node<{ context(): { flow: { set(key: string, value: unknown): void } } }>("out").context().flow.set("kind", "reading");
    inject(...[1, 2, 3].map((id) => ({ payload: id, id, ttl: id * 60_000 })));
    await waitFor("all", () => received.length === 3);
    for (const id of [1, 2, 3]) {
      const { properties } = await bench.plain.get(queue);
      const { messageId, correlationId, type, appId, priority, expiration, timestamp } = properties;
      assert.deepEqual([messageId, correlationId, type, appId, priority, expiration], [String(id), `c-${id}`, "reading", "line 5", 3, String(id * 60_000)]);
      assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 60);
    }
  });

  it("fails only the message whose property does not fit, naming it", async () => {
    const queue = await bench.plain.makeQueue(unique("property"));
    await load(bench.broker(), out({ routingKey: queue, properties: [{ property: "priority", value: "p", valueType: "msg" }] }));
    inject({ payload: 1, p: 1 }, { payload: 2, p: 999 }, { payload: 3, p: 3 });
    await waitFor("the good ones", () => received.length === 2);
    assert.deepEqual(errors().map(({ code, message }) => [code, /property priority is 999/.test(message)]), [["INPUT_INVALID", true]]);
  });

  it("works with an address that has settings behind it, of which the broker says that they are not used, and nothing of what they are", async () => {
    const queue = await bench.plain.makeQueue(unique("query"));
    await load(bench.broker({ urls: [`${bench.broker().urls as string}?heartbeat=30&password=hunter2`] }), out({ destination: "queue", routingKey: queue }));
    inject({ payload: 1 });
    await waitFor("the message", () => received.length === 1);
    const warnings = helperNodes.warnings("broker");
    assert.equal(warnings.filter((text) => /behind \? .* is not used/.test(text)).length, 1);
    assert.doesNotMatch(warnings.join(), /hunter2/);
  });

  it("is red while its exchange is missing, logs so once, whole, and goes on when it is there", async () => {
    const exchange = unique("an-exchange-whose-name-does-not-fit-under-a-node");
    await load(bench.broker(), out({ exchange, declare: "existing", routingKey: "k", mandatory: false }));
    const lines = (): unknown[] => helperNodes.errors<unknown>("out").filter((line) => typeof line === "string");
    inject({ payload: 1 });
    await waitFor("the line", () => lines().length > 0);
    await waitFor("the status", () => helperNodes.status("out").fill === "red");
    await bench.plain.makeExchange(exchange, "topic");
    await waitFor("the message", () => received.length === 1);
    assert.match(lines().join("\n"), new RegExp(`^EXCHANGE_UNAVAILABLE: .*no exchange '${exchange}'.*$`));
  });

  it("lets its source wait while its queue is missing, as on a node of the broker that is down, and makes no dead letters", async () => {
    const [orders, target] = [await bench.plain.makeQueue(unique("orders")), unique("away")];
    await load(bench.broker(), source(orders, { retries: 0 }), out({ routingKey: target }));
    await bench.plain.send(orders, ["1", "2"]);
    await waitFor("the line", () => helperNodes.errors<unknown>("out").some((line) => String(line).startsWith("PUBLISH_RETURNED: No queue took the message")));
    await waitFor("the source to wait", () => /waiting/.test(helperNodes.status("in").text ?? ""));
    await waitFor("the status", () => helperNodes.status("out").fill === "red");
    await bench.plain.makeQueue(target);
    await waitFor("both", () => received.length === 2);
    assert.deepEqual([text(await bench.plain.get(target)), text(await bench.plain.get(target))], ["1", "2"]);
    assert.equal((await bench.plain.count(`${orders}.dlq`)).messages, 0);
  });

  it("says once that its queue is full, however often there is room for a few", async () => {
    const [orders, target] = [await bench.plain.makeQueue(unique("orders")), await bench.plain.makeQueue(unique("full"), { "x-max-length": 1, "x-overflow": "reject-publish" })];
    await load(bench.broker(), source(orders), out({ routingKey: target }));
    await bench.plain.send(orders, Array.from({ length: 8 }, (_, index) => String(index)));
    for (let taken = 0; taken < 8; taken += 1) {
      await waitFor("one more", async () => (await bench.plain.count(target)).messages === 1);
      await bench.plain.get(target);
    }
    await waitFor("all", () => received.length === 8);
    const lines = helperNodes.warnings("out").filter((line) => line.includes("PUBLISH_REJECTED"));
    assert.equal(lines.length, 1, lines.join("\n"));
  });

  it("is red with a fixed property that does not fit, and says which", async () => {
    await load(bench.broker(), out({ routingKey: "q", properties: [{ property: "expiration", value: "soon", valueType: "str" }] }));
    assert.match(statuses().at(-1) ?? "", /property expiration/);
    inject({ payload: 1 });
    await waitFor("the error", () => errors()[0]?.code === "NOT_CONFIGURED");
  });

  describe("without its broker", () => {
    afterEach(() => helperNodes.node<BrokerHolder>("broker").amqp?.release(bench)); // its close waits for its users

    it("keeps a limited number of messages for a limited time, and fails all others", async () => {
      await load(bench.broker({ urls: [nowhere] }), out({ routingKey: "q", maxWaiting: 2, maxWait: 1_500 }));
      inject({ payload: 1 }, { payload: 2 }, { payload: 3 });
      await waitFor("the third to fail", () => errors().length >= 1);
      assert.equal(errors()[0]?.code, "OVERLOADED");
      await waitFor("the others to fail", () => errors().length === 3);
      assert.deepEqual(errors().map(({ code }) => code), ["OVERLOADED", "BROKER_UNAVAILABLE", "BROKER_UNAVAILABLE"]);
      assert.match(errors()[1]?.message ?? "", /No connection to 127\.0\.0\.1:\d+.*has waited 1500 ms/);
    });

    it("keeps messages of deliveries for as long as it takes, while their source pauses", async () => {
      const queue = await bench.plain.makeQueue(unique("claimed"));
      await load(bench.broker(), bench.broker({ id: "away", urls: [nowhere] }), source(queue), out({ broker: "away", routingKey: "q", maxWait: 100 }));
      await bench.plain.send(queue, ["x"]);
      await waitFor("the sink to wait", () => statuses().some((shown) => shown === "in.status.waiting"));
      inject({ payload: "of no delivery" });
      await waitFor("the other to fail", () => errors().length === 1);
      assert.equal((await bench.plain.count(`${queue}.dlq`)).messages, 0);
      assert.equal((await bench.plain.count(queue)).messages, 0, "it is held, not given back");
    });

    it("counts a broker that blocks as one that is away", async () => {
      const queue = await bench.plain.makeQueue(unique("blocks"));
      await load(bench.broker(), out({ routingKey: queue, maxWait: 1_000 }));
      const publish = publishing();
      await waitFor("the connection", () => publish.state.kind === "connected");
      inject({ payload: "before" });
      await waitFor("the first", () => received.length === 1);
      publish.model?.emit("blocked", "low on memory");
      inject({ payload: "during" });
      await waitFor("the error", () => errors().length === 1);
      assert.match(errors()[0]?.message ?? "", /blocks publishing: low on memory/);
      publish.model?.emit("unblocked");
      inject({ payload: "after" });
      await waitFor("the next", () => received.length === 2);
      assert.deepEqual([text(await bench.plain.get(queue)), text(await bench.plain.get(queue))], ["before", "after"]);
    });

    it("counts one that blocked already when the node was deployed", async () => {
      const queue = await bench.plain.makeQueue(unique("blocked-before"));
      await load(bench.broker(), out({ routingKey: queue, maxWait: 100 }));
      const publish = publishing();
      await waitFor("the connection", () => publish.state.kind === "connected");
      publish.model?.emit("blocked", "low on memory");
      const flows = [{ id: "tab", type: "tab" }, bench.broker(), out({ routingKey: queue, maxWait: 1_000 }), end];
      await helperNodes.deploy(flows, "nodes");
      assert.equal(publish.state.kind, "blocked", "the broker's node stays as it was");
      inject({ payload: "during" });
      await waitFor("the error", () => errors().length === 1);
      assert.match(errors()[0]?.message ?? "", /blocks publishing: low on memory/);
    });
  });

  describe("that waits for answers", () => {
    it("passes each message on with its answer, from a flow of our own nodes", async () => {
      const queue = await bench.plain.makeQueue(unique("rpc"));
      await load(bench.broker(), ...responder(queue), out({ routingKey: queue, request: true, properties: [{ property: "correlationId", value: "id", valueType: "msg" }] }));
      inject(...[1, 2, 3].map((id) => ({ payload: id, id, other: "kept" })));
      await waitFor("the answers", () => received.length === 3);
      const answers = received.map(({ payload, id, other, amqp }) => [payload, id, other, amqp.properties.correlationId, amqp.properties.contentType]);
      assert.deepEqual(answers.sort(), [1, 2, 3].map((id) => [id * 2, id, "kept", String(id), "application/json"]));
      assert.deepEqual(errors(), []);
    });

    it("leaves the message with its source until the answer has come", async () => {
      const [orders, requests] = [await bench.plain.makeQueue(unique("orders")), await bench.plain.makeQueue(unique("requests"))];
      await load(bench.broker(), source(orders), out({ routingKey: requests, request: true }));
      await bench.plain.send(orders, ["order"]);
      const request = await bench.plain.get(requests);
      await bench.inHand(orders);
      await waitFor("the status to tell", () => statuses().includes("out.status.requesting")); // it is shown four times a second
      await bench.plain.send(String(request.properties.replyTo), ["done"], { correlationId: request.properties.correlationId as string });
      await waitFor("the answer", () => received[0]?.payload === "done");
      await helperNodes.unload(); // what is not acknowledged goes back
      assert.equal((await bench.plain.count(orders)).messages, 0);
    });

    it("retries a delivery that got no answer by its source's steps, not on the spot, then dead-letters it", async () => {
      const [orders, requests] = [await bench.plain.makeQueue(unique("unanswered")), await bench.plain.makeQueue(unique("silent"))];
      await load(bench.broker(), source(orders), out({ routingKey: requests, request: true, requestTimeout: 100 }));
      await bench.plain.send(orders, ["order"]);
      const dead = await bench.plain.get(`${orders}.dlq`);
      assert.equal(dead.properties.headers?.["x-error-code"], "REPLY_TIMEOUT");
      assert.equal((await bench.plain.count(requests)).messages, 2, "one request an attempt");
    });

    it("has no more than a hundred requests on their way", async () => {
      const requests = await bench.plain.makeQueue(unique("hundred"));
      await load(bench.broker(), out({ routingKey: requests, request: true, requestTimeout: 3_000 }));
      inject(...Array.from({ length: 150 }, (_, payload) => ({ payload })));
      await waitFor("a hundred", async () => (await bench.plain.count(requests)).messages === 100);
      await waitFor("the rest when those are over", async () => (await bench.plain.count(requests)).messages === 150);
    });

    it("answers one that is gone without an error", async () => {
      const queue = await bench.plain.makeQueue(unique("gone"));
      await load(bench.broker(), ...responder(queue), out({ routingKey: queue, request: true }));
      const model = await connect(bench.rabbit.url);
      model.on("error", () => undefined);
      const channel = await model.createChannel();
      await channel.consume("amq.rabbitmq.reply-to", () => undefined, { noAck: true });
      channel.sendToQueue(queue, Buffer.from("1"), { replyTo: "amq.rabbitmq.reply-to" });
      await model.close();
      inject({ payload: 2 });
      await waitFor("the answer", () => received[0]?.payload === 4);
      assert.deepEqual(errors(), []);
      await helperNodes.unload(); // what is not acknowledged goes back
      assert.deepEqual([(await bench.plain.count(queue)).messages, (await bench.plain.count(`${queue}.dlq`)).messages], [0, 0]);
    });

    it("dead-letters the request whose answer would end the connection again and again, and answers the others", async () => {
      const queue = await bench.plain.makeQueue(unique("foreign"));
      await load(bench.broker(), ...responder(queue), out({ routingKey: queue, request: true }));
      inject({ payload: 1 });
      await waitFor("the first answer", () => received[0]?.payload === 2);
      // as RabbitMQ writes it for a node that is in no cluster with this one
      const replyTo = "amq.rabbitmq.reply-to.g1h2AA5yZXBseUA4NzE3MzcwMAAAAsMAAAAAawFD9g==.F9ye1zfj7bbCOYX7IhY/NQ==";
      await bench.plain.send(queue, ["5"], { replyTo, correlationId: "x" });
      const dead = await bench.plain.get(`${queue}.dlq`);
      assert.equal(dead.properties.headers?.["x-error-code"], "PUBLISH_REJECTED");
      inject({ payload: 3 });
      await waitFor("the next answer", () => received[1]?.payload === 6);
    });
  });
});
