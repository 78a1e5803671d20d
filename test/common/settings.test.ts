import assert from "node:assert/strict";
import { oneOf } from "../../nodes/common/one-of";
import { wholeNumber } from "../../nodes/common/whole-number";

describe("a whole number of a saved flow", () => {
  const read = (value: unknown): number => wholeNumber(value as string, "At once", { fallback: 400, min: 1, max: 65_535 });

  for (const [given, expected] of [[1, 1], ["25", 25], [" 25 ", 25], ["65535", 65_535], ["1e3", 1000], ["", 400], ["  ", 400], [undefined, 400], [null, 400]] as const) {
    it(`is ${expected} for ${JSON.stringify(given) ?? "nothing"}`, () => assert.equal(read(given), expected));
  }

  for (const given of ["4OO", "-1", 0, 65_536, 1.5, "Infinity", "${PREFETCH}", true, NaN]) {
    it(`is refused for ${String(given)}, by the name of its setting`, () => {
      assert.throws(() => read(given), { code: "NOT_CONFIGURED", message: `At once must be a whole number from 1 to 65535: ${String(given)}` });
    });
  }

  it("may be blank, and is at least 0 unless its limits say otherwise", () => {
    assert.equal(wholeNumber("", "Priority", { fallback: undefined, max: 9 }), undefined);
    assert.equal(wholeNumber("0", "Priority", { fallback: undefined, max: 9 }), 0);
    assert.throws(() => wholeNumber("-1", "Priority", { fallback: 5, max: 9 }), /from 0 to 9: -1/);
  });
});

describe("a choice of a saved flow", () => {
  it("is the word, or the default when it is blank", () => {
    assert.deepEqual([oneOf("b", "Kind", ["a", "b"], "a"), oneOf("", "Kind", ["a", "b"], "a"), oneOf(undefined, "Kind", ["a", "b"], "a")], ["b", "a", "a"]);
  });

  it("is refused for any other word, by the name of its setting", () => {
    assert.throws(() => oneOf("foo", "Settle", ["flow", "node", "delivery"], "flow"), { code: "NOT_CONFIGURED", message: "Settle must be flow, node or delivery: foo" });
  });
});
