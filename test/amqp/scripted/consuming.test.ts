import assert from "node:assert/strict";
import type { Received } from "./connection";
import { refused, soon, Stage } from "./support";
import { range } from "../support";

const payloads = (messages: { payload: unknown }[]): unknown[] => messages.map(({ payload }) => payload);

describe("a queue source on a scripted broker", () => {
  const stage = new Stage();
  afterEach(() => stage.clear());

  /** The order in which some methods came, each once in a row. */
  const order = (...methods: string[]): string[] => stage.broker.seen(...methods).map(({ method }) => method).filter((method, index, all) => method !== all[index - 1]);
  const attempts = (): Received[] => stage.broker.seen("basic.publish");

  describe("of 4.3, which counts a reject as a failed delivery and a nack not", () => {
    it("gives back by nack what the flow holds, before it closes the channel", async () => {
      const broker = await stage.plays();
      const { messages, settle, close } = await stage.consuming({ queue: "orders" });
      broker.send("orders", range(6));
      await soon("all", () => messages.length === 6);
      settle(messages[0], "accept");
      await close();
      const orders = broker.queue("orders");
      assert.deepEqual(orders.contents, ["1", "2", "3", "4", "5"]);
      assert.ok(orders.ready.every(({ deliveryCount, acquiredCount }) => deliveryCount === 0 && acquiredCount === 1));
      assert.deepEqual(order("basic.cancel", "basic.ack", "basic.nack", "basic.reject").slice(-3), ["basic.cancel", "basic.ack", "basic.nack"]);
      assert.equal(broker.log.filter(({ method }) => method === "channel.close" || method === "basic.nack").at(-2)?.method, "basic.nack");
    });

    it("gives back by nack what the flow releases, and takes it again without counting an attempt", async () => {
      const broker = await stage.plays();
      let releases = 2;
      const { messages } = await stage.consuming({ queue: "orders" }, (message, settle) => {
        releases -= 1;
        settle(message, releases > 0 ? "release" : "accept");
      });
      broker.send("orders", ["x"]);
      await soon("the last", () => messages.length === 2 && broker.queue("orders").size === 0);
      assert.deepEqual(messages.map(({ delivery }) => (delivery as { attempt: number }).attempt), [1, 1]);
      assert.equal(broker.seen("basic.nack").length, 1);
      assert.ok(broker.seen("basic.nack").every(({ fields }) => fields.requeue));
    });

    it("never rejects: a failed message goes on as a copy, and the original is acknowledged after it", async () => {
      const broker = await stage.plays();
      const { messages } = await stage.consuming({ queue: "orders", retries: 2 }, (message, settle) => settle(message, "retry", refused));
      broker.send("orders", ["x"]);
      await soon("the dead letter", () => broker.queue("orders.dlq").size === 1);
      await soon("an empty queue", () => broker.queue("orders").size === 0);
      assert.equal(messages.length, 3);
      assert.deepEqual(broker.seen("basic.reject", "basic.nack"), []);
      assert.deepEqual(order("basic.publish", "basic.ack"), ["basic.publish", "basic.ack", "basic.publish", "basic.ack", "basic.publish", "basic.ack"]);
    });
  });

  for (const version of ["3.13.7", "4.2.3", "4.3.1"]) {
    it(`counts attempts by a header of its own with ${version}, and sends no x-death and no count of the broker`, async () => {
      const broker = await stage.plays({ version });
      const { messages } = await stage.consuming({ queue: "orders", retries: 2 }, (message, settle) => settle(message, "retry", refused));
      broker.send("orders", ["x"], { "x-death": [{ queue: "elsewhere", reason: "rejected", count: 9 }], "x-delivery-count": 7, mine: "kept" });
      await soon("the dead letter", () => broker.queue("orders.dlq").size === 1);
      assert.deepEqual(messages.map(({ delivery }) => (delivery as { attempt: number }).attempt), [1, 2, 3]);
      assert.equal((messages[1]?.amqp.deaths[0] as { queue: string }).queue, "orders.retry.40", "the broker wrote one of its own");
      for (const { properties } of attempts()) {
        const names = Object.keys(properties?.headers ?? {});
        assert.deepEqual(names.filter((name) => /death|count/.test(name)), []);
        assert.ok(names.includes("mine"));
      }
      assert.equal(attempts().at(-1)?.properties?.headers?.["x-attempts"], 3);
    });
  }

  describe("whose consumer the broker ends by basic.cancel", () => {
    it("takes all again after the consumer timeout of 4.3, settles each once, and answers no old tag", async () => {
      const broker = await stage.plays();
      const { messages, settle, warnings } = await stage.consuming({ queue: "orders" });
      broker.send("orders", range(20));
      await soon("all", () => messages.length === 20);
      const [first] = await Promise.all([broker.expects("basic.consume")]);
      broker.timeOutConsumers("orders");
      const late = messages.splice(0);
      const again = await broker.expects("basic.consume");
      await soon("all again", () => messages.length === 20);
      const answers = broker.seen("basic.ack", "basic.nack").length;
      for (const message of late) settle(message, "accept");
      for (const message of late) settle(message, "dead-letter", refused);
      assert.notEqual(again.fields.consumerTag, first?.fields.consumerTag);
      for (const message of messages) settle(message, "accept");
      await soon("an empty queue", () => broker.queue("orders").size === 0);
      assert.deepEqual(new Set(payloads(messages)), new Set(payloads(late)));
      assert.equal(answers, 0);
      assert.ok(broker.seen("basic.ack").every(({ channel, connection }) => channel === again.channel && connection === again.connection));
      assert.deepEqual([attempts(), warnings, broker.faults], [[], [], []]);
    });

    it("drops what is on its way to the dead letters once the broker has taken it back", async () => {
      const broker = await stage.plays();
      const { messages, settle } = await stage.consuming({ queue: "orders" });
      broker.send("orders", ["x"]);
      await soon("the message", () => messages.length === 1);
      const consumer = await broker.expects("basic.consume");
      broker.once("channel.close", (call) => void setTimeout(() => call.goOn(), 200)); // a busy broker answers late: the time between is what counts
      broker.timeOutConsumers("orders");
      await broker.expects("channel.close", ({ channel, connection }) => channel === consumer.channel && connection === consumer.connection);
      settle(messages[0], "dead-letter", refused);
      await soon("it again", () => messages.length === 2);
      settle(messages[1], "accept");
      await soon("an empty queue", () => broker.queue("orders").size === 0);
      assert.equal(broker.queue("orders.dlq").size, 0);
    });

    it("goes on when the queue's leader has moved", async () => {
      const broker = await stage.plays();
      const { messages, states } = await stage.consuming({ queue: "orders" }, (message, settle) => settle(message, "accept"));
      for (let move = 0; move < 2; move += 1) {
        const before = states.length;
        broker.cancelConsumers("orders");
        broker.send("orders", [String(move)]);
        await soon("the message, acknowledged", () => messages.length === move + 1 && broker.queue("orders").size === 0);
        assert.ok(states.slice(before).some((state) => state.kind === "waiting" && state.error.code === "QUEUE_UNAVAILABLE"));
      }
      await soon("an empty queue", () => broker.queue("orders").size === 0);
      assert.deepEqual(payloads(messages), ["0", "1"]);
    });

    it("makes a deleted queue again and goes on", async () => {
      const broker = await stage.plays();
      const { messages } = await stage.consuming({ queue: "orders" }, (message, settle) => settle(message, "accept"));
      broker.deleteQueue("orders");
      await soon("the queue", () => broker.queues.get("orders")?.takers.length === 1);
      broker.send("orders", ["x"]);
      await soon("the message", () => messages.length === 1);
    });

    it("stays paused when it is paused", async () => {
      const broker = await stage.plays();
      const { source, states } = await stage.consuming({ queue: "orders" });
      broker.cancelConsumers("orders");
      source.pause("unwired");
      await soon("the pause", () => states.at(-1)?.kind === "paused");
      assert.equal(broker.queue("orders").takers.length, 0);
    });
  });

  it("takes all again when a timeout closes the channel, as it does up to 4.2", async () => {
    const broker = await stage.plays({ version: "4.2.3" });
    const { messages, settle, states } = await stage.consuming({ queue: "orders" });
    broker.send("orders", range(20));
    await soon("all", () => messages.length === 20);
    broker.timeOutConsumers("orders");
    await soon("the loss", () => states.some((state) => state.kind === "waiting" && /timed out/.test(state.error.message)));
    const late = messages.splice(0);
    for (const message of late) settle(message, "accept");
    await soon("all again", () => messages.length === 20);
    for (const message of messages) settle(message, "accept");
    await soon("an empty queue", () => broker.queue("orders").size === 0);
    assert.equal(broker.seen("connection.open").length, 1);
  });

  it("hands over nothing any more when it was closed while it began to consume", async () => {
    const broker = await stage.plays();
    broker.makeQueue("orders");
    broker.send("orders", ["x"]);
    let goOn: () => void = () => undefined;
    broker.once("basic.consume", (call) => (goOn = () => call.goOn()));
    const { messages, close } = stage.source({ queue: "orders" });
    const { channel } = await broker.expects("basic.consume");
    await close();
    goOn();
    await broker.expects("channel.close", (received) => received.channel === channel);
    await soon("the message back", () => broker.queue("orders").ready.length === 1);
    assert.equal(messages.length, 0);
  });

  it("has ended its consumer when it says that it has stopped, even if it was just beginning", async () => {
    const broker = await stage.plays();
    const { source, states, close } = await stage.consuming({ queue: "orders" });
    source.pause("unwired");
    await soon("the pause", () => states.at(-1)?.kind === "paused");
    broker.once("basic.consume", (call) => void setTimeout(() => call.goOn(), 50));
    source.resume("unwired");
    await soon("the beginning", () => broker.seen("basic.consume").length === 2);
    await close(1_000);
    const ends = broker.seen("basic.consume", "basic.cancel").map(({ method }) => method);
    assert.deepEqual(ends, ["basic.consume", "basic.cancel", "basic.consume", "basic.cancel"]);
  });

  it("limits what it takes per consumer, never per channel", async () => {
    const broker = await stage.plays();
    await stage.consuming({ queue: "orders", prefetch: 7 });
    assert.deepEqual(broker.seen("basic.qos").map(({ fields }) => [fields.prefetchCount, fields.global]), [[7, false]]);
  });

  it("declares nothing and looks at nothing where it may only use what exists", async () => {
    const broker = await stage.plays({ version: "4.3.0" });
    const { messages, states } = stage.source({ queue: "orders", declare: "existing" }, (message, settle) => settle(message, "accept"));
    await soon("the refusal", () => states.some((state) => state.kind === "waiting" && state.error.code === "QUEUE_UNAVAILABLE" && /no queue 'orders'/.test(state.error.message)));
    assert.deepEqual(broker.seen("queue.declare", "exchange.declare", "queue.bind"), []);
    assert.equal(messages.length, 0);
  });

  it("answers each message once, however often it is settled", async () => {
    const broker = await stage.plays();
    const { messages, settle } = await stage.consuming({ queue: "orders" });
    broker.send("orders", ["a", "b"]);
    await soon("both", () => messages.length === 2);
    for (const outcome of ["accept", "release", "dead-letter", "accept"] as const) settle(messages[1], outcome);
    await broker.expects("basic.ack");
    settle(messages[1], "accept");
    settle(messages[0], "accept");
    await soon("an empty queue", () => broker.queue("orders").size === 0);
    assert.deepEqual(broker.seen("basic.ack", "basic.nack", "basic.reject").map(({ method, fields }) => [method, fields.deliveryTag, fields.multiple]), [
      ["basic.ack", 2, false],
      ["basic.ack", 1, false],
    ]);
  });
});
