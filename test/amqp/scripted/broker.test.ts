import assert from "node:assert/strict";
import { connect, type Channel, type ChannelModel, type ConsumeMessage } from "amqplib";
import { soon, Stage } from "./support";

/** What later tests trust: that the scripted broker is one, to a client that is not ours. */
describe("the scripted broker", () => {
  const stage = new Stage();
  let model: ChannelModel;

  async function dial(options: Parameters<Stage["plays"]>[0] = {}): Promise<Channel> {
    const broker = await stage.plays(options);
    model = await connect(broker.url);
    model.on("error", () => undefined);
    return open();
  }

  async function open(): Promise<Channel> {
    const channel = await model.createChannel();
    channel.on("error", () => undefined);
    return channel;
  }

  afterEach(async () => {
    await model.close().catch(() => undefined);
    await stage.clear();
  });

  it("takes, routes and gives out messages of any size, whole", async () => {
    const channel = await dial({ frameMax: 8_192 });
    await channel.assertQueue("q", { durable: true });
    await channel.assertExchange("events", "topic");
    await channel.bindQueue("q", "events", "device.#");
    const contents = [Buffer.alloc(0), Buffer.from("x"), Buffer.alloc(50_000, "ab")];
    for (const content of contents) channel.publish("events", "device.1.on", content, { headers: { n: 1 } });
    channel.publish("events", "machine", Buffer.from("elsewhere"));
    const taken: ConsumeMessage[] = [];
    await channel.consume("q", (message) => message && taken.push(message));
    await soon("all", () => taken.length === 3);
    assert.deepEqual(taken.map(({ content }) => content), contents);
    assert.deepEqual([taken[0]?.fields.routingKey, taken[0]?.properties.headers], ["device.1.on", { n: 1 }]);
    channel.ackAll();
    await soon("an empty queue", () => stage.broker.queue("q").size === 0);
  });

  it("gives out no more than the prefetch, and the rest as room is made", async () => {
    const channel = await dial();
    stage.broker.makeQueue("q");
    stage.broker.send("q", ["1", "2", "3", "4"]);
    const taken: ConsumeMessage[] = [];
    await channel.prefetch(2);
    await channel.consume("q", (message) => message && taken.push(message));
    await soon("two", () => taken.length === 2);
    assert.deepEqual(stage.broker.queue("q").contents, ["3", "4"]);
    channel.ack(taken[0]!);
    await soon("the third", () => taken.length === 3);
  });

  for (const [version, counts] of Object.entries({ "4.2.3": { nack: 1, reject: 2, lost: 3 }, "4.3.1": { nack: undefined, reject: 1, lost: 2 } })) {
    it(`of ${version} counts what comes back to a quorum queue`, async () => {
      const channel = await dial({ version });
      stage.broker.makeQueue("q");
      stage.broker.send("q", ["x"]);
      const next = async (on: Channel): Promise<ConsumeMessage> => (await soon("the message", () => on.get("q"))) as never;
      const count = (message: ConsumeMessage): unknown => message.properties.headers?.["x-delivery-count"];
      channel.nack(await next(channel));
      const second = await next(channel);
      assert.equal(count(second), counts.nack);
      channel.reject(second);
      assert.equal(count(await next(channel)), counts.reject);
      await channel.close();
      assert.equal(count(await next(await open())), counts.lost);
    });
  }

  it("drops what exceeds the delivery limit, or sends it to the dead letters", async () => {
    const channel = await dial({ version: "4.0.1" });
    stage.broker.makeQueue("dead");
    stage.broker.makeQueue("one", { "x-queue-type": "quorum", "x-delivery-limit": 1 });
    stage.broker.makeQueue("two", { "x-queue-type": "quorum", "x-delivery-limit": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead" });
    for (const queue of ["one", "two"]) {
      stage.broker.send(queue, ["x"]);
      await channel.consume(queue, (message) => message && channel.nack(message));
    }
    await soon("the dead letter", () => stage.broker.queue("dead").size === 1);
    assert.equal(stage.broker.dropped.length, 1);
  });

  for (const [what, options] of Object.entries({
    "a transient queue": { durable: false },
    "x-queue-mode": { durable: true, arguments: { "x-queue-mode": "lazy" } },
    "x-queue-version 1": { durable: true, arguments: { "x-queue-version": 1 } },
    "x-queue-master-locator": { durable: true, arguments: { "x-queue-master-locator": "min-masters" } },
  })) {
    it(`of 4.3 answers ${what} by closing the connection with 541`, async () => {
      const channel = await dial();
      const closed = new Promise<Error>((resolve) => model.on("close", resolve));
      channel.assertQueue("q", options).catch(() => undefined);
      assert.match(String(await closed), /541/);
    });
  }

  it("closes a channel that acknowledges what it does not have", async () => {
    const channel = await dial();
    const closed = new Promise<Error>((resolve) => channel.on("error", resolve));
    channel.ack({ fields: { deliveryTag: 7 } } as never);
    assert.match(String(await closed), /406.*unknown delivery tag 7/);
  });

  it("of 4.1 and later refuses a client that wants frames under 8192 bytes", async () => {
    await dial();
    await assert.rejects(connect(`${stage.broker.url}?frameMax=4096`), /ConnectionOpenOk|530/);
  });
});
