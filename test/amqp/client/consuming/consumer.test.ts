import assert from "node:assert/strict";
import { BackOff } from "../../../../nodes/common/back-off";
import type { Connection } from "../../../../nodes/amqp/client/connection/connection";
import { Consumer } from "../../../../nodes/amqp/client/consuming/consumer";
import type { ConsumerOptions, ConsumerState } from "../../../../nodes/amqp/client/consuming/consumer-options";
import type { Taken } from "../../../../nodes/amqp/client/consuming/taking-channel";
import type { RabbitMq } from "../../../services/rabbitmq";
import { sharedRabbit } from "../../../services/shared";
import { pause, waitFor } from "../../../services/wait";
import { AFTER_RESTART, connectionTo, MutableProxy, Plain, range, SlowLine, text, unique } from "../../support";

describe("a consumer", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  let connection: Connection;
  const open: Consumer[] = [];

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  beforeEach(() => {
    ({ connection } = connectionTo(rabbit));
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((consumer) => consumer.close()));
    await connection.close();
  });
  after(() => plain.close());

  function consume(queue: string, more: Partial<ConsumerOptions> = {}): { consumer: Consumer; taken: Taken[]; states: ConsumerState[]; lost: () => number } {
    const taken: Taken[] = [];
    const states: ConsumerState[] = [];
    let lost = 0;
    const consumer = new Consumer({
      connection,
      queue,
      prefetch: 400,
      tag: "test",
      onMessage: (message) => taken.push(message),
      onLost: () => (lost += 1),
      onState: (state) => states.push(state),
      queueBackOff: new BackOff({ initial: 300, max: 300 }),
      ...more,
    });
    open.push(consumer);
    consumer.start();
    return { consumer, taken, states, lost: () => lost };
  }

  const ack = ({ message, window }: Taken): void => window.ack(message.fields.deliveryTag);

  it("takes messages in order and acknowledges them for good", async () => {
    const queue = await plain.makeQueue(unique("order"));
    await plain.send(queue, range(1_000));
    const { consumer, taken } = consume(queue, { onMessage: (message) => (taken.push(message), ack(message)) });
    await waitFor("all", () => taken.length === 1_000);
    assert.deepEqual(taken.map(({ message }) => text(message)), range(1_000));
    await consumer.close();
    await waitFor("the consumer to be gone", async () => (await plain.count(queue)).consumers === 0);
    assert.equal((await plain.count(queue)).messages, 0);
  });

  it("takes no more than the prefetch while nothing is acknowledged", async () => {
    const queue = await plain.makeQueue(unique("prefetch"));
    await plain.send(queue, range(50));
    const { taken, consumer } = consume(queue, { prefetch: 10 });
    await waitFor("ten", () => taken.length === 10);
    await consumer.stop();
    assert.equal(taken.length, 10);
    assert.equal(consumer.outstanding, 10);
  });

  it("holds no more large messages than fit, and keeps their order", async () => {
    const queue = await plain.makeQueue(unique("heavy"), { "x-queue-type": "classic" });
    const size = 100_000;
    await plain.send(queue, range(60).map((name) => Buffer.from(name.padEnd(size))));
    const done: string[] = [];
    let most = 0;
    let told = 0;
    const { consumer, taken, lost } = consume(queue, { prefetch: 60, mostBytes: 8 * size, onLarge: () => (told += 1) });
    await waitFor("too many", () => told > 0);
    while (done.length < 60) {
      await waitFor("some in hand", () => taken.length > 0);
      await pause(5); // whatever else comes
      most = Math.max(most, taken.length);
      for (const each of taken.splice(0, 3)) {
        ack(each);
        done.push(text(each.message).trim());
      }
    }
    assert.deepEqual(done, range(60));
    assert.ok(most <= 8, `${most} at once`);
    assert.ok(most >= 4, `no more than ${most} at once`);
    assert.deepEqual([lost(), told], [0, 1]);
    await consumer.close();
    assert.equal((await plain.count(queue)).messages, 0);
  });

  it("takes one that is larger than what may be in hand, alone", async () => {
    const queue = await plain.makeQueue(unique("heaviest"), { "x-queue-type": "classic" });
    await plain.send(queue, ["one", "two", "three"].map((name) => Buffer.from(name.padEnd(100_000))));
    const { taken } = consume(queue, { mostBytes: 50_000 });
    for (const name of ["one", "two", "three"]) {
      await waitFor(name, () => taken.length === 1);
      const [each] = taken.splice(0) as [Taken];
      assert.equal(text(each.message).trim(), name);
      ack(each);
    }
  });

  it("goes on after a pause with large ones in hand that fit, because a Join may wait for the next one", async () => {
    const queue = await plain.makeQueue(unique("gathered"), { "x-queue-type": "classic" });
    const large = (count: number): Buffer[] => range(count).map((name) => Buffer.from(name.padEnd(100_000)));
    await plain.send(queue, large(6));
    const { consumer, taken, states } = consume(queue, { mostBytes: 800_000 });
    await waitFor("six", () => taken.length === 6);
    consumer.pause();
    await waitFor("the pause", () => states.at(-1)?.kind === "paused");
    consumer.resume();
    await plain.send(queue, large(2));
    await waitFor("the others", () => taken.length === 8);
  });

  it("takes as many at once as before when the large ones have passed", async () => {
    const queue = await plain.makeQueue(unique("passed"), { "x-queue-type": "classic" });
    await plain.send(queue, [...range(20).map((name) => Buffer.from(name.padEnd(100_000))), ...range(1_100)]);
    let told = 0;
    let passing = false;
    const onMessage = (each: Taken): void => void (passing ? ack(each) : held.push(each));
    const held: Taken[] = [];
    const { consumer, states } = consume(queue, { prefetch: 50, mostBytes: 800_000, onLarge: () => (told += 1), onMessage });
    await waitFor("too many", () => told > 0);
    passing = true;
    held.forEach(ack);
    await waitFor("all", async () => (await plain.count(queue)).messages === 0 && consumer.outstanding === 0);
    passing = false;
    await plain.send(queue, range(60));
    await waitFor("as many as before", () => consumer.outstanding === 50);
    assert.ok(states.every(({ kind }) => kind !== "waiting"));
  });

  it("gives back what is open when it closes", async () => {
    const queue = await plain.makeQueue(unique("give-back"));
    await plain.send(queue, range(20));
    const { taken, consumer } = consume(queue);
    await waitFor("all", () => taken.length === 20);
    taken.slice(0, 5).forEach(ack);
    await consumer.close();
    await waitFor("fifteen", async () => (await plain.count(queue)).messages === 15);
  });

  it("pauses behind large messages on a slow connection without losing messages", async () => {
    const queue = await plain.makeQueue(unique("large"), { "x-queue-type": "classic" });
    await plain.send(queue, Array.from({ length: 12 }, () => Buffer.alloc(2_000_000)));
    const line = new SlowLine(rabbit.port, 8_000, true);
    const slow = connectionTo(rabbit, { urls: [await line.start()] }).connection;
    try {
      const { consumer, taken, states, lost } = consume(queue, { connection: slow, answerTimeout: 1_000 });
      await waitFor("the first", () => taken.length > 0);
      consumer.pause();
      await waitFor("the pause", () => states.at(-1)?.kind === "paused");
      assert.equal(lost(), 0);
      assert.equal(consumer.outstanding, taken.length);
      await consumer.close();
    } finally {
      await slow.close();
      line.stop();
    }
  });

  it("pauses and resumes on the same channel", async () => {
    const queue = await plain.makeQueue(unique("pause"));
    const { taken, consumer, states } = consume(queue);
    await waitFor("the consumer", () => states.some(({ kind }) => kind === "consuming"));
    consumer.pause();
    consumer.resume();
    consumer.pause();
    await waitFor("the pause", async () => states.at(-1)?.kind === "paused" && (await plain.count(queue)).consumers === 0);
    await plain.send(queue, ["late"]);
    assert.equal(taken.length, 0);
    consumer.resume();
    await waitFor("the message", () => taken.length === 1);
    assert.equal(taken[0]?.message.fields.deliveryTag, 1);
  });

  it("takes no more than the prefetch when it goes on after a pause, though the broker counts anew for each consumer", async () => {
    const queue = await plain.makeQueue(unique("pauses"));
    await plain.send(queue, range(50));
    const { taken, consumer, states } = consume(queue, { prefetch: 5 });
    await waitFor("five", () => taken.length === 5);
    consumer.pause();
    await waitFor("the pause", () => states.at(-1)?.kind === "paused");
    consumer.resume();
    await pause(300); // five more would be here by then
    assert.deepEqual([taken.length, consumer.outstanding], [5, 5]);
    taken.forEach(ack);
    await waitFor("five more", () => taken.length === 10);
    assert.equal(states.at(-1)?.kind, "consuming");
  });

  it("allows more time for many preparations than for one request", async () => {
    const queue = await plain.makeQueue(unique("slow"));
    const { states } = consume(queue, { answerTimeout: 1_500, preparation: 30_000, prepare: () => pause(2_500) });
    await waitFor("the consumer", () => states.at(-1)?.kind === "consuming");
    assert.deepEqual(states.map(({ kind }) => kind), ["starting", "consuming"]);
  });

  it("opens a new channel if the broker does not answer its request to go on", async () => {
    const queue = await plain.makeQueue(unique("unanswered"));
    const proxy = new MutableProxy(rabbit.port);
    const { connection: proxied } = connectionTo(rabbit, { urls: [await proxy.start()] });
    try {
      const { consumer, taken, states } = consume(queue, { connection: proxied, answerTimeout: 2_000 });
      await waitFor("the consumer", () => states.at(-1)?.kind === "consuming");
      consumer.pause();
      await waitFor("the pause", () => states.at(-1)?.kind === "paused");
      proxy.mute = true;
      consumer.resume();
      await waitFor("the wish to be lost", () => proxy.swallowed > 0);
      proxy.mute = false;
      await plain.send(queue, ["late"]);
      await waitFor("the message", () => taken.length === 1);
      taken.forEach(ack);
      await consumer.close();
    } finally {
      await proxied.close();
      proxy.stop();
    }
  });

  it("consumes again by itself after the broker was killed with 200 unacknowledged, and sends no stale ack", async function () {
    this.timeout(240_000);
    const queue = await plain.makeQueue(unique("kill"));
    await plain.send(queue, range(200));
    const { taken, lost, states } = consume(queue);
    await waitFor("200", () => taken.length === 200);
    await rabbit.writeDown();
    await rabbit.kill();
    await waitFor("the loss", () => lost() === 1);
    const before = taken.splice(0);
    before.forEach(ack); // settled too late: these tags mean nothing to the next channel
    await rabbit.start();
    await plain.again();
    await waitFor("200 once more", () => taken.length === 200, AFTER_RESTART);
    before.forEach(ack);
    assert.deepEqual(new Set(taken.map(({ message }) => text(message))), new Set(range(200)));
    taken.forEach(ack);
    await waitFor("an empty queue", async () => (await rabbit.listQueues(queue)).find(({ name }) => name === queue)?.messages === 0);
    assert.equal(states.at(-1)?.kind, "consuming"); // a stale ack would have cost the channel
    assert.equal(lost(), 1);
  });

  it("replaces its channel though the message that asks for that came before the channel was ready, and takes nothing more on it", async () => {
    const queue = await plain.makeQueue(unique("renewed"));
    await plain.send(queue, range(20));
    const { consumer, taken } = consume(queue, {
      onMessage: (message) => {
        taken.push(message);
        if (taken.length === 1) consumer.renew();
      },
    });
    await waitFor("all on the next channel", () => taken.length === 21);
    assert.deepEqual(taken.slice(1).map(({ message }) => text(message)).sort(), range(20).sort());
    assert.deepEqual([...new Set(taken.slice(1).map(({ window }) => window.closed))], [false]);
  });

  it("goes on when its queue is deleted and made again", async () => {
    const queue = await plain.makeQueue(unique("deleted"));
    const { taken, states, lost } = consume(queue);
    await waitFor("the consumer", () => states.at(-1)?.kind === "consuming");
    await plain.deleteQueue(queue);
    const state = await waitFor("the wait", () => states.find((each) => each.kind === "waiting" && each.error.code === "QUEUE_UNAVAILABLE" && each.delay));
    assert.match(state.kind === "waiting" ? state.error.message : "", new RegExp(`no queue '${queue}'`));
    await plain.makeQueue(queue);
    await plain.send(queue, ["again"]);
    await waitFor("the message", () => taken.length === 1);
    assert.ok(lost() >= 1);
  });

  it("waits for a queue that does not exist yet, and says so", async () => {
    const queue = unique("missing");
    const { taken, states } = consume(queue);
    await waitFor("the state", () => states.some((state) => state.kind === "waiting" && state.error.code === "QUEUE_UNAVAILABLE"));
    await plain.makeQueue(queue);
    await plain.send(queue, ["at last"]);
    await waitFor("the message", () => taken.length === 1);
  });

  it("is not affected by the channel error of another consumer on the same connection", async () => {
    const queue = await plain.makeQueue(unique("neighbour"));
    const good = consume(queue);
    const bad = consume(unique("not-there"));
    await waitFor("the error", () => bad.states.filter(({ kind }) => kind === "waiting").length >= 2);
    await plain.send(queue, ["fine"]);
    await waitFor("the message", () => good.taken.length === 1);
    assert.equal(good.lost(), 0);
    assert.deepEqual(good.states.map(({ kind }) => kind), ["starting", "consuming"]);
  });

  it("survives a handler that throws, and gives that message back", async () => {
    const queue = await plain.makeQueue(unique("throws"));
    await plain.send(queue, ["one"]);
    let calls = 0;
    const { lost } = consume(queue, {
      onMessage: (message) => {
        calls += 1;
        if (calls === 1) throw new Error("a fault of ours");
        ack(message);
      },
    });
    await waitFor("the second time", () => calls === 2);
    assert.equal(lost(), 0);
  });
});
