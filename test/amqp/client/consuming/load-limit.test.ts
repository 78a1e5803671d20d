import assert from "node:assert/strict";
import { LoadLimit } from "../../../../nodes/amqp/client/consuming/load-limit";

const LARGE = 100_000;

describe("the limit of what large messages take up", () => {
  /** Takes so many, of which none is answered. @returns the last tag */
  function take(limit: LoadLimit, count: number, size: number, before = 0): number {
    for (let tag = before + 1; tag <= before + count; tag += 1) limit.take(tag, size, tag);
    return before + count;
  }

  it("halves how many may come when they are too much, and waits until half of that is through", () => {
    const limit = new LoadLimit(8 * LARGE);
    take(limit, 8, LARGE);
    assert.deepEqual([limit.count, limit.tooMuch], [Infinity, false]);
    take(limit, 1, LARGE, 8);
    assert.deepEqual([limit.count, limit.tooMuch], [4, true]);
    limit.answered(5, true);
    assert.equal(limit.tooMuch, true);
    limit.answered(7, false);
    assert.deepEqual([limit.count, limit.tooMuch], [4, false]);
  });

  it("lets no message wait while all of them fit, as when a Join holds them", () => {
    const limit = new LoadLimit(8 * LARGE);
    take(limit, 8, LARGE);
    assert.equal(limit.tooMuch, false);
    limit.answered(1, false);
    assert.equal(limit.tooMuch, false);
  });

  it("does not count the small ones that came before", () => {
    const limit = new LoadLimit(8 * LARGE);
    take(limit, 9, LARGE, take(limit, 300, 10));
    assert.equal(limit.count, 4);
  });

  it("counts the small ones between them as long as they are open", () => {
    const limit = new LoadLimit(LARGE);
    limit.take(1, LARGE, 1);
    for (let tag = 2; tag <= 99; tag += 1) limit.take(tag, 10, tag);
    limit.take(100, LARGE, 80);
    assert.equal(limit.count, 40);
  });

  it("is forgotten when a thousand small ones have come in a row", () => {
    const limit = new LoadLimit(8 * LARGE);
    const few = take(limit, 9, LARGE);
    let last = take(limit, 999, 10, few);
    last = take(limit, 1, LARGE, last);
    limit.answered(last, true);
    last = take(limit, 999, 10, last);
    assert.ok(limit.count < 10);
    take(limit, 1, 10, last);
    assert.equal(limit.count, Infinity);
  });

  it("starts again on another channel, but keeps the number of messages that may come", () => {
    const limit = new LoadLimit(8 * LARGE);
    take(limit, 9, LARGE);
    limit.clear();
    assert.deepEqual([limit.count, limit.tooMuch], [4, false]);
    take(limit, 8, LARGE);
    assert.equal(limit.tooMuch, false);
  });
});
