import assert from "node:assert/strict";
import type { ChannelModel } from "amqplib";
import { OwnQueue } from "../../../nodes/amqp/in/own-queue";
import type { RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { waitFor } from "../../services/wait";
import { attempts, contents, refused, Sources, type OpenSource } from "../open-source";
import { MutableProxy, Plain, text, unique } from "../support";

describe("the queues of amqp in", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  const sources = new Sources();

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  afterEach(() => sources.close());
  after(() => plain.close());

  describe("one of its own", () => {
    const bound = (exchange: string): object => ({ declare: "temporary", deadLetterQueue: `${exchange}.dlq`, bindings: [{ exchange, exchangeType: "fanout" }] });
    const names = async (): Promise<string[]> => (await rabbit.listQueues("surewire.source.")).map(({ name }) => name);

    it("gets what its exchange sends, keeps it over a pause, and is gone when the node is", async () => {
      const exchange = unique("fan");
      const { source, messages, link, states } = await sources.consuming(rabbit.url, bound(exchange), {}, "accept");
      await plain.publish(exchange, "", "1");
      await waitFor("the message", () => messages.length === 1);
      assert.match(String(messages[0]?.amqp.queue), /^surewire\.source\.[0-9a-f]{12}$/);
      source.pause("held");
      await waitFor("the pause", () => states.at(-1)?.kind === "paused");
      await plain.publish(exchange, "", "2");
      source.resume("held");
      await waitFor("what came meanwhile", () => messages.length === 2);
      await source.close(500);
      assert.ok(link.consume.model); // other nodes still use it
      assert.deepEqual(await names(), []);
    });

    it("is made anew, under another name, when the connection is lost", async () => {
      const exchange = unique("fan-cut");
      const proxy = new MutableProxy(rabbit.port);
      const { source, messages } = await sources.consuming(await proxy.start(), bound(exchange), {}, "accept");
      try {
        const before = source.queue;
        for (const socket of proxy.sockets) socket.destroy();
        await waitFor("another", () => source.queue !== before);
        await waitFor("the message", async () => (await plain.publish(exchange, "", "x"), messages.length > 0));
        assert.equal(messages[0]?.amqp.queue, source.queue);
        await sources.close();
      } finally {
        proxy.stop();
      }
    });

    it("stays the same when only its channel is lost", () => {
      const queue = new OwnQueue("node");
      const [one, two] = [{}, {}] as [ChannelModel, ChannelModel];
      const { name, exclusive } = queue.on(one, {});
      assert.ok(exclusive);
      assert.equal(queue.on(one, {}).name, name);
      assert.notEqual(queue.on(two, {}).name, name);
    });

    it("has its messages tried again in the process, and leaves dead letters that last", async () => {
      const exchange = unique("fan-fails");
      const { messages } = await sources.consuming(rabbit.url, bound(exchange), {}, (message, settle) => settle(message, "retry", refused));
      await plain.publish(exchange, "k", "x");
      const dead = await plain.get(`${exchange}.dlq`);
      assert.equal(text(dead), "x");
      assert.equal(dead.properties.headers?.["x-original-exchange"], exchange);
      assert.deepEqual(attempts(messages), [1, 2, 3]);
      await sources.close();
      assert.equal((await rabbit.listQueues(`${exchange}.dlq`)).find(({ name }) => name === `${exchange}.dlq`)?.type, "quorum");
    });
  });

  it("with a single active consumer serve one, and the next when that is gone", async () => {
    const queue = unique("single");
    const first = await sources.consuming(rabbit.url, { queue, singleActiveConsumer: true }, {}, "accept");
    const second = await sources.consuming(rabbit.url, { queue, singleActiveConsumer: true }, {}, "accept");
    await plain.send(queue, ["1", "2", "3", "4"]);
    await waitFor("all", () => first.messages.length + second.messages.length === 4);
    assert.equal(second.messages.length, 0);
    await first.close();
    await plain.send(queue, ["5"]);
    await waitFor("the next", () => second.messages.length === 1);
    assert.deepEqual([...first.warnings, ...second.warnings], []);
  });

  it("of the classic kind give out what is urgent first, and the consumer of higher priority is served first", async () => {
    const queue = unique("priorities");
    const def = { queue, queueType: "classic", maxPriority: 5 };
    const low = await sources.consuming(rabbit.url, { ...def, prefetch: 1, consumerPriority: -1 }, {}, () => undefined);
    low.source.pause("asked");
    await waitFor("the pause", () => low.states.at(-1)?.kind === "paused");
    await plain.send(queue, ["calm"], { priority: 1 });
    await plain.send(queue, ["urgent"], { priority: 5 });
    low.source.resume("asked");
    await waitFor("the first", () => low.messages.length === 1);
    assert.deepEqual(contents(low.messages), ["urgent"]);
    const high: OpenSource = await sources.consuming(rabbit.url, { ...def, consumerPriority: 10 }, {}, "accept");
    low.settle(low.messages[0], "accept");
    await waitFor("the other", () => high.messages.length + low.messages.length === 2);
    await plain.send(queue, ["a", "b", "c"]);
    await waitFor("all", () => high.messages.length + low.messages.length === 5);
    assert.deepEqual(contents(high.messages).slice(-3), ["a", "b", "c"]);
  });

  it("bound to an exchange of a type that the broker does not have cost the connection once, not again and again", async () => {
    const queue = unique("odd-type");
    const { link, states } = sources.open(rabbit.url, { queue, bindings: [{ exchange: `${queue}.x`, exchangeType: "x-nothing" }] });
    let losses = 0;
    link.consume.subscribe({ down: () => (losses += 1) });
    const refusals = (): string[] => states.flatMap((each) => (each.kind === "waiting" && each.error.code === "EXCHANGE_UNAVAILABLE" ? [each.error.message] : []));
    await waitFor("it to be refused once by the broker and once by itself", () => refusals().length > 1 && losses === 1 && link.consume.model);
    for (const refusal of refusals()) assert.match(refusal, /the broker has no exchange type x-nothing/);
    assert.equal(losses, 1);
  });
});
