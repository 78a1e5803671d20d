import assert from "node:assert/strict";
import type { Settlement } from "../../../nodes/delivery/outcome";
import { Sink } from "../../../nodes/delivery/sink/sink";
import { DeliverySource, type DeliverySourceOptions } from "../../../nodes/delivery/source";
import { Runtime, type FlowNodeConfig } from "../../services/runtime";
import { testBench, theSource } from "../../services/test-nodes/test-nodes";
import { pause, waitFor } from "../../services/wait";
import { ok } from "./sink-support";

/** A sink that writes one value at a time, as long as `write` takes, behind a source with a short deadline that a settle node would settle. */
function slow(write: (value: number) => Promise<unknown>, more: Partial<DeliverySourceOptions<number>> = {}) {
  const settled = new Map<number, Settlement>();
  const reasons: (string | undefined)[] = [];
  const source = new DeliverySource<number>({
    id: "slow",
    runtime: { log: { addHandler() {}, removeHandler() {} }, events: { on() {}, prependListener() {}, removeListener() {} }, nodes: { getNode: () => undefined } },
    settle: "node",
    deadline: 400,
    retries: 5,
    retryDelay: 1,
    retryMaxDelay: 1,
    onSettle: ({ taken }, settlement) => settled.set(taken, settlement),
    onHold: () => undefined,
    onResume: () => undefined,
    onBehind: (reason) => reasons.push(reason),
    warn: () => undefined,
    ...more,
  });
  const written: number[] = [];
  const sink = new Sink<number, string>({
    batchSize: 1,
    linger: 0,
    warn: () => undefined,
    write: async ([value]) => {
      await write(value as number);
      written.push(value as number);
      return [ok];
    },
  });
  /** @param settles whether what the sink has finished with is settled; else as with a Catch branch that goes nowhere */
  const take = (values: Iterable<number>, settles = true): void => {
    for (const value of values) {
      const delivery = source.open(value, 1);
      sink.take({ delivery: delivery.info }, value, () => settles && delivery.settle({ outcome: "accept" }), () => undefined);
    }
  };
  const close = async (): Promise<void> => {
    await sink.close(1);
    source.close();
  };
  const outcomes = (): string[] => [...settled.values()].map(({ outcome, error }) => error?.code ?? outcome);
  return { sink, take, settled, outcomes, reasons, written, close };
}

describe("a sink that is slow, with nothing wrong", () => {
  it("has messages wait for their turn for longer than their deadline, and none is tried again for it", async () => {
    const { take, settled, outcomes, close } = slow(() => pause(100));
    take(Array(12).keys());
    await waitFor("all", () => settled.size === 12);
    assert.deepEqual(new Set(outcomes()), new Set(["accept"]));
    await close();
  });

  it("has its source take no more from half of the deadline on, until nothing waits so long any more", async () => {
    const { take, settled, reasons, close } = slow(() => pause(100));
    take([0]);
    await waitFor("one that does not wait", () => settled.size === 1);
    assert.equal(reasons.length, 0);
    take(Array(12).keys());
    await waitFor("the end of it", () => reasons.includes(undefined));
    assert.equal(reasons[0], "messages wait long for their turn");
    await waitFor("all", () => settled.size === 12);
    await close();
  });

  it("gives back what waits before the broker would take it, and what has come behind it, but not what is being written", async () => {
    let finish = (): void => undefined;
    let due = false;
    let times = 0;
    const keeping = { longest: 1_000, since: (value: number) => (due && value === 2 ? -Infinity : performance.now()), onGivenBack: () => (times += 1) };
    const { take, settled, written, close } = slow(() => new Promise<void>((resolve) => (finish = resolve)), { deadline: 20_000, keeping });
    take([1, 2, 3]);
    due = true;
    await waitFor("two to go back", () => settled.size === 2);
    assert.deepEqual([...settled].map(([value, { outcome, error }]) => [value, outcome, error?.code]), [2, 3].map((value) => [value, "release", "OVERLOADED"]));
    finish();
    await waitFor("the one that was being written", () => settled.size === 3);
    assert.deepEqual([settled.get(1)?.outcome, written, times], ["accept", [1], 1]);
    await close();
  });

  it("gives nothing back while its line makes progress", async () => {
    const keeping = { longest: 2_000, since: () => -Infinity, onGivenBack: () => undefined }; // it looks each 100 ms
    const { take, settled, outcomes, close } = slow(() => pause(5), { deadline: 20_000, keeping });
    for (let count = 0; count < 60; count += 1) {
      take([2 * count, 2 * count + 1]);
      await pause(10);
    }
    await waitFor("all", () => settled.size === 120);
    assert.deepEqual(new Set(outcomes()), new Set(["accept"]));
    await close();
  });

  it("has a message that hangs in a write tried again at its deadline", async () => {
    const { take, settled, outcomes, close } = slow(() => new Promise(() => undefined));
    take([1]);
    await waitFor("its deadline", () => settled.size === 1);
    assert.deepEqual(outcomes(), ["DEADLINE_EXCEEDED"]);
    await close();
  });

  it("no longer stops the clock of a message that it has given up", async () => {
    const { sink, take, settled, outcomes, close } = slow(() => new Promise(() => undefined));
    take([1, 2], false);
    await sink.close(1);
    await waitFor("the deadlines", () => settled.size === 2);
    assert.deepEqual(outcomes(), ["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]);
    await close();
  });
});

describe("a node of ours that is slow, in a flow", () => {
  const runtime = new Runtime();
  before(() => runtime.start());
  after(() => runtime.stop());

  const source: FlowNodeConfig = { id: "source", type: "test-source", deadline: 400, wires: [["slow"]] };

  async function outcomes(count: number): Promise<string[]> {
    const entry = testBench.sources.get("source");
    assert.ok(entry);
    for (let taken = 0; taken < count; taken += 1) entry.take(taken);
    await waitFor("all", () => entry.settled.length >= count);
    return [...new Set(entry.settled.map(({ settlement }) => settlement.error?.code ?? settlement.outcome))];
  }

  it("has none of those that wait for their turn to be stored tried again", async () => {
    await runtime.fresh([source, { id: "slow", type: "test-sink", batchSize: 1, wires: [[]] }]);
    testBench.write = () => pause(100).then(() => [{ ok: true, value: "stored" }]);
    assert.deepEqual(await outcomes(12), ["accept"]);
  });

  it("has none of those that are one message by now tried again", async () => {
    const join = { mode: "custom", build: "array", property: "payload", propertyType: "msg", key: "topic", joiner: "", joinerType: "str", timeout: "", count: "2" };
    await runtime.fresh([
      { ...source, wires: [["join"]] },
      { id: "join", type: "join", accumulate: false, reduceRight: false, ...join, wires: [["slow"]] },
      { id: "slow", type: "test-sink", batchSize: 1, wires: [[]] },
    ]);
    testBench.write = () => pause(100).then(() => [{ ok: true, value: "stored" }]);
    assert.deepEqual(await outcomes(24), ["accept"]);
  });

  const slowOne: FlowNodeConfig = { id: "slow", type: "test-sink", batchSize: 1, wires: [[]] };

  it("has a message given back that waits for it for too long, though another node has stored it", async () => {
    await runtime.fresh([{ ...source, deadline: 10_000, longest: 400, wires: [["quick", "slow"]] }, { ...slowOne, id: "quick" }, slowOne]);
    let written = 0;
    testBench.write = ([value]) => (value === "a" && ++written === 2 ? new Promise(() => undefined) : Promise.resolve([{ ok: true, value: "stored" }]));
    const entry = testBench.sources.get("source");
    for (const value of ["a", "b"]) entry?.take(value);
    await waitFor("what waits to go back", () => entry?.settled.length === 1);
    const { taken, settlement } = entry?.settled[0] ?? {};
    assert.deepEqual([taken, settlement?.outcome, settlement?.error?.code], ["b", "release", "OVERLOADED"]);
  });

  const split: FlowNodeConfig = { id: "split", type: "split", splt: "\\n", spltType: "str", arraySplt: 1, arraySpltType: "len", addname: "", wires: [["slow"]] };
  const join: FlowNodeConfig = { id: "join", type: "join", mode: "custom", build: "merged", property: "payload", propertyType: "msg", key: "topic", joiner: "", joinerType: "str", timeout: "", count: "200", accumulate: false };

  for (const [what, first, count] of [["message", "split", 1], ["message made of two", "join", 2]] as const) {
    it(`has a ${what} of many parts tried again that takes too long: given back, it would begin anew for ever`, async () => {
      await runtime.fresh([{ ...source, longest: 400, wires: [[first]] }, { ...join, wires: [["split"]] }, split, slowOne]);
      testBench.write = () => pause(50).then(() => [{ ok: true, value: "stored" }]);
      const entry = theSource();
      for (let taken = 0; taken < count; taken += 1) entry.take(Object.fromEntries(Array.from({ length: 100 }, (_, part) => [`${taken}-${part}`, part])));
      await waitFor("its end", () => entry.settled.length === count);
      assert.deepEqual(new Set(entry.settled.map(({ settlement: { outcome, error } }) => `${outcome} ${error?.code}`)), new Set(["retry DEADLINE_EXCEEDED"]));
    });
  }

  it("has none of those that wait for their turn to ask for rows tried again", async () => {
    await runtime.fresh([source, { id: "slow", type: "test-read", output: "all", wires: [["see"]] }, { id: "see", type: "test-see", wires: [[]] }]);
    testBench.read = () => pause(100).then(() => [[1]]);
    assert.deepEqual(await outcomes(12), ["accept"]);
  });
});
