import assert from "node:assert/strict";
import { Sink } from "../../../nodes/delivery/sink/sink";
import type { Settlement } from "../../../nodes/delivery/outcome";
import { waitFor } from "../../services/wait";
import { away, busy, failed, ok, refused, sinkOf, sourceOf } from "./sink-support";

describe("a sink", () => {
  it("settles each message by its own result", async () => {
    const { outcomes, take, settled } = sinkOf({ write: (values) => Promise.resolve(values.map((value) => (value === 2 ? failed(refused) : ok))) });
    take(1, 2, 3);
    await settled(3);
    assert.deepEqual(outcomes, ["stored", "ROW_REFUSED", "stored"]);
  });

  it("tries a message error that may pass again in place, in order for its key", async () => {
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

  it("gives up in place after some tries", async () => {
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

  it("refuses messages beyond its bound", async () => {
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

  it("fails the batch when a write returns no results", async () => {
    const { take, settled, outcomes } = sinkOf({ write: () => Promise.resolve(undefined as never) });
    take(1, 2);
    await settled(2);
    assert.deepEqual(outcomes, ["FLOW_ERROR", "FLOW_ERROR"]);
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
