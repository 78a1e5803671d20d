import assert from "node:assert/strict";
import { Broker } from "../../../nodes/amqp/client/broker";
import { Publisher } from "../../../nodes/amqp/client/publishing/publisher";
import type { QueueInfo, RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { waitFor } from "../../services/wait";
import { attempts, contents, refused, Sources } from "../open-source";
import { connectionTo, Plain, quick, text, unique } from "../support";

/** What a RabbitMQ of version 3 does to those that take from it, and what becomes of it. */
describe("RabbitMQ 3.10", function () {
  this.timeout(90_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  const sources = new Sources();

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  afterEach(() => sources.close());
  after(() => plain.close());

  const counted = async (queue: string): Promise<QueueInfo | undefined> => (await rabbit.listQueues(queue)).find(({ name }) => name === queue);
  const unacknowledged = async (queue: string): Promise<number | undefined> => (await counted(queue))?.unacknowledged;

  /** @param ms until a message counts as forgotten, and how often the broker looks */
  const consumerTimeout = (ms: number, interval: number): Promise<unknown> =>
    rabbit.evaluate(`[application:set_env(rabbit, Name, Value) || {Name, Value} <- [{consumer_timeout, ${ms}}, {channel_tick_interval, ${interval}}]]`);

  it("closes a channel that acknowledges too late: consuming goes on by itself, and nothing is lost", async () => {
    const queue = await plain.makeQueue(unique("consumer-timeout"));
    await consumerTimeout(1_000, 500);
    try {
      let inTime = false;
      const slow = await sources.consuming(rabbit.url, { queue }, {}, (message, settle) => inTime && settle(message, "accept"));
      await plain.send(queue, ["a", "b", "c"]);
      await waitFor("the timeout", () => slow.states.some((state) => state.kind === "waiting" && /delivery acknowledgement.*timed out/i.test(state.error.message)));
      inTime = true;
      for (const message of slow.messages) slow.settle(message, "accept"); // too late: these tags mean nothing any more
      // One reading of both: between two, what is in hand may come back.
      await waitFor("an empty queue", async () => (await counted(queue))?.messages === 0);
      assert.deepEqual([...new Set(contents(slow.messages.slice(3)))].sort(), ["a", "b", "c"]);
      assert.deepEqual([...new Set(attempts(slow.messages))], [1]);
      assert.equal((await plain.count(queue)).consumers, 1);
    } finally {
      await consumerTimeout(1_800_000, 60_000);
    }
  });

  it("closes no channel over a message of a stream that waits long for its next attempt: it is tried as often as it may be, and no other comes twice", async () => {
    const queue = unique("consumer-timeout-of-a-stream");
    await consumerTimeout(2_500, 250);
    try {
      const slow = await sources.consuming(rabbit.url, { queue, queueType: "stream", retries: 2, retryDelay: 3_000 }, { longest: 600 }, (message, settle) => settle(message, message.payload === "bad" ? "retry" : "accept", refused));
      await plain.send(queue, ["a", "bad", "c"]);
      await waitFor("the dead letter", async () => (await plain.count(`${queue}.dlq`)).messages === 1);
      assert.deepEqual(contents(slow.messages), ["a", "bad", "c", "bad", "bad"]);
      assert.deepEqual(attempts(slow.messages), [1, 1, 1, 2, 3]);
      await plain.send(queue, ["d"]);
      await waitFor("the next", () => contents(slow.messages).at(-1) === "d");
      assert.ok(slow.states.every(({ kind }) => kind !== "waiting"));
    } finally {
      await consumerTimeout(1_800_000, 60_000);
    }
  });

  it("closes no channel over what waits behind such a message, where only one may be in the flow", async () => {
    const queue = unique("consumer-timeout-behind");
    await consumerTimeout(2_500, 250);
    try {
      const slow = await sources.consuming(rabbit.url, { queue, queueType: "stream", prefetch: 1, retries: 2, retryDelay: 3_000 }, { longest: 600 }, (message, settle) => settle(message, message.payload === "bad" ? "retry" : "accept", refused));
      await plain.send(queue, ["a", "bad", "c", "d"]);
      await waitFor("the last", () => contents(slow.messages).at(-1) === "d");
      assert.deepEqual(contents(slow.messages), ["a", "bad", "bad", "bad", "c", "d"]);
      assert.ok(slow.states.every(({ kind }) => kind !== "waiting"));
    } finally {
      await consumerTimeout(1_800_000, 60_000);
    }
  });

  it("locks an exclusive queue for all other connections: the source says so, and takes it when it is free", async () => {
    const queue = unique("exclusive");
    const { connection } = connectionTo(rabbit);
    connection.open();
    const model = await waitFor("the owner", () => connection.model);
    const channel = await model.createChannel();
    await channel.assertQueue(queue, { exclusive: true, durable: false });
    const { states } = sources.open(rabbit.url, { queue, declare: "existing" });
    const state = await waitFor("the refusal", () => states.find((each) => each.kind === "waiting"));
    assert.match(state.kind === "waiting" ? state.error.message : "", /RESOURCE_LOCKED.*exclusive/);
    assert.ok(state.kind === "waiting" && state.error.code === "QUEUE_UNAVAILABLE" && (state.delay ?? 0) > 0);
    await connection.close();
    await plain.makeQueue(queue);
    await waitFor("the consumer", () => states.at(-1)?.kind === "consuming");
  });

  describe("refuses a user", () => {
    const user = `reader-${process.pid}`;
    const brokers: Broker[] = [];
    const as = (): Broker => {
      const broker = new Broker({ urls: [rabbit.url], username: user, password: "secret", backOff: quick() });
      brokers.push(broker);
      return broker;
    };
    before(() => rabbit.addUser(user, "secret"));
    afterEach(() => Promise.all(brokers.splice(0).map((broker) => broker.close(0))));

    it("who may not read the queue, which the source says, and goes on once the user may", async () => {
      const queue = await plain.makeQueue(unique("unreadable"));
      await plain.send(queue, ["kept"]);
      await rabbit.permit(user, ["^$", "^$", "^$"]);
      const { states, messages } = sources.open(rabbit.url, { queue, declare: "existing" }, { link: as().acquire({}) });
      const state = await waitFor("the refusal", () => states.find((each) => each.kind === "waiting"));
      assert.match(state.kind === "waiting" ? state.error.message : "", new RegExp(`ACCESS_REFUSED.*'${queue}'.*'${user}'`));
      await rabbit.permit(user, ["^$", "^$", ".*"]);
      await waitFor("the message", () => messages.length === 1);
      assert.deepEqual(contents(messages), ["kept"]);
    });

    it("who may not make a queue, which the source says", async () => {
      await rabbit.permit(user, ["^$", ".*", ".*"]);
      const { states } = sources.open(rabbit.url, { queue: unique("undeclarable") }, { link: as().acquire({}) });
      const state = await waitFor("the refusal", () => states.find((each) => each.kind === "waiting"));
      assert.match(state.kind === "waiting" ? state.error.message : "", /ACCESS_REFUSED/);
      assert.equal(state.kind === "waiting" && state.error.code, "QUEUE_UNAVAILABLE");
    });

    it("who may not write to an exchange: the publisher's error names both", async () => {
      await rabbit.permit(user, ["^$", "^$", "^$"]);
      const broker = as();
      const publisher = new Publisher({ connection: broker.acquire({}).publish });
      const refusal = await publisher.publish({ exchange: "amq.topic", routingKey: "a", content: Buffer.from("x"), options: {} }).then(
        () => assert.fail("published"),
        (error: unknown) => error as Error & { code: string },
      );
      await publisher.close();
      assert.equal(refusal.code, "EXCHANGE_UNAVAILABLE");
      assert.match(refusal.message, new RegExp(`ACCESS_REFUSED.*'amq.topic'.*'${user}'`));
    });
  });

  it("tells of a message that expired where and why it died, and counts no attempt for it", async () => {
    const queue = unique("expired");
    const waiting = await plain.makeQueue(`${queue}.waiting`, { "x-queue-type": "classic", "x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue });
    const { messages } = await sources.consuming(rabbit.url, { queue }, {}, "accept");
    await plain.send(waiting, ["late"], { expiration: "50" });
    await waitFor("the message", () => messages.length === 1);
    const [death] = messages[0]?.amqp.deaths as { queue: string; reason: string }[];
    assert.deepEqual([death?.queue, death?.reason], [waiting, "expired"]);
    assert.deepEqual(attempts(messages), [1]);
  });

  it("holds a message behind one with a longer time to live: each retry step has a queue of its own", async () => {
    const slow = await plain.makeQueue(unique("head"), { "x-queue-type": "classic" });
    await plain.send(slow, ["long"], { expiration: "60000" });
    await plain.send(slow, ["short"], { expiration: "50" });
    const queue = unique("steps");
    const { messages } = await sources.consuming(rabbit.url, { queue, retries: 2, retryDelay: 50, retryMaxDelay: 2_000 }, {}, (message, settle) => {
      const { attempt } = message.delivery as { attempt: number };
      if (message.payload === "slow" && attempt === 1) settle(message, "retry");
      else if (message.payload === "quick" && attempt === 1) settle(message, "retry");
      else settle(message, "accept");
    });
    await plain.send(queue, ["slow", "quick"]);
    await waitFor("both again", () => messages.length === 4);
    assert.equal((await plain.count(slow)).messages, 2); // the short one is long over its time
    assert.ok(messages.slice(2).every(({ amqp }) => (amqp.deaths as { reason: string }[])[0]?.reason === "expired"));
  });

  it("drops what dies when its dead-letter exchange is missing; dead letters of ours do not go that way", async () => {
    const queue = await plain.makeQueue(unique("no-dlx"), { "x-queue-type": "quorum", "x-dead-letter-exchange": "nowhere" });
    const { messages, warnings } = await sources.consuming(rabbit.url, { queue }, {}, (message, settle) => settle(message, "dead-letter", refused));
    await plain.send(queue, ["kept"]);
    await waitFor("the message", () => messages.length === 1);
    const dead = await plain.get(`${queue}.dlq`);
    assert.equal(text(dead), "kept");
    assert.equal(dead.properties.headers?.["x-error-code"], "ROW_REFUSED");
    assert.ok(warnings.some((warning) => warning.includes("x-dead-letter-exchange")), warnings.join("\n"));
  });

  it("counts delivery tags anew on each channel: two sources on one connection settle only their own", async () => {
    const [one, two] = [unique("tags-one"), unique("tags-two")];
    const broker = new Broker({ urls: [rabbit.url], backOff: quick() });
    const link = broker.acquire({});
    const first = await sources.consuming(rabbit.url, { queue: one }, { link });
    const second = await sources.consuming(rabbit.url, { queue: two }, { link });
    await plain.send(one, ["1", "2", "3"]);
    await plain.send(two, ["1", "2", "3"]);
    await waitFor("all", () => first.messages.length + second.messages.length === 6);
    first.settle(first.messages[1], "accept");
    second.settle(second.messages[2], "accept");
    await waitFor("one settled each", async () => (await unacknowledged(one)) === 2 && (await unacknowledged(two)) === 2);
    await sources.close();
    assert.deepEqual([text(await plain.get(one)), text(await plain.get(one))], ["1", "3"]);
    assert.deepEqual([text(await plain.get(two)), text(await plain.get(two))], ["1", "2"]);
    await broker.close(0);
  });

  it("blocks who publishes when memory is short: acks go out all the while, publishing waits, and goes on by itself", async () => {
    const queue = await plain.makeQueue(unique("blocked"));
    const target = await plain.makeQueue(unique("blocked-to"));
    const { link, messages, settle } = await sources.consuming(rabbit.url, { queue });
    const publisher = new Publisher({ connection: link.publish, confirmTimeout: 1_500 });
    const to = (content: string) => ({ exchange: "", routingKey: target, content: Buffer.from(content), options: { mandatory: true } });
    await plain.send(queue, ["a", "b", "c"]);
    await waitFor("the messages", () => messages.length === 3);
    await publisher.publish(to("before"));
    await rabbit.block(true);
    let published = false;
    try {
      const publishing = Promise.all([publisher.publish(to("1")), publisher.publish(to("2"))]).then(() => (published = true));
      await waitFor("the block", () => link.publish.state.kind === "blocked");
      assert.equal(link.consume.state.kind, "connected");
      for (const message of messages) settle(message, "accept");
      await waitFor("the acks", async () => (await unacknowledged(queue)) === 0);
      assert.equal(published, false);
      assert.equal(link.publish.state.kind, "blocked");
      await rabbit.block(false);
      await publishing;
      assert.equal(link.publish.state.kind, "connected");
    } finally {
      await rabbit.block(false);
      await publisher.close();
    }
    const stored = [];
    for (let n = 0; n < 3; n += 1) stored.push(text(await plain.get(target)));
    assert.deepEqual(stored, ["before", "1", "2"]);
  });
});
