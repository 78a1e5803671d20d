import assert from "node:assert/strict";
import { plainCopy } from "../../nodes/common/plain-copy";

describe("a plain copy", () => {
  const original = (): object => ({ text: "a", number: 1, none: null, missing: undefined, list: [1, [2, { deep: "b" }]], table: { bytes: Buffer.from([1, 2]), more: { yes: true } } });

  it("says the same", () => {
    assert.deepEqual(plainCopy(original()), original());
    for (const value of [null, undefined, 0, "", false]) assert.equal(plainCopy(value), value);
  });

  it("shares nothing that could be changed", () => {
    const from = original() as { list: [number, [number, { deep: string }]]; table: { bytes: Buffer; more: { yes: boolean } } };
    const copy = plainCopy(from);
    copy.list[1][1].deep = "c";
    copy.list.pop();
    copy.table.bytes.swap16();
    copy.table.more.yes = false;
    assert.deepEqual(from, original());
  });

  it("is made of a part of a larger buffer without the rest", () => {
    const bytes = Buffer.from([1, 2, 3, 4]).subarray(1, 3);
    assert.deepEqual(plainCopy(bytes), Buffer.from([2, 3]));
  });
});
