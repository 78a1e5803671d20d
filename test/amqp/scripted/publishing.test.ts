import assert from "node:assert/strict";
import type { Outgoing } from "../../../nodes/amqp/client/publishing/publisher";
import type { ConnectorError } from "../../../nodes/common/errors";
import type { Call } from "./call";
import { refused, soon, Stage } from "./support";

const to = (queue: string, content: string): Outgoing => ({ exchange: "", routingKey: queue, content: Buffer.from(content), options: { mandatory: true, persistent: true } });
const numbers = [...Array(20).keys()];

describe("a publisher on a scripted broker", () => {
  const stage = new Stage();
  afterEach(() => stage.clear());

  const order = (...methods: string[]): string[] => stage.broker.seen(...methods).map(({ method }) => method);

  /** What became of messages: "ok" or the error's code. */
  const outcomes = (promises: Promise<void>[]): Promise<string[]> => Promise.all(promises.map((promise) => promise.then(() => "ok", (error: unknown) => (error as ConnectorError).code)));
  const oneOf = (which: number, code: string): string[] => numbers.map((number) => (number === which ? code : "ok"));
  /** Answers the publish of one content in the broker's place. */
  const onContent = (content: string, script: (call: Call) => void): (() => void) => stage.broker.on("basic.publish", (call) => (call.content.toString() === content ? script(call) : call.goOn()));

  it("fails the one message that came back, though its return is followed by a confirm", async () => {
    const broker = await stage.plays();
    broker.makeQueue("q");
    const out = await stage.publisher();
    assert.deepEqual(await outcomes(numbers.map((number) => out.publish(to(number === 7 ? "nowhere" : "q", String(number))))), oneOf(7, "PUBLISH_RETURNED"));
    assert.equal(broker.queue("q").size, 19);
  });

  it("fails the one message that the broker refuses", async () => {
    const broker = await stage.plays();
    broker.makeQueue("q");
    const out = await stage.publisher();
    onContent("7", (call) => call.refuse());
    assert.deepEqual(await outcomes(numbers.map((number) => out.publish(to("q", String(number))))), oneOf(7, "PUBLISH_REJECTED"));
  });

  it("gives up a channel on which the broker has refused everything, not more than once in a while, and publishes on the next", async () => {
    const broker = await stage.plays();
    broker.makeQueue("q");
    const out = await stage.publisher();
    const stuck = broker.on("basic.publish", (call) => call.refuse());
    assert.deepEqual(await outcomes(numbers.map((number) => out.publish(to("q", String(number))))), Array(20).fill("PUBLISH_REJECTED"));
    await out.ready(5_000);
    assert.deepEqual(order("channel.close", "channel.open"), ["channel.open", "channel.close", "channel.open"]);
    assert.deepEqual(await outcomes([out.publish(to("q", "refused as well"))]), ["PUBLISH_REJECTED"]);
    stuck();
    assert.deepEqual(await outcomes([out.publish(to("q", "taken"))]), ["ok"]);
    assert.equal(broker.seen("channel.open").length, 2);
  });

  it("understands one confirm for many, and confirms out of order", async () => {
    const broker = await stage.plays();
    const out = await stage.publisher();
    const calls: Call[] = [];
    broker.on("basic.publish", (call) => calls.push(call));
    const done = new Set<number>();
    const all = numbers.map((number) => out.publish(to("q", String(number))).then(() => done.add(number)));
    await soon("all", () => calls.length === 20);
    calls[19]?.confirm();
    await soon("the last", () => done.has(19));
    assert.equal(done.size, 1);
    calls[0]?.reply("basic.ack", { deliveryTag: 19, multiple: true });
    await Promise.all(all);
  });

  it("blames the message whose exchange is missing, and calls the others on the channel uncertain", async () => {
    const broker = await stage.plays();
    broker.makeQueue("q");
    const out = await stage.publisher();
    broker.on("basic.publish", (call) => call.fields.exchange !== "" && call.goOn()); // none is confirmed before the channel is closed
    const results = await outcomes([out.publish(to("q", "a")), out.publish({ ...to("q", "b"), exchange: "gone" }), out.publish(to("q", "c"))]);
    assert.deepEqual(results, ["PUBLISH_UNCONFIRMED", "EXCHANGE_UNAVAILABLE", "PUBLISH_UNCONFIRMED"]);
    broker.on("basic.publish", (call) => call.goOn());
    await out.ready(5_000);
    assert.deepEqual(await outcomes([out.publish(to("q", "again"))]), ["ok"]);
    assert.equal(broker.seen("connection.open").length, 1);
  });

  it("opens the next channel soon if the last one has confirmed something, however often a message costs the channel", async () => {
    const broker = await stage.plays();
    stage.waitsLong();
    broker.makeQueue("q");
    const out = await stage.publisher();
    for (let times = 0; times < 6; times += 1) {
      await out.ready(2_000);
      assert.deepEqual(await outcomes([out.publish(to("q", "x"))]), ["ok"]);
      assert.deepEqual(await outcomes([out.publish({ ...to("q", "y"), exchange: "gone" })]), ["EXCHANGE_UNAVAILABLE"]);
    }
  });

  it("gives up a channel that confirms nothing, and publishes on the next", async () => {
    const broker = await stage.plays();
    broker.makeQueue("q");
    const out = await stage.publisher({ confirmTimeout: 500 });
    broker.once("basic.publish", () => undefined);
    broker.once("channel.close", (call) => void setTimeout(() => call.goOn(), 100));
    assert.deepEqual(await outcomes([out.publish(to("q", "a"))]), ["PUBLISH_UNCONFIRMED"]);
    await out.ready(5_000); // not before the silent channel is closed: what was sent on it could come after what follows
    assert.deepEqual(order("channel.close", "channel.open"), ["channel.open", "channel.close", "channel.open"]);
    assert.deepEqual(await outcomes([out.publish(to("q", "b"))]), ["ok"]);
  });

  it("waits while the broker blocks the connection, without running out of time", async () => {
    const broker = await stage.plays();
    broker.makeQueue("q");
    const { connection, states } = stage.connection();
    const out = await stage.publisher({ connection, confirmTimeout: 500 });
    await out.publish(to("q", "before"));
    broker.block("low on memory");
    await soon("the state", () => states.some((state) => state.kind === "blocked" && state.reason === "low on memory"));
    const waiting = outcomes(numbers.map((number) => out.publish(to("q", String(number)))));
    assert.equal(await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 1_200, "nothing yet"))]), "nothing yet");
    assert.equal(broker.queue("q").size, 1);
    broker.unblock();
    assert.deepEqual(await waiting, oneOf(-1, ""));
    assert.equal(states.at(-1)?.kind, "connected");
  });

  describe("that puts a copy in a message's place", () => {
    /** A source whose one message goes to the dead letters. */
    async function failing(): Promise<void> {
      stage.broker.makeQueue("orders.dlq");
      const { messages, settle } = await stage.consuming({ queue: "orders", retries: 0 });
      stage.broker.send("orders", ["x"]);
      await soon("the message", () => messages.length === 1);
      settle(messages[0], "dead-letter", refused);
    }

    it("keeps the message until a refused copy is taken", async () => {
      const broker = await stage.plays();
      let refusals = 1;
      broker.on("basic.publish", (call) => ((refusals -= 1) >= 0 ? call.refuse() : call.goOn()));
      await failing();
      await soon("the refusal", () => refusals === 0);
      assert.deepEqual([broker.queue("orders").size, broker.queue("orders.dlq").size], [1, 0]);
      await soon("the dead letter", () => broker.queue("orders.dlq").size === 1);
      await soon("an empty queue", () => broker.queue("orders").size === 0);
    });

    it("sends it again when the line was cut before the confirm, and acknowledges once", async () => {
      const broker = await stage.plays();
      broker.once("basic.publish", (call) => {
        call.broker.route({ exchange: "", routingKey: call.fields.routingKey, content: call.content, properties: call.properties });
        call.connection.cut(); // it has it, and cannot say so
      });
      await failing();
      await soon("an empty queue", () => broker.queue("orders").size === 0);
      assert.equal(broker.queue("orders.dlq").size, 2, "once more is better than never");
      assert.deepEqual(broker.seen("basic.ack", "basic.nack", "basic.reject").map(({ method }) => method), ["basic.ack"]);
    });

    it("acknowledges while publishing is blocked", async () => {
      const broker = await stage.plays();
      broker.makeQueue("orders.dlq");
      const { messages, settle, link } = await stage.consuming({ queue: "orders", retries: 0 });
      broker.send("orders", ["a", "b", "c"]);
      await soon("all", () => messages.length === 3);
      settle(messages[0], "dead-letter", refused);
      await soon("the dead letter", () => broker.queue("orders.dlq").size === 1);
      broker.block("low on disk");
      await soon("the block", () => link.publish.state.kind === "blocked");
      assert.equal(link.consume.state.kind, "connected");
      settle(messages[1], "dead-letter", refused);
      settle(messages[2], "accept");
      await soon("the ack", () => broker.queue("orders").size === 1);
      broker.unblock();
      await soon("an empty queue", () => broker.queue("orders").size === 0);
      assert.equal(broker.queue("orders.dlq").size, 2);
    });
  });
});
