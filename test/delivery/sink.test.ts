import assert from "node:assert/strict";
import { ConnectorError } from "../../nodes/common/errors";
import { Sink, type ItemResult, type SinkOptions } from "../../nodes/delivery/sink";
import { DeliverySource } from "../../nodes/delivery/source";
import type { Settlement } from "../../nodes/delivery/outcome";
import { waitFor } from "../services/wait";

const ok: ItemResult<string> = { ok: true, value: "stored" };
const failed = (error: ConnectorError): ItemResult<string> => ({ ok: false, error });
const away = new ConnectorError("DATABASE_UNAVAILABLE", "database is away");
const busy = new ConnectorError("DATABASE_BUSY", "deadlock");
const refused = new ConnectorError("ROW_REFUSED", "null in a column that takes none");

interface Taken {
  outcomes: (string | undefined)[];
  take(...values: number[]): void;
  settled(count: number): Promise<unknown>;
}

/** A sink and what it said of each value, by index: `stored`, or the code of the error. */
function sinkOf(options: Partial<SinkOptions<number, string>> & Pick<SinkOptions<number, string>, "write">): { sink: Sink<number, string> } & Taken {
  const warnings: string[] = [];
  const sink = new Sink<number, string>({ batchSize: 10, linger: 0, warn: (text) => warnings.push(text), ...options });
  const outcomes: (string | undefined)[] = [];
  const take = (...values: number[]): void => {
    for (const value of values) {
      const index = outcomes.push(undefined) - 1;
      const done = (error?: Error): void => void (outcomes[index] ??= error ? (error as ConnectorError).code : "done");
      sink.take({}, value, done, (result) => (outcomes[index] = result));
    }
  };
  const settled = (count: number): Promise<unknown> => waitFor(`${count} outcomes`, () => outcomes.filter(Boolean).length >= count, { timeout: 5000 });
  return { sink, outcomes, take, settled };
}

/** A source whose deliveries a settle node would settle. */
function sourceOf(id: string, settlements: Settlement[] = []): DeliverySource<number> {
  return new DeliverySource<number>({
    id,
    runtime: { log: { addHandler() {}, removeHandler() {} }, events: { on() {}, prependListener() {}, removeListener() {} }, nodes: { getNode: () => undefined } },
    settle: "node",
    deadline: 60_000,
    retries: 0,
    retryDelay: 1,
    retryMaxDelay: 1,
    onSettle: (_delivery, settlement) => settlements.push(settlement),
    onHold: () => undefined,
    onResume: () => undefined,
    warn: () => undefined,
  });
}

describe("a sink", () => {
  it("settles each message by its own result", async () => {
    const { outcomes, take, settled } = sinkOf({ write: (values) => Promise.resolve(values.map((value) => (value === 2 ? failed(refused) : ok))) });
    take(1, 2, 3);
    await settled(3);
    assert.deepEqual(outcomes, ["stored", "ROW_REFUSED", "stored"]);
  });

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

  it("knocks once for all batches that wait, and lets them go on in their order", async () => {
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

  describe("whose system stays away", () => {
    const never = (): Promise<void> => new Promise(() => undefined);

    it("fails messages of no delivery when they have waited as long as they may, with the reason", async () => {
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
      const before = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
      await sink.close(1);
      fail(); // as its connection is closed
      await settled(1);
      assert.deepEqual(outcomes, ["FLOW_STOPPED"]);
      assert.equal(process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length, before);
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

    it("gives up no message that is being written, nor one that waits for nothing but its turn", async () => {
      let finish = (): void => undefined;
      const { take, settled, outcomes } = sinkOf({
        batchSize: 1,
        maxWait: 20,
        write: (values) => new Promise((resolve) => (finish = () => resolve(values.map(() => ok)))),
      });
      take(1, 2);
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.deepEqual(outcomes, [undefined, undefined]);
      finish();
      await settled(1);
      finish();
      await settled(2);
      assert.deepEqual(outcomes, ["stored", "stored"]);
    });

    it("gives up no message for having waited for its system once, when it is tried again for another reason", async () => {
      const answers = [away, busy, busy].map(failed);
      const { take, settled, outcomes } = sinkOf({ maxWait: 60, untilReady: () => Promise.resolve(), write: () => Promise.resolve([answers.shift() ?? ok]) });
      take(1); // 50 and 100 ms between its tries
      await settled(1);
      assert.deepEqual(outcomes, ["stored"]);
    });

    it("counts no wait on for a message that its system's suspension has met while it was written", async () => {
      const { sink, take, settled, outcomes } = sinkOf({ maxWait: 60, write: () => new Promise((resolve) => setTimeout(() => resolve([failed(busy)]), 5)) });
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
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual([source.held, states.at(-1), written], [true, "waiting", []]);
      sink.suspend(undefined);
      assert.equal(await done, undefined);
      assert.deepEqual([source.held, states.at(-1), written], [false, "idle", [1]]);
      source.close();
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

  it("tries a message error that may pass again on the spot, in order for its key", async () => {
    const written: number[] = [];
    let fails = 2;
    const { take, settled, outcomes } = sinkOf({
      batchSize: 1,
      concurrency: 4,
      key: () => "same",
      write: (values) => {
        if (fails-- > 0) return Promise.resolve(values.map(() => failed(busy)));
        written.push(...values);
        return Promise.resolve(values.map(() => ok));
      },
    });
    take(1, 2, 3);
    await settled(3);
    assert.deepEqual(written, [1, 2, 3]);
    assert.deepEqual(outcomes, ["stored", "stored", "stored"]);
  });

  it("gives up on the spot after some tries", async () => {
    let tries = 0;
    const { take, settled, outcomes } = sinkOf({ retriesInPlace: 2, write: (values) => ((tries += 1), Promise.resolve(values.map(() => failed(busy)))) });
    take(1);
    await settled(1);
    assert.deepEqual(outcomes, ["DATABASE_BUSY"]);
    assert.equal(tries, 3);
  });

  it("fails the whole batch when its write is rejected with a message error", async () => {
    const { take, settled, outcomes } = sinkOf({ write: () => Promise.reject(refused) });
    take(1, 2);
    await settled(2);
    assert.deepEqual(outcomes, ["ROW_REFUSED", "ROW_REFUSED"]);
  });

  it("refuses what is over its bound", async () => {
    const { sink, take, outcomes } = sinkOf({ maxWaiting: 2, write: () => new Promise(() => undefined) });
    take(1, 2, 3);
    assert.deepEqual(outcomes, [undefined, undefined, "OVERLOADED"]);
    await sink.close(1);
  });

  it("takes values in the order of their messages, though the first is still being evaluated", async () => {
    const written: number[] = [];
    const sink = new Sink<number, string>({
      batchSize: 1,
      linger: 0,
      warn: () => undefined,
      write: (values) => (written.push(...values), Promise.resolve(values.map(() => ok))),
    });
    const slow = new Promise<number>((resolve) => setTimeout(() => resolve(1), 20));
    await new Promise<void>((resolve) => {
      sink.take({}, slow, () => undefined, () => undefined);
      sink.take({}, 2, () => resolve(), () => undefined);
    });
    assert.deepEqual(written, [1, 2]);
  });

  it("fails a message whose value cannot be evaluated, and goes on", async () => {
    const { sink, take, settled, outcomes } = sinkOf({ write: (values) => Promise.resolve(values.map(() => ok)) });
    const errors: string[] = [];
    sink.take({}, Promise.reject(new Error("no such variable")), (error) => errors.push(String(error)), () => undefined);
    take(1);
    await settled(1);
    assert.deepEqual(outcomes, ["stored"]);
    assert.deepEqual(errors, ["INPUT_INVALID: no such variable"]);
  });

  it("fails a message whose value cannot be evaluated, though one before it still is", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): unknown => unhandled.push(reason); // in Node-RED it ends the process
    process.on("unhandledRejection", note);
    const { sink } = sinkOf({ write: (values) => Promise.resolve(values.map(() => ok)) });
    const slow = new Promise<number>((resolve) => setTimeout(() => resolve(1), 20));
    sink.take({}, slow, () => undefined, () => undefined);
    const error = await new Promise((resolve) => sink.take({}, Promise.reject(new Error("no such variable")), resolve, () => undefined));
    process.removeListener("unhandledRejection", note);
    assert.equal(String(error), "INPUT_INVALID: no such variable");
    assert.deepEqual(unhandled, []);
  });

  it("fails a message whose key cannot be told, and forgets it", async () => {
    const key = (value: number): string => {
      if (value === 1) throw new Error("no key");
      return String(value);
    };
    const { sink, take, settled, outcomes } = sinkOf({ key, write: (values) => Promise.resolve(values.map(() => ok)) });
    take(1, 2);
    await settled(2);
    assert.deepEqual(outcomes, ["INPUT_INVALID", "stored"]);
    await sink.close(60_000);
  });

  it("fails the batch when a write tells nothing", async () => {
    const { take, settled, outcomes } = sinkOf({ write: () => Promise.resolve(undefined as never) });
    take(1, 2);
    await settled(2);
    assert.deepEqual(outcomes, ["FLOW_ERROR", "FLOW_ERROR"]);
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

  describe("as it closes", () => {
    it("stores what it has", async () => {
      const { sink, take, outcomes } = sinkOf({ linger: 60_000, write: (values) => Promise.resolve(values.map(() => ok)) });
      take(1, 2);
      await sink.close();
      assert.deepEqual(outcomes, ["stored", "stored"]);
    });

    it("gives back what is not stored in time", async () => {
      const { sink, take, outcomes } = sinkOf({ batchSize: 1, write: () => new Promise(() => undefined) });
      take(1, 2);
      await sink.close(20);
      assert.deepEqual(outcomes, [undefined, "FLOW_STOPPED"], "the first is in the hands of the write, the second is not");
    });

    it("gives everything back at once when its system is away", async () => {
      const states: string[] = [];
      const { sink, take, outcomes } = sinkOf({
        onState: ({ kind }) => states.push(kind),
        untilReady: () => new Promise(() => undefined),
        write: () => Promise.reject(away),
      });
      take(1, 2);
      await waitFor("the sink to wait", () => states.includes("waiting"));
      await sink.close(60_000);
      assert.deepEqual(outcomes, ["FLOW_STOPPED", "FLOW_STOPPED"]);
    });
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

  it("refuses no message of a delivery: its source took no more than it may", async () => {
    const source = sourceOf("source");
    const written: number[] = [];
    const sink = new Sink<number, string>({
      batchSize: 1,
      linger: 0,
      maxWaiting: 2,
      warn: () => undefined,
      write: (values) => (written.push(...values), Promise.resolve(values.map(() => ok))),
    });
    const results = [1, 2, 3, 4].map((value) => {
      const delivery = source.open(value, 1);
      return new Promise<Error | undefined>((resolve) => sink.take({ delivery: delivery.info }, value, resolve, () => undefined));
    });
    assert.deepEqual(await Promise.all(results), [undefined, undefined, undefined, undefined]);
    assert.deepEqual(written, [1, 2, 3, 4]);
    source.close();
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
    await waitFor("both sources to be held", () => otherSource.held && busySource.held, { timeout: 2000 });
    await sink.close();
    assert.deepEqual([busySource.held, otherSource.held], [false, false]);
    busySource.close();
    otherSource.close();
  });

  it("drops the messages of deliveries that were closed while it held them", async () => {
    const settlements: Settlement[] = [];
    const source = sourceOf("source", settlements);
    let down = true;
    const written: number[] = [];
    const sink = new Sink<number, string>({
      batchSize: 10,
      linger: 0,
      warn: () => undefined,
      untilReady: () => new Promise((resolve) => setTimeout(resolve, 5)),
      write: (values) => (down ? Promise.reject(away) : (written.push(...values), Promise.resolve(values.map(() => ok)))),
    });
    const lost = source.open(1, 1);
    const kept = source.open(2, 1);
    sink.take({ delivery: lost.info }, 1, () => undefined, () => undefined);
    const done = new Promise<void>((resolve) => sink.take({ delivery: kept.info }, 2, () => resolve(), () => undefined));
    await waitFor("both to be held", () => source.held);
    source.invalidate((delivery) => delivery === lost);
    down = false;
    await done;
    assert.deepEqual(written, [2]);
    assert.equal(source.held, false);
    assert.deepEqual(settlements, []);
    source.close();
  });
});
