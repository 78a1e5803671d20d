import assert from "node:assert/strict";
import { Batcher } from "../../nodes/common/batcher";

interface Item {
  key?: string;
  value: number;
}

/** A batcher whose batches are finished by hand. */
function driven(options: { size?: number; linger?: number; concurrency?: number }): { batcher: Batcher<Item>; batches: Item[][]; finish(): void } {
  const batches: Item[][] = [];
  const open: { items: Item[]; resolve: () => void }[] = [];
  const batcher = new Batcher<Item>({
    size: options.size ?? 3,
    linger: options.linger ?? 0,
    concurrency: options.concurrency ?? 1,
    key: (item) => item.key,
    flush: (items) => {
      batches.push(items);
      return new Promise((resolve) => open.push({ items, resolve }));
    },
  });
  const finish = (): void => {
    const batch = open.shift();
    batch?.items.forEach((item) => batcher.finish(item));
    batch?.resolve();
  };
  return { batcher, batches, finish };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const values = (batches: Item[][]): number[][] => batches.map((batch) => batch.map((item) => item.value));

describe("a batcher", () => {
  it("lets a full batch go at once", () => {
    const { batcher, batches } = driven({ linger: 60_000 });
    for (const value of [1, 2, 3]) batcher.add({ value });
    assert.deepEqual(values(batches), [[1, 2, 3]]);
    batcher.clear();
  });

  it("lets what is there go when the linger is over", async () => {
    const { batcher, batches } = driven({});
    batcher.add({ value: 1 });
    assert.deepEqual(batches, []);
    await turn();
    assert.deepEqual(values(batches), [[1]]);
  });

  it("works on no more batches at once than it may", async () => {
    const { batcher, batches, finish } = driven({ size: 1, concurrency: 2 });
    for (const value of [1, 2, 3]) batcher.add({ value });
    assert.deepEqual(values(batches), [[1], [2]]);
    assert.equal(batcher.waiting, 1);
    finish();
    await turn();
    assert.deepEqual(values(batches), [[1], [2], [3]]);
  });

  it("puts a key neither twice in a batch nor in two batches at once, and keeps its order", async () => {
    const { batcher, batches, finish } = driven({ size: 3, concurrency: 2 });
    for (const [index, key] of ["a", "b", "a", "a", "c"].entries()) batcher.add({ key, value: index });
    assert.deepEqual(values(batches), [[0, 1, 4]]);
    finish();
    await turn();
    await turn();
    assert.deepEqual(values(batches), [[0, 1, 4], [2]]);
    finish();
    await turn();
    await turn();
    assert.deepEqual(values(batches), [[0, 1, 4], [2], [3]]);
  });

  it("takes an item once more before those that wait for its key", async () => {
    const { batcher, batches } = driven({ size: 1, concurrency: 5 });
    const first = { key: "a", value: 1 };
    batcher.add(first);
    batcher.add({ key: "a", value: 2 });
    batcher.again(first);
    assert.deepEqual(values(batches), [[1], [1]]);
    batcher.finish(first);
    assert.deepEqual(values(batches), [[1], [1], [2]]);
    await turn();
  });

  it("starts nothing while it is paused", async () => {
    const { batcher, batches } = driven({});
    batcher.pause();
    for (const value of [1, 2, 3, 4]) batcher.add({ value });
    await turn();
    assert.deepEqual(batches, []);
    batcher.resume();
    assert.deepEqual(values(batches), [[1, 2, 3]]);
  });

  it("gives back everything that is in no batch", () => {
    const { batcher } = driven({ size: 1 });
    for (const [index, key] of ["a", "a", "b", undefined].entries()) batcher.add(key === undefined ? { value: index } : { key, value: index });
    assert.equal(batcher.waiting, 3);
    assert.deepEqual(batcher.clear().map((item) => item.value).sort(), [1, 2, 3]);
    assert.equal(batcher.waiting, 0);
  });
});
