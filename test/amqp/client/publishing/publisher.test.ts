import assert from "node:assert/strict";
import type { Connection } from "../../../../nodes/amqp/client/connection/connection";
import { Publisher, type Outgoing, type PublisherOptions } from "../../../../nodes/amqp/client/publishing/publisher";
import type { ConnectorError } from "../../../../nodes/common/errors";
import type { RabbitMq } from "../../../services/rabbitmq";
import { sharedRabbit } from "../../../services/shared";
import { waitFor } from "../../../services/wait";
import { AFTER_RESTART, connectionTo, MutableProxy, Plain, SlowLine, standStill, text, unique } from "../../support";

describe("a publisher", function () {
  this.timeout(150_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  let connection: Connection;
  let publisher: Publisher;

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  beforeEach(() => open());
  afterEach(async () => {
    await publisher.close();
    await connection.close();
  });
  after(() => plain.close());

  function open(options: Partial<PublisherOptions> = {}, url = rabbit.url): void {
    ({ connection } = connectionTo(rabbit, { urls: [url] }));
    publisher = new Publisher({ connection, ...options });
  }

  function to(queue: string, content = "x", options: Outgoing["options"] = {}): Outgoing {
    return { exchange: "", routingKey: queue, content: Buffer.from(content), options: { persistent: true, mandatory: true, ...options } };
  }

  /** How each ended: "ok" or the error's code. */
  async function publishAll(messages: Outgoing[]): Promise<string[]> {
    const results = await Promise.allSettled(messages.map((message) => publisher.publish(message)));
    return results.map((result) => (result.status === "fulfilled" ? "ok" : (result.reason as ConnectorError).code));
  }

  it("is done when the broker has the message", async () => {
    const queue = await plain.makeQueue(unique("confirm"));
    await publisher.publish(to(queue, "hello"));
    assert.equal(text(await plain.get(queue)), "hello");
  });

  it("keeps the order and the bound of its window over thousands", async () => {
    const queue = await plain.makeQueue(unique("window"));
    await publisher.close();
    await connection.close();
    open({ window: 50 });
    const results = await publishAll(Array.from({ length: 3_000 }, (_, index) => to(queue, String(index))));
    assert.ok(results.every((result) => result === "ok"));
    for (let index = 0; index < 20; index += 1) assert.equal(text(await plain.get(queue)), String(index));
    assert.equal(publisher.unconfirmed, 0);
  });

  it("makes a return the error of the very message, and of no other", async () => {
    const queue = await plain.makeQueue(unique("returned"));
    const nowhere = unique("nowhere");
    const messages = Array.from({ length: 100 }, (_, index) => (index % 10 === 3 ? to(nowhere, String(index)) : to(queue, String(index))));
    const results = await publishAll(messages);
    assert.deepEqual(results, messages.map((_, index) => (index % 10 === 3 ? "PUBLISH_RETURNED" : "ok")));
  });

  it("tells returned messages apart that share everything but the content or the id", async () => {
    const nowhere = unique("nowhere");
    assert.deepEqual(
      await publishAll([to(nowhere, "a", { mandatory: false }), to(nowhere, "a", { messageId: "1" }), to(nowhere, "a", { mandatory: false, messageId: "2" }), to(nowhere, "b")]),
      ["ok", "PUBLISH_RETURNED", "ok", "PUBLISH_RETURNED"],
    );
  });

  it("tells returned messages apart that share everything but a header, as an exchange that decides by headers does", async () => {
    const [queue, exchange] = [await plain.makeQueue(unique("plant")), unique("headers")];
    await plain.makeExchange(exchange, "headers");
    await plain.bind(queue, exchange, "", { "x-match": "all", plant: "A" });
    const message = (plant: string, more = {}): Outgoing => ({ ...to("", "on", { messageId: "1", headers: { plant, at: { "!": "timestamp", value: 1 }, list: [1, null, "x"], ...more } }), exchange });
    assert.deepEqual(await publishAll([message("A"), message("B", { BCC: ["nowhere"] }), message("A")]), ["ok", "PUBLISH_RETURNED", "ok"]);
    assert.equal((await plain.count(queue)).messages, 2);
  });

  it("reports none of several indistinguishable messages as stored if one of them was returned", async () => {
    const queue = await plain.makeQueue(unique("plant"));
    const exchange = unique("headers");
    await plain.makeExchange(exchange, "headers");
    await plain.bind(queue, exchange, "", { "x-match": "all", plant: "A" });
    const half = "\u{1F6B0}".slice(0, 1); // goes out as another character
    const message = (plant: string): Outgoing => ({ ...to("", "on", { headers: { plant, half } }), exchange });
    assert.deepEqual(await publishAll([message("B"), message("A")]), ["PUBLISH_RETURNED", "PUBLISH_RETURNED"]); // in this order the return comes before any confirm
  });

  it("fails only the message to whose routing key the user may not write", async () => {
    const username = unique("topical");
    await rabbit.addUser(username, "secret");
    await rabbit.ctl("set_topic_permissions", "-p", "/", username, "amq.topic", "^ok[.]", ".*");
    const own = connectionTo(rabbit, { username, password: "secret" }).connection;
    const theirs = new Publisher({ connection: own });
    await theirs.ready();
    const send = (routingKey: string): Promise<void> => theirs.publish({ ...to(routingKey, "x", { mandatory: false }), exchange: "amq.topic" });
    const results = Promise.allSettled([send("ok.1"), send("secret.2"), send("ok.3")]);
    const [first, forbidden, last] = (await results).map((result) => (result.status === "fulfilled" ? undefined : (result.reason as ConnectorError)));
    assert.deepEqual([forbidden?.code, forbidden?.scope, forbidden?.retryable], ["PUBLISH_REJECTED", "message", false]);
    for (const other of [first, last]) assert.ok(other === undefined || other.code === "PUBLISH_UNCONFIRMED", other?.message);
    await theirs.close();
    await own.close();
  });

  it("says where a returned message was to go", async () => {
    await assert.rejects(publisher.publish(to("not-there")), { code: "PUBLISH_RETURNED", scope: "message", message: /queue not-there: 312 NO_ROUTE/ });
  });

  it("makes a nack the error of the very message", async () => {
    const full = await plain.makeQueue(unique("full"), { "x-queue-type": "classic", "x-max-length": 1, "x-overflow": "reject-publish" });
    const queue = await plain.makeQueue(unique("free"));
    await publisher.publish(to(full, "fits"));
    const results = await publishAll([to(queue), to(full, "does not fit"), to(queue)]);
    assert.deepEqual(results, ["ok", "PUBLISH_REJECTED", "ok"]);
  });

  it("gets through to a queue that is not full any more by the end of a policy, though others take messages all the time", async () => {
    const full = await plain.makeQueue(unique("full-by-policy"));
    const free = await plain.makeQueue(unique("free"));
    const limits = `[{<<"max-length">>, 1}, {<<"overflow">>, <<"reject-publish">>}]`;
    await rabbit.evaluate(`rabbit_policy:set(<<"/">>, <<"full">>, <<"full-by-policy$">>, ${limits}, 0, <<"queues">>, <<"test">>)`);
    await waitFor("it to be full", async () => (await publishAll([to(free), to(full)])).join() === "ok,PUBLISH_REJECTED");
    await rabbit.evaluate(`rabbit_policy:delete(<<"/">>, <<"full">>, <<"test">>)`);
    await waitFor("it to take messages", async () => (await publishAll([to(free), to(full)])).join() === "ok,ok");
  });

  it("blames a missing exchange on what was sent there; the rest of its channel is uncertain, and the next works", async () => {
    const queue = await plain.makeQueue(unique("missing-exchange"));
    await publisher.ready();
    const missing: Outgoing = { ...to(""), exchange: unique("no-exchange") };
    const results = await publishAll([missing, to(queue)]);
    assert.equal(results[0], "EXCHANGE_UNAVAILABLE");
    assert.ok(["ok", "PUBLISH_UNCONFIRMED"].includes(results[1] ?? ""), results[1]);
    await publisher.ready();
    await publisher.publish(to(queue));
  });

  it("blames what was sent to an exchange by the name of the default one, which has none", async () => {
    await publisher.ready();
    await assert.rejects(publisher.publish({ ...to("q"), exchange: "amq.default" }), { code: "EXCHANGE_UNAVAILABLE", message: /no exchange 'amq.default'/ });
  });

  it("blames a message that was alone on the channel when the broker closed it", async () => {
    const queue = await plain.makeQueue(unique("alone"));
    await publisher.ready();
    await assert.rejects(publisher.publish(to(queue, "x", { expiration: "soon" })), { code: "PUBLISH_REJECTED", retryable: false, message: /invalid expiration/ });
    await publisher.ready();
    const results = await publishAll([to(queue), to(queue, "x", { expiration: "soon" })]);
    // nobody can tell which of two, unless the first was confirmed before the other was looked at, which was alone then
    if (results[0] === "ok") assert.ok(["PUBLISH_UNCONFIRMED", "PUBLISH_REJECTED"].includes(results[1] ?? ""), results[1]);
    else assert.deepEqual(results, ["PUBLISH_UNCONFIRMED", "PUBLISH_UNCONFIRMED"]);
  });

  it("publishes nothing on a channel before it is prepared", async () => {
    const queue = await plain.makeQueue(unique("prepared"));
    const prepared: string[] = [];
    await publisher.close();
    await connection.close();
    open({ onChannel: (channel) => channel.checkQueue(queue).then(({ messageCount }) => prepared.push(`${messageCount} messages`)) });
    await publisher.publish(to(queue));
    assert.deepEqual(prepared, ["0 messages"]);
  });

  it("refuses what cannot be encoded, and goes on", async () => {
    const queue = await plain.makeQueue(unique("encoding"));
    const results = await publishAll([
      to(queue, "1"),
      to(queue, "2", { headers: { big: "x".repeat(70_000) } }),
      to(queue, "3", { messageId: "x".repeat(300) }),
      to(queue, "4"),
    ]);
    assert.deepEqual(results, ["ok", "HEADERS_INVALID", "HEADERS_INVALID", "ok"]);
    assert.deepEqual([text(await plain.get(queue)), text(await plain.get(queue))], ["1", "4"]);
  });

  it("says at once that there is no broker, and works when there is one", async function () {
    this.timeout(240_000);
    const queue = await plain.makeQueue(unique("down"));
    await publisher.publish(to(queue, "before"));
    await rabbit.halt();
    await waitFor("the loss", () => connection.model === undefined);
    assert.deepEqual(await publishAll([to(queue, "lost")]), ["BROKER_UNAVAILABLE"]);
    await rabbit.start();
    await publisher.ready(AFTER_RESTART.timeout);
    await plain.again();
    await publisher.publish(to(queue, "after"));
    assert.deepEqual([text(await plain.get(queue)), text(await plain.get(queue))], ["before", "after"]);
  });

  it("gives up on a broker that does not confirm, with everything on the way uncertain", async () => {
    const queue = await plain.makeQueue(unique("mute"));
    const proxy = new MutableProxy(rabbit.port);
    const url = await proxy.start();
    try {
      await publisher.close();
      await connection.close();
      open({ confirmTimeout: 500 }, url);
      await waitFor("a confirm in time", () => publisher.publish(to(queue)).then(() => true));
      proxy.mute = true;
      assert.deepEqual(await publishAll([to(queue), to(queue)]), ["PUBLISH_UNCONFIRMED", "PUBLISH_UNCONFIRMED"]);
    } finally {
      proxy.stop();
    }
  });

  it("takes no message for lost only because the connection is slow", async () => {
    const queue = await plain.makeQueue(unique("slow"));
    const line = new SlowLine(rabbit.port, 10_000);
    const url = await line.start();
    try {
      await publisher.close();
      await connection.close();
      open({ confirmTimeout: 3_000 }, url);
      await waitFor("a confirm in time", () => publisher.publish(to(queue, "first")).then(() => true));
      const large = { ...to(queue), content: Buffer.alloc(60_000_000) };
      assert.deepEqual(await publishAll([large, to(queue, "last")]), ["ok", "ok"]);
      assert.deepEqual((await plain.drain(queue)).map(({ content }) => content.length), [5, 60_000_000, 4]);
    } finally {
      line.stop();
    }
  });

  it("takes no message for lost because the clock is set back meanwhile", async () => {
    const queue = await plain.makeQueue(unique("clock"));
    const line = new SlowLine(rabbit.port, 10_000);
    const url = await line.start();
    const { now } = Date;
    try {
      await publisher.close();
      await connection.close();
      open({ confirmTimeout: 3_000 }, url);
      await waitFor("a confirm in time", () => publisher.publish(to(queue)).then(() => true));
      const large = (): Promise<string[]> => publishAll([{ ...to(queue), content: Buffer.alloc(10_000_000) }]); // on its way for longer than a look at it takes
      const first = large();
      Date.now = () => now() - 3_600_000;
      assert.deepEqual(await Promise.all([first, large()]), [["ok"], ["ok"]]);
    } finally {
      Date.now = now;
      line.stop();
    }
  });

  it("takes no message for lost because Node-RED stood still", async () => {
    const queue = await plain.makeQueue(unique("still"));
    await publisher.close();
    await connection.close();
    open({ confirmTimeout: 1_000 });
    await publisher.ready();
    const results = publishAll(Array.from({ length: 50 }, (_, index) => to(queue, String(index))));
    await standStill(1_500);
    assert.deepEqual(await results, Array<string>(50).fill("ok"));
  });

  it("waits while the broker blocks the connection, without a timeout", async () => {
    const queue = await plain.makeQueue(unique("blocked"));
    await publisher.close();
    await connection.close();
    open({ confirmTimeout: 1_500 });
    await waitFor("a confirm in time", () => publisher.publish(to(queue)).then(() => true));
    await rabbit.block(true);
    try {
      const published = publisher.publish(to(queue, "patient")); // the broker blocks on the first publish after the alarm
      await waitFor("the block", () => connection.state.kind === "blocked");
      const second = publisher.publish(to(queue, "patient too"));
      const sooner = await Promise.race([published, second, new Promise((resolve) => setTimeout(resolve, 2_500, "still waiting"))]);
      assert.equal(sooner, "still waiting");
      await rabbit.block(false);
      await Promise.all([published, second]);
    } finally {
      await rabbit.block(false);
    }
  });
});
