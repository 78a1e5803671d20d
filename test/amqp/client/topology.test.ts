import assert from "node:assert/strict";
import { connect, type ChannelModel } from "amqplib";
import { costsConnection, declareTopology, ensureExchange, type QueueTopology } from "../../../nodes/amqp/client/topology";
import type { RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { waitFor } from "../../services/wait";
import { ScriptedBroker } from "../scripted/broker";
import { Plain, text, unique } from "../support";

describe("the topology", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  let model: ChannelModel;
  const warnings: string[] = [];

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
    model = await connect(rabbit.url);
  });
  beforeEach(() => warnings.splice(0));
  after(async () => {
    await model.close();
    await plain.close();
  });

  function declare(name: string, more: Partial<QueueTopology> = {}): Promise<void> {
    const topology = { queue: { name, type: "quorum" as const }, bindings: [], deadLetterQueue: `${name}.dlq`, retryDelays: [100, 200, 200], ...more };
    return declareTopology(model, topology, (warning) => warnings.push(warning));
  }

  function argumentsOf(queue: string): Promise<Record<string, unknown>> {
    return rabbit.argumentsOf(queue);
  }

  it("makes the queue, its dead-letter queue and one delay queue per step", async () => {
    const name = unique("declared");
    await declare(name);
    const made = await rabbit.listQueues(name);
    assert.deepEqual(made.map((queue) => `${queue.name} ${queue.type}`).sort(), [name, `${name}.dlq`, `${name}.retry.100`, `${name}.retry.200`].map((each) => `${each} quorum`));
    assert.deepEqual(warnings, []);
    const main = await argumentsOf(name);
    assert.equal(main["x-dead-letter-routing-key"], `${name}.dlq`);
    const step = await argumentsOf(`${name}.retry.200`);
    assert.equal(step["x-message-ttl"], 200);
    assert.equal(step["x-dead-letter-strategy"], "at-least-once");
  });

  it("changes nothing and says nothing the second time", async () => {
    const name = unique("twice");
    await declare(name);
    await declare(name);
    assert.deepEqual(warnings, []);
  });

  it("sends what lies in a delay queue back after its time", async () => {
    const name = unique("delay");
    await declare(name, { retryDelays: [3_000] });
    await plain.send(`${name}.retry.3000`, ["later"]);
    assert.equal((await plain.count(name)).messages, 0);
    const message = await plain.get(name);
    assert.equal(text(message), "later");
    assert.equal(message.properties.headers?.["x-death"]?.[0]?.reason, "expired");
  });

  it("uses a queue that exists with other properties, and says which differ", async () => {
    const name = await plain.makeQueue(unique("differs"), { "x-queue-type": "classic", "x-max-length": 7 });
    await declare(name);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /exists with other properties and is used as it is: PRECONDITION_FAILED - inequivalent arg 'x-/);
    assert.equal((await argumentsOf(name))["x-max-length"], 7);
  });

  it("binds the queue, making the exchanges that are missing", async () => {
    const name = unique("bound");
    const bindings = [
      { exchange: `${name}.events`, exchangeType: "topic", routingKey: "device.#" },
      { exchange: "amq.direct", routingKey: name },
    ];
    await declare(name, { bindings });
    await plain.publish(`${name}.events`, "device.7", "by topic", { mandatory: true });
    await plain.publish("amq.direct", name, "by key");
    await waitFor("both", async () => (await plain.count(name)).messages === 2);
  });

  it("makes an exchange whose type is blank a topic exchange", async () => {
    const name = unique("blank-type");
    await declare(name, { bindings: [{ exchange: `${name}.x`, exchangeType: " ", routingKey: "device.#" }] });
    await plain.publish(`${name}.x`, "device.7", "by topic", { mandatory: true });
    await waitFor("the message", async () => (await plain.count(name)).messages === 1);
  });

  it("uses an exchange that exists with another type, and says so", async () => {
    const name = unique("exchange-differs");
    await plain.makeExchange(`${name}.x`, "fanout");
    await declare(name, { bindings: [{ exchange: `${name}.x`, exchangeType: "topic" }] });
    assert.match(warnings[0] ?? "", /Exchange .* exists with other properties/);
    await plain.publish(`${name}.x`, "", "by fanout");
    await waitFor("the message", async () => (await plain.count(name)).messages === 1);
  });

  it("takes the user's own arguments", async () => {
    const name = unique("arguments");
    await declare(name, { queue: { name, type: "quorum", arguments: { "x-delivery-limit": 7 } } });
    assert.equal((await argumentsOf(name))["x-delivery-limit"], 7);
  });

  it("says what is wrong with arguments the broker refuses", async () => {
    const name = unique("refused");
    await assert.rejects(declare(name, { queue: { name, type: "quorum", arguments: { "x-max-length": "many" } } }), {
      code: "QUEUE_UNAVAILABLE",
      scope: "system",
      message: /PRECONDITION_FAILED - invalid arg 'x-max-length'/,
    });
  });

  it("binds to exchanges of every type, by header values too", async () => {
    const name = unique("types");
    const bindings = [
      { exchange: `${name}.direct`, exchangeType: "direct", routingKey: "a" },
      { exchange: `${name}.fanout`, exchangeType: "fanout" },
      { exchange: `${name}.headers`, exchangeType: "headers", arguments: { "x-match": "all", line: 3, kind: "alarm" } },
    ];
    await declare(name, { bindings });
    await plain.publish(`${name}.direct`, "a", "by key");
    await plain.publish(`${name}.direct`, "b", "nobody's");
    await plain.publish(`${name}.fanout`, "whatever", "to all");
    await plain.publish(`${name}.headers`, "", "by headers", { headers: { line: 3, kind: "alarm", more: true } });
    await plain.publish(`${name}.headers`, "", "nobody's", { headers: { line: 4, kind: "alarm" } });
    await waitFor("three", async () => (await plain.count(name)).messages === 3);
    const contents = [text(await plain.get(name)), text(await plain.get(name)), text(await plain.get(name))];
    assert.deepEqual(contents, ["by key", "to all", "by headers"]);
  });

  it("makes a stream with its own arguments and a dead-letter queue, and no delay queue when there are no delays", async () => {
    const name = unique("stream");
    await declare(name, { queue: { name, type: "stream", arguments: { "x-max-length-bytes": 1_000_000 } }, retryDelays: [] });
    const made = await rabbit.listQueues(name);
    assert.deepEqual(made.map((queue) => `${queue.name} ${queue.type}`).sort(), [`${name} stream`, `${name}.dlq quorum`]);
    assert.deepEqual(await argumentsOf(name), { "x-queue-type": "stream", "x-max-length-bytes": 1_000_000 });
  });

  it("makes a queue that only this connection may use, and durable dead letters for it", async () => {
    const name = unique("exclusive");
    const own = await connect(rabbit.url);
    const queue = { name, type: "classic" as const, exclusive: true };
    await declareTopology(own, { queue, bindings: [], deadLetterQueue: `${name}.dlq`, retryDelays: [] }, (warning) => warnings.push(warning));
    await assert.rejects(plain.count(name), /RESOURCE_LOCKED/);
    await own.close();
    await waitFor("it to be gone", async () => !(await rabbit.listQueues(name)).some((each) => each.name === name));
    assert.equal((await plain.count(`${name}.dlq`)).messages, 0);
    assert.deepEqual(warnings, []);
  });

  it("says that the broker has no such exchange type, which costs the connection: not to be tried again", async () => {
    const own = await connect(rabbit.url);
    let end: unknown;
    own.on("error", (error) => (end = error));
    const closed = new Promise((resolve) => own.once("close", resolve));
    const refusal: unknown = await ensureExchange(own, unique("odd"), "x-nothing", () => undefined).catch((error: unknown) => error);
    await closed;
    assert.match(String(refusal), /EXCHANGE_UNAVAILABLE: Exchange .* the broker has no exchange type x-nothing/);
    assert.ok(costsConnection(refusal));
    assert.ok(end);
    assert.equal(costsConnection(new Error("another")), false);
  });

  for (const [version, limit] of [["3.13.7", undefined], ["4.0.1", -1], ["4.3.1", -1]] as const) {
    it(`${limit ? "lifts" : "leaves"} the delivery limit of quorum queues on ${version}, unless the user sets one`, async () => {
      const broker = await ScriptedBroker.start({ version });
      const scripted = await connect(broker.url);
      const topology = { bindings: [], retryDelays: [100] };
      try {
        await declareTopology(scripted, { queue: { name: "q", type: "quorum" }, deadLetterQueue: "q.dlq", ...topology }, () => undefined);
        await declareTopology(scripted, { queue: { name: "own", type: "quorum", arguments: { "x-delivery-limit": 5 } }, deadLetterQueue: "q.dlq", ...topology }, () => undefined);
        await declareTopology(scripted, { queue: { name: "classic", type: "classic" }, deadLetterQueue: "classic.dlq", ...topology }, () => undefined);
        const limitOf = (queue: string): unknown => broker.queue(queue).args["x-delivery-limit"];
        assert.deepEqual(["q", "q.dlq", "q.retry.100", "own", "classic", "classic.dlq"].map(limitOf), [limit, limit, undefined, 5, undefined, undefined]);
      } finally {
        await scripted.close();
        await broker.stop();
      }
    });
  }
});
