import assert from "node:assert/strict";
import { WaitingLine } from "../../../../nodes/amqp/client/publishing/waiting-line";

describe("a waiting line", () => {
  let gone: Set<number>;
  let forgotten: number[];
  let looks: number;
  let line: WaitingLine<number>;

  beforeEach(() => {
    gone = new Set();
    forgotten = [];
    looks = 0;
    line = new WaitingLine({ unseen: 10, isWanted: (item) => ((looks += 1), !gone.has(item)), onUnwanted: (item) => forgotten.push(item) });
  });

  const add = (from: number, to: number): void => {
    for (let item = from; item <= to; item += 1) line.add(item);
  };

  it("forgets those that are not wanted any more once it has grown, each once, and keeps the others' order", () => {
    add(1, 10);
    for (const item of [2, 3, 9]) gone.add(item);
    assert.deepEqual(forgotten, []);
    add(11, 11);
    assert.deepEqual(forgotten, [2, 3, 9]);
    assert.equal(line.next(), 1);
    assert.deepEqual(line.clear(), [4, 5, 6, 7, 8, 10, 11]);
    assert.deepEqual([line.size, forgotten.length], [0, 3]);
  });

  it("checks each only a few times, however many come", () => {
    add(1, 10_000);
    assert.ok(looks < 30_000, `${looks} looks`);
  });

  it("forgets none twice where one that is forgotten brings another, or makes others unwanted", () => {
    line = new WaitingLine<number>({
      unseen: 10,
      isWanted: (item) => !gone.has(item),
      onUnwanted: (item) => {
        forgotten.push(item);
        gone.add(item + 1);
        if (item === 1) add(12, 40);
      },
    });
    gone.add(1);
    add(1, 11);
    const left = line.clear();
    assert.deepEqual([...forgotten, ...left].sort((a, b) => a - b), Array.from({ length: 40 }, (_, index) => index + 1));
  });
});
