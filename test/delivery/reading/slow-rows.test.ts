import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { Runtime, type FlowNodeConfig } from "../../services/runtime";
import { testBench, theSource, type TestSource } from "../../services/test-nodes/test-nodes";
import type { Read } from "../../services/test-nodes/test-read";
import { pause, waitFor } from "../../services/wait";
import { away, refused } from "../sink/sink-support";

describe("a message whose rows wait behind a reading", () => {
  const runtime = new Runtime();
  before(() => runtime.start());
  after(() => runtime.stop());

  /** Rows that the sink has begun with, and those it has written. */
  let begun: unknown[] = [];
  let written: unknown[] = [];
  let reads = 0;

  /** A reading that finds as many rows as a message says, and a sink that does `work` for each of them, one by one. */
  async function flow(more: Partial<FlowNodeConfig>, work: (row: string) => unknown, reading: object = {}): Promise<TestSource> {
    await runtime.fresh([
      { id: "source", type: "test-source", wires: [["read"]], ...more },
      { id: "read", type: "test-read", output: "row", ...reading, wires: [["sink"]] },
      { id: "sink", type: "test-sink", batchSize: 1, wires: [[]] },
    ]);
    begun = [];
    written = [];
    reads = 0;
    testBench.read = (count) => {
      reads += 1;
      return Promise.resolve([Array.from({ length: count as number }, (_, row) => `${reads}.${row}`)]);
    };
    testBench.write = async ([row]) => {
      begun.push(row);
      const error = await work(row as string);
      if (error instanceof ConnectorError) return [{ ok: false, error }];
      written.push(row);
      return [{ ok: true, value: "stored" }];
    };
    return theSource();
  }

  function ends({ settled }: TestSource): (string | undefined)[][] {
    return settled.map(({ settlement: { outcome, error } }) => (error ? [outcome, error.code] : [outcome]));
  }

  it("is not tried again while they make progress, however long all of them take", async () => {
    const source = await flow({ deadline: 300 }, () => pause(30));
    source.take(50);
    await waitFor("its end", () => source.settled.length === 1);
    assert.deepEqual([ends(source), reads, written.length], [[["accept"]], 1, 50]);
  });

  it("is given back before its broker takes it when none of them had its turn, and none of those that still wait is written", async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const source = await flow({ deadline: 10_000, longest: 500 }, () => gate);
    source.take(3);
    await waitFor("the first of them", () => begun.length === 1);
    await waitFor("its return", () => source.settled.length === 1);
    assert.deepEqual(ends(source), [["release", "OVERLOADED"]]);
    go();
    source.take(2);
    await waitFor("its copy", () => source.settled.length === 2);
    assert.deepEqual([ends(source)[1], written], [["accept"], ["1.0", "2.0", "2.1"]]);
  });

  it("is tried again when its broker would take it back and some are written: given back, it would start again for ever", async () => {
    const source = await flow({ deadline: 10_000, longest: 500 }, () => pause(50));
    source.take(200);
    await waitFor("its end", () => source.settled.length === 1);
    const before = written.length;
    assert.deepEqual(ends(source), [["retry", "DEADLINE_EXCEEDED"]]);
    source.take(1);
    await waitFor("the next", () => source.settled.length === 2);
    assert.ok(written.length <= before + 2, `${written.length - before} were written after that`);
  });

  it("takes with it the rows that wait for their system when it is given back", async () => {
    let back = false;
    const source = await flow({ deadline: 10_000, longest: 300 }, () => (back ? undefined : away));
    source.onSettled = (taken, { outcome }) => outcome === "release" && source.take(taken);
    source.take(3);
    await waitFor("its return", () => source.settled.length === 1);
    back = true;
    await waitFor("its end", () => source.settled.at(-1)?.settlement.outcome === "accept");
    assert.deepEqual([ends(source)[0], written], [["release", "DEADLINE_EXCEEDED"], [0, 1, 2].map((row) => `${reads}.${row}`)]);
  });

  it("takes with it the rows that are not written yet when its connection is lost", async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const source = await flow({}, () => gate);
    source.take(100);
    await waitFor("the first of them", () => begun.length === 1);
    source.source.invalidate();
    go();
    source.take(2);
    await waitFor("its copy", () => source.settled.length === 1);
    assert.deepEqual([ends(source), written], [[["accept"]], ["1.0", "2.0", "2.1"]]);
  });

  it("has all of them written that cannot be read again, though its connection is lost", async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const source = await flow({}, () => gate, { once: true });
    source.take(100);
    await waitFor("the first of them", () => begun.length === 1);
    source.source.invalidate();
    go();
    await waitFor("all", () => written.length === 100);
  });

  it("has all others written that cannot be read again, though one of them is refused", async () => {
    const source = await flow({}, (row) => (row === "1.1" ? refused : undefined), { once: true });
    source.take(100);
    await waitFor("its end", () => source.settled.length === 1);
    assert.deepEqual([ends(source), written.length], [[["dead-letter", "ROW_REFUSED"]], 99]);
  });

  it("has nothing read any more when its connection was lost while the system to read from was away", async () => {
    const source = await flow({}, () => undefined);
    const find = testBench.read as Read;
    const asked: unknown[] = [];
    let back = false;
    testBench.read = (count) => {
      asked.push(count);
      return back ? find(count) : Promise.reject(away);
    };
    source.take(3);
    await waitFor("the question", () => asked.length > 0);
    source.source.invalidate();
    asked.length = 0;
    back = true;
    source.take(2);
    await waitFor("its copy", () => source.settled.length === 1);
    assert.deepEqual([ends(source), asked, written], [[["accept"]], [2], ["1.0", "1.1"]]);
  });
});

describe("rows that come round to the node that reads them", () => {
  const runtime = new Runtime();
  before(() => runtime.start());
  after(() => runtime.stop());

  /** A tree, each of whose rows has `children` of its own, two levels deep. At most 20 rows are in the flow. */
  async function tree(children: number): Promise<string | undefined> {
    await runtime.fresh([
      { id: "source", type: "test-source", retries: 0, wires: [["read"]] },
      { id: "read", type: "test-read", output: "row", wires: [["deeper"]] },
      { id: "deeper", type: "function", func: "return msg.payload > 0 ? [msg, null] : [null, msg]", outputs: 2, wires: [["read"], ["leaf"]] },
      { id: "leaf", type: "test-sink", wires: [[]] },
    ]);
    testBench.read = (depth) => Promise.resolve([Array.from({ length: children }, () => (depth as number) - 1)]);
    const { take, settled } = theSource();
    take(2);
    await waitFor("its end", () => settled.length === 1);
    return settled[0]?.settlement.error?.code ?? settled[0]?.settlement.outcome;
  }

  it("are read to the last one where there is room for all that wait", async () => {
    assert.equal(await tree(4), "accept");
    assert.equal(testBench.stored.length, 16);
  });

  it("fail where they wait for room that they take up themselves, rather than wait for ever", async () => {
    assert.equal(await tree(30), "OVERLOADED");
  });

  /** Rows of which those of one message come round as they are, or each few of them as one by `join`; what is read for these is written. */
  async function round(output: "row" | "batch", join?: object): Promise<TestSource> {
    await runtime.fresh([
      { id: "source", type: "test-source", retries: 0, wires: [["read"]] },
      { id: "read", type: "test-read", output, wires: [["which"]] },
      { id: "which", type: "function", func: "return [msg.payload].flat()[0] > 0 ? [msg, null] : [null, msg]", outputs: 2, wires: [[join ? "join" : "read"], ["leaf"]] },
      ...(join ? [{ id: "join", type: "join", mode: "custom", build: "array", property: "payload", propertyType: "msg", key: "topic", joiner: "", joinerType: "str", timeout: "", ...join, wires: [["read"]] }] : []),
      { id: "leaf", type: "test-sink", wires: [[]] },
    ]);
    return theSource();
  }

  for (const [count, outcome] of [[15, "accept"], [20, "OVERLOADED"]] as const) {
    it(`count each where five went on as one, with ${count} in the flow`, async () => {
      const { take, settled } = await round("row", { count: "5" });
      testBench.read = (asked) => Promise.resolve([Array.isArray(asked) ? [0] : new Array<number>(asked as number).fill(1)]);
      take(count);
      await waitFor("its end", () => settled.length === 1);
      assert.equal(settled[0]?.settlement.error?.code ?? settled[0]?.settlement.outcome, outcome);
    });
  }

  it("wait for no room any more where all that was read for them is through", async () => {
    const { take, settled } = await round("batch");
    let reads = 0;
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    testBench.read = () => Promise.resolve([[new Array<number>(19).fill(1), [0], [0, 0]][Math.min(reads++, 2)] as number[]]);
    testBench.write = (values) => gate.then(() => values.map(() => ({ ok: true, value: "stored" })));
    take(1);
    await waitFor("a batch that has no room", () => reads === 3);
    go();
    await waitFor("its end", () => settled.length === 1);
    assert.deepEqual([settled[0]?.settlement.outcome, reads], ["accept", 11]); // none of the ten batches was tried again
  });
});
