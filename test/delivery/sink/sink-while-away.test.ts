import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { Sink } from "../../../nodes/delivery/sink/sink";
import { remains, waitFor } from "../../services/wait";
import { away, busy, failed, ok, refused, sinkOf, sourceOf } from "./sink-support";

describe("a sink whose system goes away", () => {
  it("holds everything while its system is away, and stores it once when it is back", async () => {
    let tries = 0;
    const stored: number[] = [];
    const states: string[] = [];
    const { outcomes, take, settled } = sinkOf({
      untilReady: () => new Promise((resolve) => setImmediate(resolve)),
      onState: ({ kind }) => states.push(kind),
      write: (values) => ((tries += 1) < 4 ? Promise.reject(away) : Promise.resolve(values.map((value) => (stored.push(value), ok)))),
    });
    take(1, 2);
    await waitFor("the sink to wait", () => states.includes("waiting"));
    take(3);
    await settled(3);
    assert.deepEqual(outcomes, ["stored", "stored", "stored"]);
    assert.deepEqual(stored.sort(), [1, 2, 3]);
    assert.equal(states.at(-1), "idle");
  });

  it("tells what it waits for now, when that changes while it waits", async () => {
    const reasons: string[] = [];
    const errors = [away, new ConnectorError("DATABASE_REFUSED", "wrong password"), new ConnectorError("DATABASE_REFUSED", "wrong password")];
    const { take, settled } = sinkOf({
      untilReady: () => new Promise((resolve) => setImmediate(resolve)),
      onState: ({ error }) => reasons.push(error?.message ?? ""),
      write: (values) => {
        const error = errors.shift();
        return error ? Promise.reject(error) : Promise.resolve(values.map(() => ok));
      },
    });
    take(1);
    await settled(1);
    assert.deepEqual(reasons.filter((reason) => reason !== ""), [away.message, "wrong password", "wrong password"]);
  });

  it("waits for nothing any more when its system is back and all it held comes again from elsewhere", async () => {
    const source = sourceOf("lost");
    const states: string[] = [];
    let ready = (): void => undefined;
    const { sink } = sinkOf({ untilReady: () => new Promise((resolve) => (ready = resolve)), onState: ({ kind }) => states.push(kind), write: () => Promise.reject(away) });
    let over = false;
    sink.take({ delivery: source.open(1, 1).info }, 1, () => (over = true), () => undefined);
    await waitFor("the sink to wait", () => states.at(-1) === "waiting");
    source.invalidate(); // its broker has taken the message back
    ready();
    await waitFor("the message to be dropped", () => over);
    await waitFor("the sink to be idle", () => states.at(-1) === "idle");
    await sink.close(0);
    source.close();
  });

  it("waits for what its system itself reports, whatever error a running write has had", async () => {
    const reasons: string[] = [];
    let fail = (): void => undefined;
    const { sink, take } = sinkOf({ onState: ({ error }) => reasons.push(error?.message ?? ""), write: () => new Promise((_resolve, reject) => (fail = () => reject(away))) });
    take(1);
    await waitFor("the write", () => fail.length === 0 && reasons.length > 0);
    await new Promise((resolve) => setImmediate(resolve));
    sink.suspend(new ConnectorError("BROKER_UNAVAILABLE", "memory"));
    fail();
    await waitFor("what became of it", () => reasons.filter((reason) => reason === "memory").length > 1);
    assert.equal(reasons.includes(away.message), false);
    await sink.close(0);
  });

  it("holds only those of a batch that its system was away for, when it went away in the middle", async () => {
    const written: number[][] = [];
    const { outcomes, take, settled } = sinkOf({
      untilReady: () => new Promise((resolve) => setImmediate(resolve)),
      write: (values) => {
        written.push(values);
        return Promise.resolve(values.map((value) => (written.length === 1 && value > 1 ? failed(value === 2 ? refused : away) : ok)));
      },
    });
    take(1, 2, 3, 4);
    await settled(4);
    assert.deepEqual(outcomes, ["stored", "ROW_REFUSED", "stored", "stored"]);
    assert.deepEqual(written, [[1, 2, 3, 4], [3, 4]]);
  });

  it("keeps nothing of deliveries that their broker has taken back, though it gives them out again and again in a long outage", async () => {
    const source = sourceOf("source");
    let most = 0;
    const { sink } = sinkOf({ untilReady: () => new Promise(() => undefined), onState: () => undefined, write: () => Promise.reject(away) });
    let here = 0;
    const take = (): void => {
      const delivery = source.open(0, 1);
      here += 1;
      sink.take({ delivery: delivery.info }, 0, () => (here -= 1), () => undefined);
    };
    for (let times = 0; times < 40; times += 1) {
      for (let one = 0; one < 400; one += 1) take();
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, here);
      source.invalidate(); // the consumer timeout
    }
    assert.ok(most <= 2_400, `${most} were there`);
    await sink.close(0);
    source.close();
  });

  it("tests the system once for all waiting batches, and lets them go on in their order", async () => {
    let down = true;
    const ready: (() => void)[] = [];
    const written: number[] = [];
    const { take, settled } = sinkOf({
      batchSize: 1,
      concurrency: 3,
      untilReady: () => new Promise((resolve) => ready.push(resolve)),
      write: (values) => (down ? Promise.reject(away) : (written.push(...values), Promise.resolve(values.map(() => ok)))),
    });
    take(1, 2, 3);
    await waitFor("the knock", () => ready.length === 1);
    take(4);
    down = false;
    ready[0]?.();
    await settled(4);
    assert.deepEqual(written, [1, 2, 3, 4]);
    assert.equal(ready.length, 1);
  });

  it("tries what waits behind the last batch along with it, so that nothing is overtaken", async () => {
    const fail: (() => void)[] = [];
    const ready: (() => void)[] = [];
    const written: number[][] = [];
    const { take, settled } = sinkOf({
      batchSize: 3,
      concurrency: 2,
      untilReady: () => new Promise((resolve) => ready.push(resolve)),
      write: (values) => (fail.length < 2 ? new Promise((_resolve, reject) => fail.push(() => reject(away))) : (written.push(values), Promise.resolve(values.map(() => ok)))),
    });
    take(1);
    await waitFor("the first to be written", () => fail.length === 1);
    take(2);
    await waitFor("the second to be written", () => fail.length === 2);
    for (const one of fail) one();
    await waitFor("the knock", () => ready.length === 1);
    take(3, 4, 5);
    ready[0]?.();
    await settled(5);
    assert.deepEqual(written, [[1], [2, 3, 4], [5]]);
  });

  describe("whose system stays away", () => {
    const never = (): Promise<void> => new Promise(() => undefined);

    it("fails messages of no delivery with the reason when they have waited for too long", async () => {
      const errors: ConnectorError[] = [];
      const sink = new Sink<number, string>({ batchSize: 2, linger: 0, maxWait: 60, untilReady: never, warn: () => undefined, write: () => Promise.reject(away) });
      for (const value of [1, 2, 3]) sink.take({}, value, (error) => errors.push(error as ConnectorError), () => assert.fail("stored"));
      await waitFor("all to fail", () => errors.length === 3);
      assert.deepEqual(errors.map(({ code }) => code), ["DATABASE_UNAVAILABLE", "DATABASE_UNAVAILABLE", "DATABASE_UNAVAILABLE"]);
      assert.match(errors[0]?.message ?? "", /database is away; the message has waited 60 ms/);
      await sink.close(60_000); // nothing is left in it
    });

    it("leaves no timer behind when what was being written fails as it closes", async () => {
      let fail = (): void => undefined;
      const { sink, take, settled, outcomes } = sinkOf({ maxWait: 60_000, write: () => new Promise((_resolve, reject) => (fail = () => reject(away))) });
      take(1);
      await new Promise((resolve) => setImmediate(resolve));
      const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length; // of other tests, too
      const before = timers();
      await sink.close(1);
      fail(); // as its connection is closed
      await settled(1);
      assert.deepEqual(outcomes, ["FLOW_STOPPED"]);
      await waitFor("no more timers than before", () => timers() <= before);
    });

    it("makes room with them, and stores what comes later when its system is back", async () => {
      let down = true;
      let ready = (): void => undefined;
      const written: number[] = [];
      const { take, settled, outcomes } = sinkOf({
        maxWait: 60,
        maxWaiting: 2,
        key: () => "same",
        untilReady: () => new Promise((resolve) => (ready = resolve)),
        write: (values) => (down ? Promise.reject(away) : (written.push(...values), Promise.resolve(values.map(() => ok)))),
      });
      take(1, 2, 3);
      await settled(3);
      take(4);
      down = false;
      ready();
      await settled(4);
      assert.deepEqual(outcomes, ["DATABASE_UNAVAILABLE", "DATABASE_UNAVAILABLE", "OVERLOADED", "stored"]);
      assert.deepEqual(written, [4]);
    });

    it("gives up no message that is being written or that only waits for its turn", async () => {
      let finish = (): void => undefined;
      const { take, settled, outcomes } = sinkOf({
        batchSize: 1,
        maxWait: 20,
        write: (values) => new Promise((resolve) => (finish = () => resolve(values.map(() => ok)))),
      });
      take(1, 2);
      await remains("none given up", () => outcomes.every((outcome) => outcome === undefined), 100);
      finish();
      await settled(1);
      finish();
      await settled(2);
      assert.deepEqual(outcomes, ["stored", "stored"]);
    });

    it("gives up no message for having waited for its system once, when it is tried again for another reason", async () => {
      const answers = [away, busy, busy, busy].map(failed);
      const { take, settled, outcomes } = sinkOf({ maxWait: 300, untilReady: () => Promise.resolve(), write: () => Promise.resolve([answers.shift() ?? ok]) });
      take(1); // 50, 100 and 200 ms between its tries
      await settled(1);
      assert.deepEqual(outcomes, ["stored"]);
    });

    it("counts no wait on for a message that its system's suspension has met while it was written", async () => {
      const { sink, take, settled, outcomes } = sinkOf({ maxWait: 300, write: () => new Promise((resolve) => setTimeout(() => resolve([failed(busy)]), 5)) });
      take(1);
      await new Promise((resolve) => setImmediate(resolve));
      for (const error of [away, undefined]) sink.suspend(error);
      await settled(1); // after 50, 100 and 200 ms between its tries
      assert.deepEqual(outcomes, ["DATABASE_BUSY"]);
    });

    it("keeps messages of deliveries without end, and their sources paused", async () => {
      const source = sourceOf("patient");
      const failed: string[] = [];
      const sink = new Sink<number, string>({ batchSize: 1, linger: 0, maxWait: 20, untilReady: never, warn: () => undefined, write: () => Promise.reject(away) });
      sink.take({ delivery: source.open(1, 1).info }, 1, () => failed.push("claimed"), () => undefined);
      sink.take({}, 2, () => failed.push("free"), () => undefined);
      await waitFor("the other to fail", () => failed.length > 0);
      assert.deepEqual(failed, ["free"]);
      assert.equal(source.held, true);
      await sink.close();
      source.close();
    });
  });

  describe("that is suspended", () => {
    it("tries nothing, holds what is there and what comes, and goes on when it is told to", async () => {
      const source = sourceOf("suspended");
      const written: number[] = [];
      const states: string[] = [];
      const sink = new Sink<number, string>({
        batchSize: 1,
        linger: 0,
        warn: () => undefined,
        onState: ({ kind }) => states.push(kind),
        write: (values) => (written.push(...values), Promise.resolve(values.map(() => ok))),
      });
      sink.suspend(away);
      const done = new Promise<Error | undefined>((resolve) => sink.take({ delivery: source.open(1, 1).info }, 1, resolve, () => undefined));
      await remains("nothing written", () => written.length === 0, 20);
      assert.deepEqual([source.held, states.at(-1), written], [true, "waiting", []]);
      sink.suspend(undefined);
      assert.equal(await done, undefined);
      assert.deepEqual([source.held, states.at(-1), written], [false, "idle", [1]]);
      source.close();
    });

    it("is idle again when it is told to go on and there is nothing to write", () => {
      const states: string[] = [];
      const { sink } = sinkOf({ onState: ({ kind }) => states.push(kind), write: () => Promise.resolve([]) });
      sink.suspend(away);
      assert.equal(states.at(-1), "waiting");
      sink.suspend(undefined);
      assert.equal(states.at(-1), "idle");
    });

    it("holds the sources of what is being written, and stays suspended when that is stored", async () => {
      const source = sourceOf("writing");
      const writes: (() => void)[] = [];
      const sink = new Sink<number, string>({
        batchSize: 1,
        linger: 0,
        warn: () => undefined,
        write: (values) => new Promise((resolve) => writes.push(() => resolve(values.map(() => ok)))),
      });
      const outcomes: number[] = [];
      for (const value of [1, 2]) sink.take({ delivery: source.open(value, 1).info }, value, () => outcomes.push(value), () => undefined);
      await waitFor("the write", () => writes.length === 1);
      sink.suspend(away);
      assert.equal(source.held, true);
      writes[0]?.();
      await waitFor("the first", () => outcomes.length === 1);
      assert.equal(source.held, true, "the second waits");
      sink.suspend(undefined);
      await waitFor("the second write", () => writes.length === 2);
      assert.equal(source.held, false);
      writes[1]?.();
      await sink.close();
      source.close();
    });
  });

  it("does not spin when its system says it is ready and is not", async () => {
    let tries = 0;
    const { take, settled } = sinkOf({
      untilReady: () => Promise.resolve(),
      write: (values) => {
        tries += 1;
        if (tries > 5000) throw new Error("spins");
        return Date.now() < end ? Promise.reject(away) : Promise.resolve(values.map(() => ok));
      },
    });
    const end = Date.now() + 100;
    take(1);
    await settled(1);
    assert.ok(tries < 50, `${tries} tries in 100 ms`);
  });

  it("goes on when waiting for its system fails, at once or later", async () => {
    let tries = 0;
    const { take, settled, outcomes } = sinkOf({
      untilReady: () => {
        if (tries === 1) throw new Error("cannot even wait");
        return Promise.reject(new Error("no use waiting"));
      },
      write: (values) => ((tries += 1) < 3 ? Promise.reject(away) : Promise.resolve(values.map(() => ok))),
    });
    take(1);
    await settled(1);
    assert.deepEqual(outcomes, ["stored"]);
  });

  it("gives everything back at once when its system goes away as it closes", async () => {
    let fail = (): void => undefined;
    const { sink, take, outcomes } = sinkOf({ batchSize: 1, write: () => new Promise((_resolve, reject) => (fail = () => reject(away))) });
    take(1, 2);
    const closed = sink.close(60_000);
    fail();
    await closed;
    assert.deepEqual(outcomes, ["FLOW_STOPPED", "FLOW_STOPPED"]);
  });

  it("holds a message that waits for its next try when the system goes away", async () => {
    const [busySource, otherSource] = [sourceOf("busy"), sourceOf("other")];
    const sink = new Sink<number, string>({
      batchSize: 1,
      linger: 0,
      warn: () => undefined,
      untilReady: () => new Promise(() => undefined),
      write: ([value]) => (value === 1 ? Promise.resolve([failed(busy)]) : Promise.reject(away)),
    });
    sink.take({ delivery: busySource.open(1, 1).info }, 1, () => undefined, () => undefined);
    sink.take({ delivery: otherSource.open(2, 1).info }, 2, () => undefined, () => undefined);
    await waitFor("both sources to be held", () => otherSource.held && busySource.held);
    await sink.close();
    assert.deepEqual([busySource.held, otherSource.held], [false, false]);
    busySource.close();
    otherSource.close();
  });
});
