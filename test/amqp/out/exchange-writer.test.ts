import assert from "node:assert/strict";
import type { Connection } from "../../../nodes/amqp/client/connection/connection";
import { Publisher, type Outgoing } from "../../../nodes/amqp/client/publishing/publisher";
import { ExchangeWriter, type ExchangeWriterOptions, type Sender } from "../../../nodes/amqp/out/exchange-writer";
import type { ConnectorError } from "../../../nodes/common/errors";
import { Sink } from "../../../nodes/delivery/sink/sink";
import type { RabbitMq } from "../../services/rabbitmq";
import { sharedRabbit } from "../../services/shared";
import { pause, waitFor } from "../../services/wait";
import { connectionTo, MutableProxy, Plain, text, unique } from "../support";

describe("a writer to exchanges", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  let connection: Connection;
  let closing: (() => Promise<unknown>)[];

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
  });
  beforeEach(() => {
    ({ connection } = connectionTo(rabbit));
    closing = [];
  });
  afterEach(async () => {
    for (const close of closing) await close();
    await connection.close();
  });
  after(() => plain.close());

  /** A writer behind a sink, and how each message ended, by index. */
  function open(options: Partial<ExchangeWriterOptions<undefined>> = {}): { take(...messages: Outgoing[]): void; outcomes: string[]; all(count: number): Promise<unknown> } {
    const sender = (onDown: () => void): Sender<undefined> => new Publisher({ connection, onDown });
    const writer = new ExchangeWriter<undefined>({ connection, sender, fixedExchange: true, warn: () => undefined, ...options });
    writer.start();
    const sink = new Sink<Outgoing, undefined>({
      batchSize: 1_000,
      concurrency: 64,
      linger: 0,
      warn: () => undefined,
      write: (messages) => writer.write(messages),
      untilReady: (error) => writer.untilReady(error),
    });
    closing.push(() => sink.close(100), () => writer.close());
    const outcomes: string[] = [];
    let taken = 0;
    const take = (...messages: Outgoing[]): void => {
      for (const message of messages) {
        const index = taken++;
        sink.take({}, message, (error) => (outcomes[index] = error ? (error as ConnectorError).code : "ok"), () => undefined);
      }
    };
    return { take, outcomes, all: (count) => waitFor("all to end", () => outcomes.filter(Boolean).length === count) };
  }

  const to = (queue: string, content: string | number, options: Outgoing["options"] = {}): Outgoing => ({
    exchange: "",
    routingKey: queue,
    content: Buffer.from(String(content)),
    options: { persistent: true, mandatory: true, ...options },
  });

  async function contents(queue: string): Promise<string[]> {
    const found: string[] = [];
    for (let { messages } = await plain.count(queue); messages > 0; messages -= 1) found.push(text(await plain.get(queue)));
    return found;
  }

  it("fails only the one message that the broker closes the channel over, and stores the others in order", async () => {
    const queue = await plain.makeQueue(unique("poison"));
    const { take, outcomes, all } = open();
    await waitFor("the channel", () => connection.model);
    take(...Array.from({ length: 30 }, (_, index) => to(queue, index, index === 11 ? { expiration: "soon" } : {})));
    await all(30);
    assert.deepEqual(outcomes, Array.from({ length: 30 }, (_, index) => (index === 11 ? "PUBLISH_REJECTED" : "ok")));
    // what was confirmed on the lost channel comes once, what was not may come twice
    assert.deepEqual([...new Set(await contents(queue))], Array.from({ length: 30 }, (_, index) => String(index)).filter((index) => index !== "11"));
  });

  it("keeps the order over many turns, with several batches on their way", async () => {
    const queue = await plain.makeQueue(unique("order"));
    const { take, all } = open();
    for (let index = 0; index < 200; index += 1) {
      take(to(queue, index));
      if (index % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await all(200);
    assert.deepEqual(await contents(queue), Array.from({ length: 200 }, (_, index) => String(index)));
  });

  it("loses nothing and keeps the order when the connection breaks with several batches on their way", async () => {
    const queue = await plain.makeQueue(unique("cut"));
    const proxy = new MutableProxy(rabbit.port);
    await connection.close();
    ({ connection } = connectionTo(rabbit, { urls: [await proxy.start()] }));
    const { take, all, outcomes } = open();
    await waitFor("the connection", () => connection.model);
    for (let index = 0; index < 400; index += 1) {
      take(to(queue, index));
      if (index % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (index === 250) for (const socket of proxy.sockets) socket.destroy();
    }
    await all(400);
    proxy.stop();
    assert.ok(outcomes.every((outcome) => outcome === "ok"));
    // what was on its way may be there twice, and then in order again
    assert.deepEqual([...new Set(await contents(queue))], Array.from({ length: 400 }, (_, index) => String(index)));
  });

  it("keeps the order of what follows a message whose exchange has to be made first", async () => {
    const [queue, exchange] = [await plain.makeQueue(unique("behind")), unique("new-exchange")];
    await plain.makeExchange(exchange, "fanout"); // as another client did, unknown to the writer
    await plain.bind(queue, exchange, "");
    const { take, all } = open({ declareAs: "fanout", fixedExchange: false });
    take({ ...to("", 1), exchange });
    await new Promise((resolve) => setImmediate(resolve));
    take(to(queue, 2));
    await all(2);
    assert.deepEqual(await contents(queue), ["1", "2"]);
  });

  it("fails a message to a missing exchange alone when each names its own, and holds it when all share it", async () => {
    const [queue, exchange] = [await plain.makeQueue(unique("shared")), unique("missing")];
    const own = open({ fixedExchange: false });
    own.take({ ...to("", 1), exchange }, to(queue, 2));
    await own.all(2);
    assert.deepEqual(own.outcomes, ["EXCHANGE_UNAVAILABLE", "ok"]);
    const shared = open();
    shared.take({ ...to("", 3), exchange });
    await plain.makeExchange(exchange, "fanout");
    await plain.bind(queue, exchange, "");
    await shared.all(1);
    assert.deepEqual(shared.outcomes, ["ok"]);
    assert.deepEqual(await contents(queue), ["2", "3"]);
  });

  it("holds messages while its only queue is full, and stores them when there is room", async () => {
    const queue = await plain.makeQueue(unique("full"), { "x-max-length": 1, "x-overflow": "reject-publish" });
    await plain.send(queue, ["0"]);
    const { take, all, outcomes } = open({ fixedQueue: true });
    take(...[1, 2, 3, 4].map((number) => to(queue, number)));
    await pause(1_000); // longer than messages of their own fault are tried in place
    assert.deepEqual(outcomes, []);
    const found: string[] = [];
    for (let count = 0; count < 5; count += 1) found.push(text(await plain.get(queue)));
    await all(4);
    assert.deepEqual(outcomes, Array<string>(4).fill("ok"));
    assert.deepEqual(found.sort(), ["0", "1", "2", "3", "4"]);
  });

  it("holds messages to its one queue while that is missing", async () => {
    const queue = unique("later");
    const { take, all, outcomes } = open({ fixedQueue: true });
    take(to(queue, 1), to(queue, 2));
    await pause(1_000);
    assert.deepEqual(outcomes, []);
    await plain.makeQueue(queue);
    await all(2);
    assert.deepEqual([outcomes, await contents(queue)], [["ok", "ok"], ["1", "2"]]);
  });

  it("fails only the message that is larger than everything its only queue may hold", async () => {
    const queue = await plain.makeQueue(unique("narrow"), { "x-max-length-bytes": 100, "x-overflow": "reject-publish" });
    const { take, all, outcomes } = open({ fixedQueue: true });
    take(to(queue, 1), to(queue, "x".repeat(200)), to(queue, 3));
    await waitFor("the others", () => outcomes[0] && outcomes[2]);
    assert.deepEqual(await contents(queue), ["1", "3"]);
    await all(3);
    assert.deepEqual(outcomes, ["ok", "PUBLISH_REJECTED", "ok"]);
  });

  it("fails only the message that also goes to other queues, since nobody knows which queue refuses it", async () => {
    const { take, all, outcomes } = open({ fixedQueue: true });
    take(to(unique("missing"), 1, { headers: { CC: [unique("missing too")] } }));
    await all(1);
    assert.deepEqual(outcomes, ["PUBLISH_RETURNED"]);
  });

  it("fails only the messages to queues, when the user has no right to the default exchange", async () => {
    const username = unique("restricted");
    await rabbit.addUser(username, "secret", [".*", "^amq\\.fanout$", ".*"]);
    await connection.close();
    ({ connection } = connectionTo(rabbit, { username, password: "secret" }));
    const queue = await plain.makeQueue(unique("bound"));
    await plain.bind(queue, "amq.fanout", "");
    const { take, all, outcomes } = open({ fixedExchange: false });
    take(to(queue, 1), { ...to("", 2), exchange: "amq.fanout" });
    await all(2);
    assert.deepEqual(outcomes, ["EXCHANGE_UNAVAILABLE", "ok"]);
    await plain.deleteQueue(queue);
  });

  for (const declareAs of [undefined, "topic"]) {
    it(`goes on with the others while one keeps naming an exchange that is not there${declareAs ? " and may not be made" : ""}`, async () => {
      const [queue, missing] = [await plain.makeQueue(unique("others")), unique("missing")];
      const username = unique("worker");
      await rabbit.addUser(username, "secret", ["", ".*", ".*"]);
      await connection.close();
      ({ connection } = connectionTo(rabbit, { username, password: "secret" }));
      let lost = 0;
      const began = performance.now();
      const sender = (onDown: () => void): Sender<undefined> => new Publisher({ connection, onDown: () => ((lost += 1), onDown()) });
      const { take, all, outcomes } = open({ fixedExchange: false, sender, ...(declareAs ? { declareAs } : {}) });
      await waitFor("the connection", () => connection.model);
      for (let index = 0; index < 40; index += 1) {
        take(index % 4 === 1 ? { ...to("", index), exchange: missing } : to(queue, index));
        await pause(10);
      }
      await all(40);
      assert.deepEqual(outcomes, Array.from({ length: 40 }, (_, index) => (index % 4 === 1 ? "EXCHANGE_UNAVAILABLE" : "ok")));
      const times = 4 + (performance.now() - began) / 5_000; // not by each of the ten: some were sent before the first was refused, and after 5 s it is tried again
      assert.ok(lost <= times, `the channel was lost ${lost} times`);
    });
  }
});
