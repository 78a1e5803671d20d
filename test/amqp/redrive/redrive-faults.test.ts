import assert from "node:assert/strict";
import { Broker } from "../../../nodes/amqp/client/broker";
import { LetterBox } from "../../../nodes/amqp/redrive/letter-box";
import type { Clock } from "../../../nodes/common/clock";
import type { RedriveRun } from "../../../nodes/amqp/redrive/redrive-run";
import type { RedriveReport } from "../../../nodes/amqp/redrive/report";
import { waitFor } from "../../services/wait";
import { failureOf, range, RedriveBench, said } from "./redrive-support";
import { MutableProxy, quick, text, unique } from "../support";

describe("a redrive run", function () {
  this.timeout(60_000);
  let bench: RedriveBench;

  before(async () => {
    bench = await RedriveBench.open();
  });
  after(() => bench.close());

  describe("leaves, and says why,", () => {
    it("dead letters without a queue to go back to", async () => {
      const { queue, dlq } = await bench.pair("nowhere");
      const gone = unique("gone");
      await bench.die(queue, ["a", "b", "c"]);
      await bench.plain.send(dlq, ["by hand"]);
      await bench.die(queue, ["gone"], { queue: gone });
      await bench.die(queue, ["d"]);
      const { errors, ...report } = await bench.redrive(dlq);
      assert.deepEqual({ ...report, errors: [] }, said({ moved: 4, failed: 2, left: 2 }));
      assert.match(String(errors[0]), /^INPUT_INVALID: The dead letter does not say which queue it failed in/);
      assert.match(String(errors[1]), new RegExp(`^PUBLISH_RETURNED: No queue took the message to queue ${gone}`));
      assert.deepEqual(await bench.contents(queue), ["a", "b", "c", "d"]);
      assert.deepEqual(await bench.contents(dlq), ["by hand", "gone"]);
    });

    it("dead letters from an exchange that no longer exists, while the others are moved", async () => {
      const { queue, dlq } = await bench.pair("no-exchange");
      const missing = unique("missing");
      for (const exchange of ["amq.direct", missing, "amq.direct"]) await bench.die(queue, [exchange], { exchange });
      await bench.plain.bind(queue, "amq.direct", "line.7");
      const { errors, ...report } = await bench.redrive(dlq, { order: { target: { kind: "exchange" } } });
      assert.deepEqual({ ...report, errors: [] }, said({ moved: 2, failed: 1, left: 1 }));
      assert.match(String(errors), new RegExp(`^EXCHANGE_UNAVAILABLE: .*no exchange '${missing}'`));
      assert.deepEqual(await bench.contents(dlq), [missing]);
    });

    it("the rest, when so many stay that it can hold no more", async () => {
      const { queue, dlq } = await bench.pair("held");
      await bench.die(queue, range(8));
      const report = await bench.redrive(dlq, { filter: () => false, mostHeld: 5 });
      assert.deepEqual(report, said({ skipped: 5, left: 8, errors: ["The run has held 5 dead letters that stay, and ended before it had seen all"] }));
      assert.equal(await bench.depth(dlq), 8);
    });

    it("the rest, before the broker closes the channel because a message is held for too long", async () => {
      const { queue, dlq } = await bench.pair("held-long");
      await bench.die(queue, range(6));
      let now = Date.now();
      const clock: Clock = { now: () => now, ticks: () => now, sleep: (ms) => Promise.resolve(void (now += ms)) };
      const report = await bench.redrive(dlq, { filter: ({ payload }) => payload !== "0", settings: { rate: 1 / 900 }, clock });
      assert.deepEqual(report, said({ moved: 3, skipped: 1, left: 3, errors: ["The run has held dead letters that stay for 25 minutes, and ended before it had seen all"] }));
    });
  });

  describe("ends early", () => {
    it("when there is no such queue", async () => {
      const error = await failureOf(bench.run(unique("missing")));
      assert.deepEqual([error.code, error.scope], ["QUEUE_UNAVAILABLE", "system"]);
      assert.match(error.message, /no queue 'amqp-test/);
    });

    it("at once when the broker refuses the password", async () => {
      const strange = new Broker({ urls: [bench.rabbit.url], username: "guest", password: "wrong" });
      const error = await failureOf(bench.run("any", { link: strange.acquire(bench) }));
      await strange.release(bench);
      assert.equal(error.code, "BROKER_REFUSED");
    }).timeout(9_000);

    it("when the queue is a stream, and nobody else notices", async () => {
      const down: unknown[] = [];
      const unsubscribe = bench.link.consume.subscribe({ down: (error) => down.push(error) });
      const stream = await bench.plain.makeQueue(unique("stream"), { "x-queue-type": "stream" });
      await bench.plain.send(stream, ["a"]);
      const error = await failureOf(bench.run(stream));
      unsubscribe();
      assert.equal(error.code, "QUEUE_UNAVAILABLE");
      assert.match(error.message, /is a stream/);
      assert.deepEqual(down, []);
    });

    it("when the exchange that all were to go to is not there", async () => {
      const { queue, dlq } = await bench.pair("no-target");
      await bench.die(queue, ["a"]);
      const error = await failureOf(bench.run(dlq, { order: { target: { kind: "given", exchange: unique("missing"), routingKey: "" } } }));
      assert.deepEqual([error.code, error.scope, error.details.left], ["EXCHANGE_UNAVAILABLE", "system", 1]);
      assert.deepEqual(await bench.contents(dlq), ["a"]);
    });

    it("when it is stopped: what is published is confirmed, the rest goes back", async () => {
      const { queue, dlq } = await bench.pair("stopped");
      await bench.plain.send(dlq, range(500), { headers: { "x-original-queue": queue } });
      const run: RedriveRun = bench.run(dlq, { onProgress: (done) => void (done === 100 && run.stop()) });
      const error = await failureOf(run);
      assert.deepEqual([error.code, error.scope], ["FLOW_STOPPED", "system"]);
      const { moved, left } = error.details as unknown as RedriveReport;
      assert.ok(moved >= 100 && moved < 500, `${moved} moved`);
      assert.equal(moved + left, 500);
      assert.deepEqual(await bench.contents(queue), range(500).slice(0, moved));
      assert.deepEqual(await bench.contents(dlq), range(500).slice(moved));
    });

    it("when its connection is cut, and has lost nothing", async () => {
      const { queue, dlq } = await bench.pair("cut");
      await bench.plain.send(dlq, range(150), { headers: { "x-original-queue": queue } });
      const proxy = new MutableProxy(bench.rabbit.port);
      const cut = new Broker({ urls: [await proxy.start()], backOff: quick() });
      try {
        const progress = (done: number): void => void (done === 50 && proxy.stop());
        const error = await failureOf(bench.run(dlq, { link: cut.acquire(bench), onProgress: progress }));
        assert.equal(error.scope, "system");
        const { moved, left } = error.details as unknown as RedriveReport;
        assert.ok(moved >= 50 && moved < 150, `${moved} moved`);
        assert.equal(moved + left, 150);
      } finally {
        await cut.release(bench);
        proxy.stop();
      }
      const found = new Set<string>();
      await waitFor("all", async () => {
        await bench.redrive(dlq); // what the broker has taken back by now
        for (const content of await bench.contents(queue)) found.add(content);
        return found.size === 150;
      });
      assert.equal(await bench.depth(dlq), 0);
    });
  });

  describe("a queue that others take from as well", () => {
    const open = async (queue: string): Promise<LetterBox> => {
      const box = new LetterBox({ connection: bench.link.consume, queue, ahead: 10, onLost: () => undefined, stallAfter: 2_000 });
      await box.open(5_000);
      return box;
    };

    it("is empty when they have the rest", async () => {
      const { dlq } = await bench.pair("shared");
      await bench.plain.send(dlq, ["theirs", "ours"]);
      const box = await open(dlq);
      assert.equal(text(await bench.plain.get(dlq)), "theirs");
      const message = await box.take();
      assert.equal(message && text(message), "ours");
      assert.equal(await box.take(), undefined);
      await box.close();
      assert.deepEqual(await bench.contents(dlq), ["ours"]);
    });

    it("cannot be used while a single active consumer has it, but can be afterwards", async () => {
      const { queue, dlq } = await bench.pair("single");
      const single = await bench.plain.makeQueue(unique("single"), { "x-queue-type": "quorum", "x-single-active-consumer": true });
      const other = await bench.reader.createChannel();
      await other.prefetch(1);
      await other.consume(single, () => undefined);
      await bench.die(queue, ["a", "b"]);
      await bench.redrive(dlq, { order: { target: { kind: "given", exchange: "", routingKey: single } } });
      const box = await open(single);
      await assert.rejects(box.take(), { code: "QUEUE_UNAVAILABLE", message: /another consumer has it/ });
      await box.close();
      await other.close();
      await waitFor("the other's message to be back", async () => (await bench.depth(single)) === 2);
      assert.deepEqual(await bench.redrive(single, { order: { target: { kind: "given", exchange: "", routingKey: queue } } }), said({ moved: 2 }));
      assert.deepEqual(await bench.contents(queue), ["a", "b"]);
    });
  });
});
