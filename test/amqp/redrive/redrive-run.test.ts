import assert from "node:assert/strict";
import type { ConsumeMessage } from "amqplib";
import { attemptOf, deadLetterCopy, originOf } from "../../../nodes/amqp/client/consuming/retry-and-dead-letter";
import type { LetterMessage } from "../../../nodes/amqp/redrive/letter-message";
import { systemClock, type Clock } from "../../../nodes/common/clock";
import type { RedriveRunOptions } from "../../../nodes/amqp/redrive/redrive-run";
import { ConnectorError } from "../../../nodes/common/errors";
import { waitFor } from "../../services/wait";
import { CLASSIC, range, RedriveBench, said } from "./redrive-support";
import { text, unique } from "../support";

describe("a redrive run", function () {
  this.timeout(60_000);
  let bench: RedriveBench;

  before(async () => {
    bench = await RedriveBench.open();
  });
  after(() => bench.close());

  /** Without the time, which differs. */
  const headersOf = (message: ConsumeMessage | undefined): object => {
    const { "x-redriven-at": _at, ...headers } = message?.properties.headers ?? {};
    return headers;
  };

  /** A flow in which everything fails for good at once, and how often it saw each. */
  async function failing(queue: string): Promise<{ times: Map<string, number>; close(): Promise<void> }> {
    const times = new Map<string, number>();
    const channel = await bench.reader.createChannel();
    await channel.consume(queue, (message) => {
      if (!message) return;
      times.set(text(message), (times.get(text(message)) ?? 0) + 1);
      const error = new ConnectorError("ROW_REFUSED", "the row breaks a rule");
      const { content, options } = deadLetterCopy(message, `${queue}.dlq`, { error, queue, attempts: 1 });
      channel.sendToQueue(`${queue}.dlq`, content, options);
      channel.ack(message);
    });
    return { times, close: () => channel.close() };
  }

  describe("puts back", () => {
    it("a dead letter as it was, to the queue it failed in: content, properties, headers, origin, first attempt", async () => {
      const queue = await bench.plain.makeQueue(unique("back"));
      const dlq = await bench.plain.makeQueue(`${queue}.dlq`);
      const content = Buffer.from([0, 255, 128, 10, 13, 0]);
      const given = { messageId: "m1", correlationId: "c1", contentType: "application/x-own", priority: 3, timestamp: 1_700_000_000 };
      await bench.die(queue, [content], { properties: { ...given, headers: { mine: "kept", "x-retry-attempt": 4 } }, node: "write (abc)" });

      assert.deepEqual(await bench.redrive(dlq), said({ moved: 1 }));
      const message = await bench.plain.get(queue);
      assert.deepEqual(message.content, content);
      const { messageId, correlationId, contentType, priority, timestamp, deliveryMode, headers } = message.properties;
      assert.deepEqual({ messageId, correlationId, contentType, priority, timestamp }, given);
      assert.equal(deliveryMode, 2);
      const { "x-delivery-count": _ofTheQueue, "x-redriven-at": at, ...kept } = headers ?? {};
      assert.ok(Math.abs(Date.parse(String(at)) - Date.now()) < 60_000);
      assert.deepEqual(kept, { mine: "kept", "x-redriven": 1, "x-original-exchange": "plant", "x-original-routing-key": "line.7" });
      assert.deepEqual(originOf(message), { exchange: "plant", routingKey: "line.7" });
      assert.equal(attemptOf(message), 1);
      assert.equal(await bench.depth(dlq), 0);
    });

    it("several dead letters in their order", async () => {
      const { queue, dlq } = await bench.pair("many");
      await bench.die(queue, range(150));
      assert.deepEqual(await bench.redrive(dlq), said({ moved: 150 }));
      assert.deepEqual(await bench.contents(queue), range(150));
    });

    it("only to the queue it failed in, or to all that had it at first", async () => {
      const { queue, dlq } = await bench.pair("receivers");
      const other = await bench.plain.makeQueue(unique("other"), CLASSIC);
      const exchange = unique("plant");
      await bench.plain.makeExchange(exchange, "fanout");
      for (const receiver of [queue, other]) await bench.plain.bind(receiver, exchange, "");
      await bench.die(queue, ["a"], { exchange });
      assert.deepEqual(await bench.redrive(dlq), said({ moved: 1 }));
      assert.deepEqual([await bench.contents(queue), await bench.contents(other)], [["a"], []]);

      await bench.die(queue, ["b"], { exchange });
      assert.deepEqual(await bench.redrive(dlq, { order: { target: { kind: "exchange" } } }), said({ moved: 1 }));
      const [message] = await bench.drain(queue);
      assert.deepEqual([message?.fields.exchange, message?.fields.routingKey, headersOf(message)], [exchange, "line.7", { "x-redriven": 1 }]);
      assert.deepEqual(await bench.contents(other), ["b"]);
    });

    it("to a given place, each with its own routing key unless one is given", async () => {
      const { queue, dlq } = await bench.pair("given");
      const target = await bench.plain.makeQueue(unique("target"), CLASSIC);
      const exchange = unique("elsewhere");
      await bench.plain.makeExchange(exchange, "topic");
      await bench.plain.bind(target, exchange, "line.7");
      await bench.die(queue, ["a", "b"]);
      assert.deepEqual(await bench.redrive(dlq, { order: { target: { kind: "given", exchange, routingKey: "" }, limit: 1 } }), said({ moved: 1, left: 1 }));
      assert.deepEqual(await bench.redrive(dlq, { order: { target: { kind: "given", exchange: "", routingKey: target } } }), said({ moved: 1 }));
      const [first, second] = await bench.drain(target);
      assert.deepEqual([first && text(first), first && originOf(first)], ["a", { ...first?.fields, exchange, routingKey: "line.7" }]);
      assert.deepEqual([second && text(second), second && originOf(second)], ["b", { exchange: "plant", routingKey: "line.7" }]);
    });

    it("what the broker itself dead-lettered, with its CC when it goes to the exchange again", async () => {
      const dlq = await bench.plain.makeQueue(unique("brokers.dlq"), CLASSIC);
      const queue = await bench.plain.makeQueue(unique("expires"), { ...CLASSIC, "x-message-ttl": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dlq });
      const exchange = unique("plant");
      await bench.plain.makeExchange(exchange, "direct");
      await bench.plain.bind(queue, exchange, "copy");
      await bench.plain.publish(exchange, "line.7", "a", { CC: ["copy"], headers: { mine: 1 } });
      await waitFor("the dead letter", async () => (await bench.depth(dlq)) === 1);
      await bench.plain.deleteQueue(queue);
      await bench.plain.makeQueue(queue, CLASSIC);

      const seen: LetterMessage[] = [];
      await bench.redrive(dlq, { order: { dryRun: true }, show: (message) => seen.push(message) });
      const { failedAt, age, deaths, ...letter } = (seen[0] as LetterMessage).deadLetter;
      const message = `The broker dead-lettered it in queue ${queue}: expired`;
      assert.deepEqual(letter, { code: "expired", message, queue, exchange, routingKey: "line.7", redriven: 0 });
      assert.ok(Math.abs(Date.parse(String(failedAt)) - Date.now()) < 60_000 && Number(age) < 60_000);
      assert.equal(deaths.length, 1);

      await bench.plain.bind(queue, exchange, "copy");
      assert.deepEqual(await bench.redrive(dlq, { order: { target: { kind: "exchange" } } }), said({ moved: 1 }));
      const [back] = await bench.drain(queue);
      assert.deepEqual(headersOf(back), { mine: 1, CC: ["copy"], "x-redriven": 1 });
    });
  });

  describe("takes nothing twice,", () => {
    it("though all fail again at once", async () => {
      const dlq = await bench.plain.makeQueue(unique("again.dlq"), CLASSIC);
      const queue = await bench.plain.makeQueue(unique("fails"), { ...CLASSIC, "x-message-ttl": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dlq });
      await bench.plain.send(queue, range(50));
      await waitFor("the dead letters", async () => (await bench.depth(dlq)) === 50);
      assert.deepEqual(await bench.redrive(dlq), said({ moved: 50 }));
      await waitFor("all to have failed again", async () => (await bench.depth(dlq)) === 50);
      assert.deepEqual(new Set((await bench.drain(dlq)).map(({ properties }) => properties.headers?.["x-redriven"] as number)), new Set([1]));
    });

    for (const setBack of [false, true]) {
      it(`though what fails again comes first, by its priority${setBack ? ", and the clock is set back meanwhile" : ""}`, async () => {
        const queue = await bench.plain.makeQueue(unique("priority"), CLASSIC);
        const dlq = await bench.plain.makeQueue(`${queue}.dlq`, { ...CLASSIC, "x-max-priority": 10 });
        await bench.die(queue, ["urgent"], { properties: { priority: 9 } });
        await bench.die(queue, range(1_000));
        const { times, close } = await failing(queue);
        let looks = 0;
        const now = (): number => Date.now() - (setBack && looks++ > 0 ? 3_600_000 : 0);
        assert.deepEqual(await bench.redrive(dlq, { clock: { ...systemClock, now } }), said({ moved: 1_001 }));
        await waitFor("all to have failed again", async () => (await bench.depth(dlq)) === 1_001);
        await close();
        assert.deepEqual([times.size, Math.max(...times.values())], [1_001, 1]);
      });
    }

    it("though another run is at work on the same dead letters", async () => {
      const { queue, dlq } = await bench.pair("two");
      await bench.die(queue, range(600));
      const { times, close } = await failing(queue);
      const [one, other] = await Promise.all([bench.redrive(dlq), bench.redrive(dlq)]);
      await waitFor("all to have failed again", async () => (await bench.depth(dlq)) === 600);
      await close();
      assert.deepEqual([one.moved + other.moved, one.failed + other.failed, times.size, Math.max(...times.values())], [600, 0, 600, 1]);
    });

    it("but takes what a run before it has put back, and what was put back in the future by a clock that was wrong", async () => {
      const { queue, dlq } = await bench.pair("runs");
      await bench.die(queue, ["a"]);
      const { times, close } = await failing(queue);
      for (const count of [1, 2]) {
        assert.deepEqual(await bench.redrive(dlq), said({ moved: 1 }));
        await waitFor("it to have failed again", () => bench.depth(dlq));
        assert.equal(times.get("a"), count);
      }
      await close();
      await bench.die(queue, ["b"], { properties: { headers: { "x-redriven-at": "2999-01-01T00:00:00.000Z" } } });
      assert.deepEqual(await bench.redrive(dlq), said({ moved: 2 }));
    });
  });

  it("parks what has gone back too often, with its cause, from where it can go back all the same", async () => {
    const { queue, dlq } = await bench.pair("often");
    await bench.die(queue, ["twice"], { properties: { headers: { "x-redriven": 2 } } });
    await bench.die(queue, ["thrice"], { properties: { headers: { "x-redriven": 3 } }, node: "write (abc)" });
    assert.deepEqual(await bench.redrive(dlq), said({ moved: 1, parked: 1 }));
    assert.deepEqual(await bench.contents(queue), ["twice"]);

    const parking = `${dlq}.parking`;
    const seen: LetterMessage[] = [];
    await bench.redrive(parking, { order: { dryRun: true }, show: (message) => seen.push(message) });
    const { code, node, redriven } = (seen[0] as LetterMessage).deadLetter;
    assert.deepEqual({ code, node, redriven }, { code: "ROW_REFUSED", node: "write (abc)", redriven: 3 });
    assert.deepEqual(await bench.redrive(parking, { settings: { maxRedrives: 0 } }), said({ moved: 1 }));
    assert.deepEqual(await bench.contents(queue), ["thrice"]);
  });

  describe("moves only", () => {
    it("those that the filter selects, by payload, cause, age and origin", async () => {
      const { queue, dlq } = await bench.pair("filter");
      await bench.die(queue, ['{"n":1}', '{"n":2}', "not JSON"], { properties: { contentType: "application/json", headers: { h: 1 } } });
      const views: object[] = [];
      const filter: RedriveRunOptions["filter"] = (view) => {
        views.push(view);
        return Promise.resolve((view.payload as { n?: number }).n === 2);
      };
      assert.deepEqual(await bench.redrive(dlq, { filter }), said({ moved: 1, skipped: 2, left: 2 }));
      assert.deepEqual(await bench.contents(queue), ['{"n":2}']);
      assert.deepEqual(await bench.contents(dlq), ['{"n":1}', "not JSON"]);

      const { headers, properties, error, age, ...rest } = views[0] as Record<string, unknown> & { headers: object; error: Record<string, unknown>; properties: object };
      assert.deepEqual(rest, { payload: { n: 1 }, queue, exchange: "plant", routingKey: "line.7", redriven: 0 });
      assert.equal((headers as { h: number }).h, 1);
      assert.deepEqual(properties, { contentType: "application/json", deliveryMode: 2 });
      assert.ok(Math.abs(Date.parse(String(error.at)) - Date.now()) < 60_000 && Number.isInteger(age) && Number(age) < 60_000); // ms, as a look says it
      assert.deepEqual({ ...error, at: "" }, { code: "ROW_REFUSED", message: "the row breaks a rule", node: undefined, attempts: 2, at: "" });
      assert.deepEqual((views[2] as { payload: unknown }).payload, Buffer.from("not JSON"));
    });

    it("what the filter can judge: where it throws, the dead letter stays, and the report says why", async () => {
      const { queue, dlq } = await bench.pair("throws");
      await bench.die(queue, ["1", "2"]);
      const filter: RedriveRunOptions["filter"] = ({ payload }) => {
        if (payload === "1") throw new ConnectorError("INPUT_INVALID", "filter: it makes no sense");
        return true;
      };
      assert.deepEqual(await bench.redrive(dlq, { filter }), said({ moved: 1, skipped: 1, left: 1, errors: ["INPUT_INVALID: filter: it makes no sense"] }));
    });

    it("as many as the limit says, not counting what the filter leaves out", async () => {
      const { queue, dlq } = await bench.pair("limit");
      await bench.die(queue, range(10));
      assert.deepEqual(await bench.redrive(dlq, { order: { limit: 3 }, filter: ({ payload }) => Number(payload) >= 4 }), said({ moved: 3, skipped: 4, left: 7 }));
      assert.deepEqual(await bench.contents(queue), ["4", "5", "6"]);
      assert.deepEqual(await bench.contents(dlq), ["0", "1", "2", "3", "7", "8", "9"]);
    });

    it("as many a second as its rate allows", async () => {
      const { queue, dlq } = await bench.pair("rate");
      await bench.die(queue, range(5));
      let now = 0;
      const slept: number[] = [];
      const clock: Clock = {
        now: () => Date.now() - 3_600_000 * slept.length, // set back again and again
        ticks: () => now,
        sleep: (ms) => {
          slept.push(ms);
          now += ms;
          return Promise.resolve();
        },
      };
      await bench.plain.send(dlq, ["skipped"]);
      const { seconds } = await bench.run(dlq, { settings: { rate: 2 }, filter: ({ payload }) => payload !== "skipped", clock }).run();
      assert.deepEqual(slept, [500, 500, 500, 500]); // what is skipped takes no time
      assert.equal(seconds, 2);
    });
  });

  describe("in a dry run", () => {
    it("shows each dead letter with payload, cause and age, and leaves the queue as it was", async () => {
      const queue = await bench.plain.makeQueue(unique("look"));
      const dlq = await bench.plain.makeQueue(`${queue}.dlq`);
      await bench.die(queue, ['{"n":0}', '{"n":1}', "no JSON"], { properties: { contentType: "application/json", messageId: "m" }, node: "write (abc)" });
      const seen: LetterMessage[] = [];
      const report = await bench.redrive(dlq, { order: { dryRun: true }, show: (message) => seen.push(message) });
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

      await waitFor("all to be back", async () => (await bench.depth(dlq)) === 3); // a quorum queue counts a moment later
      assert.deepEqual(await bench.contents(dlq), ['{"n":0}', '{"n":1}', "no JSON"]);
      assert.equal(await bench.depth(queue), 0);
    });

    it("shows more dead letters than it handles at once, in their order", async () => {
      const { queue, dlq } = await bench.pair("look-at-many");
      await bench.die(queue, range(700));
      const seen: unknown[] = [];
      const report = await bench.redrive(dlq, { order: { dryRun: true }, filter: ({ payload }) => Number(payload) % 2 === 0, show: ({ payload }) => seen.push(payload) });
      assert.deepEqual(report, said({ dryRun: true, found: 350, skipped: 350, left: 700 }));
      assert.deepEqual(seen, range(700).filter((payload) => Number(payload) % 2 === 0));
      assert.deepEqual(await bench.contents(dlq), range(700));
    });

    it("shows no more than the limit, and only those that the filter selects", async () => {
      const { queue, dlq } = await bench.pair("look-some");
      await bench.die(queue, range(6));
      const seen: LetterMessage[] = [];
      const report = await bench.redrive(dlq, { order: { dryRun: true, limit: 2 }, filter: ({ payload }) => payload !== "0", show: (message) => seen.push(message) });
      assert.deepEqual(report, said({ dryRun: true, found: 2, skipped: 1, left: 6 }));
      assert.deepEqual(seen.map(({ payload, parts }) => [payload, parts.count]), [["1", undefined], ["2", 2]]);
      assert.deepEqual(await bench.contents(dlq), range(6));
    });
  });
});
