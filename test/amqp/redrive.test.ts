import assert from "node:assert/strict";
import { connect, type ChannelModel, type ConsumeMessage, type Message } from "amqplib";
import { Broker, type BrokerLink } from "../../nodes/amqp/client/broker";
import { attemptOf, deadLetterCopy, originOf, type Failure } from "../../nodes/amqp/client/retry-and-dead-letter";
import { LetterBox } from "../../nodes/amqp/redrive/letter-box";
import type { LetterMessage } from "../../nodes/amqp/redrive/letter-message";
import type { Clock } from "../../nodes/amqp/redrive/pace";
import { RedriveRun, type RedriveOrder, type RedriveRunOptions, type RedriveSettings } from "../../nodes/amqp/redrive/redrive-run";
import type { RedriveReport } from "../../nodes/amqp/redrive/report";
import { ConnectorError } from "../../nodes/common/errors";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { MutableProxy, Plain, quick, text, unique } from "./support";

type Case = Partial<Omit<RedriveRunOptions, "settings" | "order">> & { settings?: Partial<RedriveSettings>; order?: Partial<RedriveOrder> };
type Said = Omit<RedriveReport, "seconds">;

const range = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));
/** Made in a tenth of the time that a quorum queue takes. */
const CLASSIC = { "x-queue-type": "classic" };
const refused = new ConnectorError("ROW_REFUSED", "the row breaks a rule");

describe("a redrive run", function () {
  this.timeout(60_000);
  let rabbit: RabbitMq;
  let plain: Plain;
  let reader: ChannelModel;
  let broker: Broker;
  let link: BrokerLink;
  const user = {};

  before(async () => {
    rabbit = await sharedRabbit();
    plain = await Plain.to(rabbit);
    reader = await connect(rabbit.url, { noDelay: true });
    broker = new Broker({ urls: [rabbit.url], backOff: quick() });
    link = broker.acquire(user);
  });
  after(async () => {
    await broker.release(user);
    await reader.close();
    await plain.close();
  });

  function runOf(queue: string, { settings, order, ...more }: Case = {}): RedriveRun {
    return new RedriveRun({
      link,
      settings: { queue, rate: undefined, maxRedrives: 3, parkingQueue: `${queue}.parking`, format: "auto", ...settings },
      order: { limit: undefined, dryRun: false, target: { kind: "origin" }, ...order },
      warn: () => undefined,
      ...more,
    });
  }

  /** What a run says, but for the time it took. */
  async function redrive(queue: string, what: Case = {}): Promise<Said> {
    const { seconds: _seconds, ...report } = await runOf(queue, what).run();
    return report;
  }

  const said = (more: Partial<Said>): Said => ({ moved: 0, parked: 0, skipped: 0, failed: 0, left: 0, dryRun: false, errors: [], ...more });

  /** A queue and its dead-letter queue. */
  async function pair(name: string, args: object = CLASSIC): Promise<{ queue: string; dlq: string }> {
    const queue = await plain.makeQueue(unique(name), { ...args });
    return { queue, dlq: await plain.makeQueue(`${queue}.dlq`, CLASSIC) };
  }

  /** Dead letters of `queue`, as `amqp in` leaves them. */
  async function die(queue: string, contents: (string | Buffer)[], { properties = {}, ...more }: Partial<Failure & { exchange: string; routingKey: string; properties: object }> = {}): Promise<void> {
    const { exchange = "plant", routingKey = "line.7", ...failure } = more;
    const message = { content: Buffer.alloc(0), fields: { exchange, routingKey }, properties } as unknown as Message;
    const { options } = deadLetterCopy(message, `${queue}.dlq`, { error: refused, queue, attempts: 2, ...failure });
    await plain.send(`${queue}.dlq`, contents, options);
  }

  const depth = async (queue: string): Promise<number> => (await plain.count(queue)).messages;

  /** Takes all that is there. */
  async function drain(queue: string): Promise<ConsumeMessage[]> {
    const count = await depth(queue);
    const found: ConsumeMessage[] = [];
    if (count === 0) return found;
    const channel = await reader.createChannel();
    await channel.consume(queue, (message) => message && found.push(message), { noAck: true });
    await waitFor(`${count} messages in ${queue}`, () => found.length >= count, { interval: 5 });
    await channel.close();
    return found;
  }
  const contents = async (queue: string): Promise<string[]> => (await drain(queue)).map(text);

  describe("puts back", () => {
    it("a dead letter as it was, to the queue it failed in: content, properties, headers, origin, first attempt", async () => {
      const queue = await plain.makeQueue(unique("back"));
      const dlq = await plain.makeQueue(`${queue}.dlq`);
      const content = Buffer.from([0, 255, 128, 10, 13, 0]);
      const given = { messageId: "m1", correlationId: "c1", contentType: "application/x-own", priority: 3, timestamp: 1_700_000_000 };
      await die(queue, [content], { properties: { ...given, headers: { mine: "kept", "x-retry-attempt": 4 } }, node: "write (abc)" });

      assert.deepEqual(await redrive(dlq), said({ moved: 1 }));
      const message = await plain.get(queue);
      assert.deepEqual(message.content, content);
      const { messageId, correlationId, contentType, priority, timestamp, deliveryMode, headers } = message.properties;
      assert.deepEqual({ messageId, correlationId, contentType, priority, timestamp }, given);
      assert.equal(deliveryMode, 2);
      const { "x-delivery-count": _ofTheQueue, ...kept } = headers ?? {};
      assert.deepEqual(kept, { mine: "kept", "x-redriven": 1, "x-original-exchange": "plant", "x-original-routing-key": "line.7" });
      assert.deepEqual(originOf(message), { exchange: "plant", routingKey: "line.7" });
      assert.equal(attemptOf(message), 1);
      assert.equal(await depth(dlq), 0);
    });

    it("many, in their order", async () => {
      const { queue, dlq } = await pair("many");
      await die(queue, range(150));
      assert.deepEqual(await redrive(dlq), said({ moved: 150 }));
      assert.deepEqual(await contents(queue), range(150));
    });

    it("only to the queue it failed in, or to all that had it at first", async () => {
      const { queue, dlq } = await pair("receivers");
      const other = await plain.makeQueue(unique("other"), CLASSIC);
      const exchange = unique("plant");
      await plain.makeExchange(exchange, "fanout");
      for (const receiver of [queue, other]) await plain.bind(receiver, exchange, "");
      await die(queue, ["a"], { exchange });
      assert.deepEqual(await redrive(dlq), said({ moved: 1 }));
      assert.deepEqual([await contents(queue), await contents(other)], [["a"], []]);

      await die(queue, ["b"], { exchange });
      assert.deepEqual(await redrive(dlq, { order: { target: { kind: "exchange" } } }), said({ moved: 1 }));
      const [message] = await drain(queue);
      assert.deepEqual([message?.fields.exchange, message?.fields.routingKey, message?.properties.headers], [exchange, "line.7", { "x-redriven": 1 }]);
      assert.deepEqual(await contents(other), ["b"]);
    });

    it("to a given place, each with its own routing key unless one is given", async () => {
      const { queue, dlq } = await pair("given");
      const target = await plain.makeQueue(unique("target"), CLASSIC);
      const exchange = unique("elsewhere");
      await plain.makeExchange(exchange, "topic");
      await plain.bind(target, exchange, "line.7");
      await die(queue, ["a", "b"]);
      assert.deepEqual(await redrive(dlq, { order: { target: { kind: "given", exchange, routingKey: "" }, limit: 1 } }), said({ moved: 1, left: 1 }));
      assert.deepEqual(await redrive(dlq, { order: { target: { kind: "given", exchange: "", routingKey: target } } }), said({ moved: 1 }));
      const [first, second] = await drain(target);
      assert.deepEqual([first && text(first), first && originOf(first)], ["a", { ...first?.fields, exchange, routingKey: "line.7" }]);
      assert.deepEqual([second && text(second), second && originOf(second)], ["b", { exchange: "plant", routingKey: "line.7" }]);
    });

    it("what the broker itself dead-lettered, with its CC when it goes to the exchange again", async () => {
      const dlq = await plain.makeQueue(unique("brokers.dlq"), CLASSIC);
      const queue = await plain.makeQueue(unique("expires"), { ...CLASSIC, "x-message-ttl": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dlq });
      const exchange = unique("plant");
      await plain.makeExchange(exchange, "direct");
      await plain.bind(queue, exchange, "copy");
      await plain.publish(exchange, "line.7", "a", { CC: ["copy"], headers: { mine: 1 } });
      await waitFor("the dead letter", async () => (await depth(dlq)) === 1);
      await plain.deleteQueue(queue);
      await plain.makeQueue(queue, CLASSIC);

      const seen: LetterMessage[] = [];
      await redrive(dlq, { order: { dryRun: true }, show: (message) => seen.push(message) });
      const { failedAt, age, deaths, ...letter } = (seen[0] as LetterMessage).deadLetter;
      const message = `The broker dead-lettered it in queue ${queue}: expired`;
      assert.deepEqual(letter, { code: "expired", message, queue, exchange, routingKey: "line.7", redriven: 0 });
      assert.ok(Math.abs(Date.parse(String(failedAt)) - Date.now()) < 60_000 && Number(age) < 60_000);
      assert.equal(deaths.length, 1);

      await plain.bind(queue, exchange, "copy");
      assert.deepEqual(await redrive(dlq, { order: { target: { kind: "exchange" } } }), said({ moved: 1 }));
      const [back] = await drain(queue);
      assert.deepEqual(back?.properties.headers, { mine: 1, CC: ["copy"], "x-redriven": 1 });
    });
  });

  it("takes none twice, though all fail again at once", async () => {
    const dlq = await plain.makeQueue(unique("again.dlq"), CLASSIC);
    const queue = await plain.makeQueue(unique("fails"), { ...CLASSIC, "x-message-ttl": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dlq });
    await plain.send(queue, range(50));
    await waitFor("the dead letters", async () => (await depth(dlq)) === 50);
    assert.deepEqual(await redrive(dlq), said({ moved: 50 }));
    await waitFor("all to have failed again", async () => (await depth(dlq)) === 50);
    assert.deepEqual(new Set((await drain(dlq)).map(({ properties }) => properties.headers?.["x-redriven"] as number)), new Set([1]));
  });

  it("parks what has gone back too often, with its cause, from where it can go back all the same", async () => {
    const { queue, dlq } = await pair("often");
    await die(queue, ["twice"], { properties: { headers: { "x-redriven": 2 } } });
    await die(queue, ["thrice"], { properties: { headers: { "x-redriven": 3 } }, node: "write (abc)" });
    assert.deepEqual(await redrive(dlq), said({ moved: 1, parked: 1 }));
    assert.deepEqual(await contents(queue), ["twice"]);

    const parking = `${dlq}.parking`;
    const seen: LetterMessage[] = [];
    await redrive(parking, { order: { dryRun: true }, show: (message) => seen.push(message) });
    const { code, node, redriven } = (seen[0] as LetterMessage).deadLetter;
    assert.deepEqual({ code, node, redriven }, { code: "ROW_REFUSED", node: "write (abc)", redriven: 3 });
    assert.deepEqual(await redrive(parking, { settings: { maxRedrives: 0 } }), said({ moved: 1 }));
    assert.deepEqual(await contents(queue), ["thrice"]);
  });

  describe("moves only", () => {
    it("what the filter means, by payload, cause, age and origin", async () => {
      const { queue, dlq } = await pair("filter");
      await die(queue, ['{"n":1}', '{"n":2}', "not JSON"], { properties: { contentType: "application/json", headers: { h: 1 } } });
      const views: object[] = [];
      const filter: RedriveRunOptions["filter"] = (view) => {
        views.push(view);
        return Promise.resolve((view.payload as { n?: number }).n === 2);
      };
      assert.deepEqual(await redrive(dlq, { filter }), said({ moved: 1, skipped: 2, left: 2 }));
      assert.deepEqual(await contents(queue), ['{"n":2}']);
      assert.deepEqual(await contents(dlq), ['{"n":1}', "not JSON"]);

      const { headers, properties, error, age, ...rest } = views[0] as Record<string, unknown> & { headers: object; error: Record<string, unknown>; properties: object };
      assert.deepEqual(rest, { payload: { n: 1 }, queue, exchange: "plant", routingKey: "line.7", redriven: 0 });
      assert.equal((headers as { h: number }).h, 1);
      assert.deepEqual(properties, { contentType: "application/json", deliveryMode: 2 });
      assert.ok(Math.abs(Date.parse(String(error.at)) - Date.now()) < 60_000 && Number(age) >= 0 && Number(age) < 60);
      assert.deepEqual({ ...error, at: "" }, { code: "ROW_REFUSED", message: "the row breaks a rule", node: undefined, attempts: 2, at: "" });
      assert.deepEqual((views[2] as { payload: unknown }).payload, Buffer.from("not JSON"));
    });

    it("what the filter can judge: where it throws, the dead letter stays, and the report says why", async () => {
      const { queue, dlq } = await pair("throws");
      await die(queue, ["1", "2"]);
      const filter: RedriveRunOptions["filter"] = ({ payload }) => {
        if (payload === "1") throw new ConnectorError("INPUT_INVALID", "filter: it makes no sense");
        return true;
      };
      assert.deepEqual(await redrive(dlq, { filter }), said({ moved: 1, skipped: 1, left: 1, errors: ["INPUT_INVALID: filter: it makes no sense"] }));
    });

    it("as many as the limit says, not counting what the filter leaves out", async () => {
      const { queue, dlq } = await pair("limit");
      await die(queue, range(10));
      assert.deepEqual(await redrive(dlq, { order: { limit: 3 }, filter: ({ payload }) => Number(payload) >= 4 }), said({ moved: 3, skipped: 4, left: 7 }));
      assert.deepEqual(await contents(queue), ["4", "5", "6"]);
      assert.deepEqual(await contents(dlq), ["0", "1", "2", "3", "7", "8", "9"]);
    });

    it("so many a second", async () => {
      const { queue, dlq } = await pair("rate");
      await die(queue, range(5));
      let now = Date.now();
      const slept: number[] = [];
      const clock: Clock = {
        now: () => now,
        sleep: (ms) => {
          slept.push(ms);
          now += ms;
          return Promise.resolve();
        },
      };
      await plain.send(dlq, ["skipped"]);
      const { seconds } = await runOf(dlq, { settings: { rate: 2 }, filter: ({ payload }) => payload !== "skipped", clock }).run();
      assert.deepEqual(slept, [500, 500, 500, 500]); // what is skipped takes no time
      assert.equal(seconds, 2);
    });
  });

  describe("in a dry run", () => {
    it("shows each dead letter with payload, cause and age, and leaves the queue as it was", async () => {
      const queue = await plain.makeQueue(unique("look"));
      const dlq = await plain.makeQueue(`${queue}.dlq`);
      await die(queue, ['{"n":0}', '{"n":1}', "no JSON"], { properties: { contentType: "application/json", messageId: "m" }, node: "write (abc)" });
      const seen: LetterMessage[] = [];
      const report = await redrive(dlq, { order: { dryRun: true }, show: (message) => seen.push(message) });
      assert.deepEqual(report, said({ dryRun: true, found: 3, left: 3 }));

      const { deadLetter, amqp, parts, ...rest } = seen[1] as LetterMessage;
      assert.deepEqual(rest, { payload: { n: 1 }, topic: "line.7" });
      const { failedAt, age, ...letter } = deadLetter;
      assert.deepEqual(letter, { code: "ROW_REFUSED", message: "the row breaks a rule", node: "write (abc)", attempts: 2, queue, exchange: "plant", routingKey: "line.7", redriven: 0, deaths: [] });
      assert.ok(Math.abs(Date.now() - Number(age) - Date.parse(String(failedAt))) < 10_000);
      assert.deepEqual(amqp.properties, { contentType: "application/json", messageId: "m", deliveryMode: 2 });
      assert.equal(amqp.headers["x-error-code"], "ROW_REFUSED");
      assert.deepEqual(parts, { id: parts.id, type: "array", index: 1 });
      assert.deepEqual(seen.map((message) => [message.parts.id === parts.id, message.parts.index, message.parts.count]), [[true, 0, undefined], [true, 1, undefined], [true, 2, 3]]);
      assert.deepEqual(seen[2]?.payload, Buffer.from("no JSON"));

      await waitFor("all to be back", async () => (await depth(dlq)) === 3); // a quorum queue counts a moment later
      assert.deepEqual(await contents(dlq), ['{"n":0}', '{"n":1}', "no JSON"]);
      assert.equal(await depth(queue), 0);
    });

    it("shows more than it has on the way at once, in their order", async () => {
      const { queue, dlq } = await pair("look-at-many");
      await die(queue, range(700));
      const seen: unknown[] = [];
      const report = await redrive(dlq, { order: { dryRun: true }, filter: ({ payload }) => Number(payload) % 2 === 0, show: ({ payload }) => seen.push(payload) });
      assert.deepEqual(report, said({ dryRun: true, found: 350, skipped: 350, left: 700 }));
      assert.deepEqual(seen, range(700).filter((payload) => Number(payload) % 2 === 0));
      assert.deepEqual(await contents(dlq), range(700));
    });

    it("shows no more than the limit, and only what the filter means", async () => {
      const { queue, dlq } = await pair("look-some");
      await die(queue, range(6));
      const seen: LetterMessage[] = [];
      const report = await redrive(dlq, { order: { dryRun: true, limit: 2 }, filter: ({ payload }) => payload !== "0", show: (message) => seen.push(message) });
      assert.deepEqual(report, said({ dryRun: true, found: 2, skipped: 1, left: 6 }));
      assert.deepEqual(seen.map(({ payload, parts }) => [payload, parts.count]), [["1", undefined], ["2", 2]]);
      assert.deepEqual(await contents(dlq), range(6));
    });
  });

  describe("leaves, and says why", () => {
    it("what has nowhere to go back to", async () => {
      const { queue, dlq } = await pair("nowhere");
      const gone = unique("gone");
      await die(queue, ["a", "b", "c"]);
      await plain.send(dlq, ["by hand"]);
      await die(queue, ["gone"], { queue: gone });
      await die(queue, ["d"]);
      const { errors, ...report } = await redrive(dlq);
      assert.deepEqual({ ...report, errors: [] }, said({ moved: 4, failed: 2, left: 2 }));
      assert.match(String(errors[0]), /^INPUT_INVALID: The dead letter does not say which queue it failed in/);
      assert.match(String(errors[1]), new RegExp(`^PUBLISH_RETURNED: No queue took the message to queue ${gone}`));
      assert.deepEqual(await contents(queue), ["a", "b", "c", "d"]);
      assert.deepEqual(await contents(dlq), ["by hand", "gone"]);
    });

    it("what came from an exchange that is not there any more; the others go", async () => {
      const { queue, dlq } = await pair("no-exchange");
      const missing = unique("missing");
      for (const exchange of ["amq.direct", missing, "amq.direct"]) await die(queue, [exchange], { exchange });
      await plain.bind(queue, "amq.direct", "line.7");
      const { errors, ...report } = await redrive(dlq, { order: { target: { kind: "exchange" } } });
      assert.deepEqual({ ...report, errors: [] }, said({ moved: 2, failed: 1, left: 1 }));
      assert.match(String(errors), new RegExp(`^EXCHANGE_UNAVAILABLE: .*no exchange '${missing}'`));
      assert.deepEqual(await contents(dlq), [missing]);
    });

    it("the rest, when so many stay that it can hold no more", async () => {
      const { queue, dlq } = await pair("held");
      await die(queue, range(8));
      const report = await redrive(dlq, { filter: () => false, mostHeld: 5 });
      assert.deepEqual(report, said({ skipped: 5, left: 8, errors: ["The run has held 5 dead letters that stay, and ended before it had seen all"] }));
      assert.equal(await depth(dlq), 8);
    });

    it("the rest, before the broker takes the channel away from who holds a message too long", async () => {
      const { queue, dlq } = await pair("held-long");
      await die(queue, range(6));
      let now = Date.now();
      const clock: Clock = { now: () => now, sleep: (ms) => Promise.resolve(void (now += ms)) };
      const report = await redrive(dlq, { filter: ({ payload }) => payload !== "0", settings: { rate: 1 / 900 }, clock });
      assert.deepEqual(report, said({ moved: 3, skipped: 1, left: 3, errors: ["The run has held dead letters that stay for 25 minutes, and ended before it had seen all"] }));
    });
  });

  describe("ends early", () => {
    const fails = (run: RedriveRun): Promise<ConnectorError> => run.run().then(() => assert.fail("the run did not fail"), (error: unknown) => error as ConnectorError);

    it("when there is no such queue", async () => {
      const error = await fails(runOf(unique("missing")));
      assert.deepEqual([error.code, error.scope], ["QUEUE_UNAVAILABLE", "system"]);
      assert.match(error.message, /no queue 'amqp-test/);
    });

    it("at once when the broker refuses the password", async () => {
      const strange = new Broker({ urls: [rabbit.url], username: "guest", password: "wrong" });
      const error = await fails(runOf("any", { link: strange.acquire(user) }));
      await strange.release(user);
      assert.equal(error.code, "BROKER_REFUSED");
    }).timeout(5_000);

    it("when the queue is a stream, and nobody else notices", async () => {
      const down: unknown[] = [];
      const unsubscribe = link.consume.subscribe({ down: (error) => down.push(error) });
      const stream = await plain.makeQueue(unique("stream"), { "x-queue-type": "stream" });
      await plain.send(stream, ["a"]);
      const error = await fails(runOf(stream));
      unsubscribe();
      assert.equal(error.code, "QUEUE_UNAVAILABLE");
      assert.match(error.message, /is a stream/);
      assert.deepEqual(down, []);
    });

    it("when the exchange that all were to go to is not there", async () => {
      const { queue, dlq } = await pair("no-target");
      await die(queue, ["a"]);
      const error = await fails(runOf(dlq, { order: { target: { kind: "given", exchange: unique("missing"), routingKey: "" } } }));
      assert.deepEqual([error.code, error.scope, error.details.left], ["EXCHANGE_UNAVAILABLE", "system", 1]);
      assert.deepEqual(await contents(dlq), ["a"]);
    });

    it("when it is stopped: what is published is confirmed, the rest goes back", async () => {
      const { queue, dlq } = await pair("stopped");
      await plain.send(dlq, range(500), { headers: { "x-original-queue": queue } });
      const run: RedriveRun = runOf(dlq, { onProgress: (done) => void (done === 100 && run.stop()) });
      const error = await fails(run);
      assert.deepEqual([error.code, error.scope], ["FLOW_STOPPED", "system"]);
      const { moved, left } = error.details as unknown as RedriveReport;
      assert.ok(moved >= 100 && moved < 500, `${moved} moved`);
      assert.equal(moved + left, 500);
      assert.deepEqual(await contents(queue), range(500).slice(0, moved));
      assert.deepEqual(await contents(dlq), range(500).slice(moved));
    });

    it("when its connection is cut, and has lost nothing", async () => {
      const { queue, dlq } = await pair("cut");
      await plain.send(dlq, range(150), { headers: { "x-original-queue": queue } });
      const proxy = new MutableProxy(rabbit.port);
      const cut = new Broker({ urls: [await proxy.start()], backOff: quick() });
      try {
        const progress = (done: number): void => void (done === 50 && proxy.stop());
        const error = await fails(runOf(dlq, { link: cut.acquire(user), onProgress: progress }));
        assert.equal(error.scope, "system");
        const { moved, left } = error.details as unknown as RedriveReport;
        assert.ok(moved >= 50 && moved < 150, `${moved} moved`);
        assert.equal(moved + left, 150);
      } finally {
        await cut.release(user);
        proxy.stop();
      }
      const found = new Set<string>();
      await waitFor("all", async () => {
        await redrive(dlq); // what the broker has taken back by now
        for (const content of await contents(queue)) found.add(content);
        return found.size === 150;
      });
      assert.equal(await depth(dlq), 0);
    });
  });

  describe("a queue that others take from as well", () => {
    const open = async (queue: string): Promise<LetterBox> => {
      const box = new LetterBox({ connection: link.consume, queue, ahead: 10, onLost: () => undefined, stallAfter: 500 });
      await box.open(5_000);
      return box;
    };

    it("is empty when they have the rest", async () => {
      const { dlq } = await pair("shared");
      await plain.send(dlq, ["theirs", "ours"]);
      const box = await open(dlq);
      assert.equal(text(await plain.get(dlq)), "theirs");
      const message = await box.take();
      assert.equal(message && text(message), "ours");
      assert.equal(await box.take(), undefined);
      await box.close();
      assert.deepEqual(await contents(dlq), ["ours"]);
    });

    it("is no queue of ours while a single active consumer has it, and one afterwards", async () => {
      const { queue, dlq } = await pair("single");
      const single = await plain.makeQueue(unique("single"), { "x-queue-type": "quorum", "x-single-active-consumer": true });
      const other = await reader.createChannel();
      await other.prefetch(1);
      await other.consume(single, () => undefined);
      await die(queue, ["a", "b"]);
      await redrive(dlq, { order: { target: { kind: "given", exchange: "", routingKey: single } } });
      const box = await open(single);
      await assert.rejects(box.take(), { code: "QUEUE_UNAVAILABLE", message: /another consumer has it/ });
      await box.close();
      await other.close();
      assert.deepEqual(await redrive(single, { order: { target: { kind: "given", exchange: "", routingKey: queue } } }), said({ moved: 2 }));
      assert.deepEqual(await contents(queue), ["a", "b"]);
    });
  });
});
