import assert from "node:assert/strict";
import type { DriverColumn } from "../../../../nodes/sql/client/child/backend";
import { decoderOf, integer, plain, rowsOf } from "../../../../nodes/sql/client/child/row-values";

function column(type: string, size = 0, more: Partial<DriverColumn> = {}): DriverColumn {
  return { name: "v", type, size, scale: 0, ...more };
}

describe("A driver's value", () => {
  it("that is a decimal keeps its scale, up to the digits a double holds", () => {
    const decode = decoderOf(column("numeric", 15, { scale: 2 }));
    assert.deepEqual([1.1, 1234567890123.45, 0, -0.5, null].map(decode), ["1.10", "1234567890123.45", "0.00", "-0.50", null]);
    assert.equal(decoderOf(column("decimal", 30))("123.450"), "123.450");
  });

  it("that is a decimal of more digits is an error that says how to read it", () => {
    const decode = decoderOf(column("numeric", 30, { scale: 9 }));
    assert.throws(() => decode(12345678901234567000), { code: "VALUE_TRUNCATED", scope: "message", retryable: false, message: /"v".*cast\(v as varchar/ });
    assert.equal(decode(null), null);
  });

  it("that is a decimal below zero with all its digits behind the point has lost the last, and is an error", () => {
    const decode = decoderOf(column("numeric", 4, { scale: 4 }));
    for (const cut of [-0.123, -0]) assert.throws(() => decode(cut), { code: "VALUE_TRUNCATED", message: /without its last digit.*cast\(v as varchar/ });
    assert.deepEqual([0.1239, 0].map(decode), ["0.1239", "0.0000"]);
  });

  it("that is a big integer is a number where a number holds it", () => {
    assert.deepEqual([0n, -5n, 9007199254740991n, 9007199254740993n, -9223372036854775808n].map(plain), [0, -5, 9007199254740991, "9007199254740993", "-9223372036854775808"]);
    assert.deepEqual([integer("12"), integer("9007199254740993"), integer(null)], [12, "9007199254740993", null]);
  });

  it("that fills the room the driver made for it may have been cut, and is an error", () => {
    const decode = decoderOf(column("varchar", 255));
    assert.equal(decode("x".repeat(1016)), "x".repeat(1016));
    for (const text of ["x".repeat(1020), "x".repeat(1017), "ü".repeat(510), "😀".repeat(255)]) assert.throws(() => decode(text), { code: "VALUE_TRUNCATED", message: /"v"/ });
    const honest = decoderOf(column("varchar", 255, { honest: true }));
    assert.equal(honest("😀".repeat(255)), "😀".repeat(255));
    assert.throws(() => honest("x".repeat(1020)), { code: "VALUE_TRUNCATED" });
  });

  it("that is a boolean, a time, bytes or a uuid is told by its column", () => {
    assert.deepEqual(["1", "0", "\u0001", "\0", null, "maybe"].map(decoderOf(column("bit", 1))), [true, false, true, false, null, "maybe"]);
    assert.equal(decoderOf(column("type_timestamp", 26))("2026-11-21 10:11:12.5"), "2026-11-21T10:11:12.5");
    assert.equal(decoderOf(column("guid", 37))("A0EE"), "a0ee");
    assert.deepEqual(plain(new Uint8Array([0, 255]).buffer), Buffer.from([0, 255]));
    assert.equal(plain(Number.NEGATIVE_INFINITY), "-Infinity");
  });

  it("stands in a row under its column's name, which no other has", () => {
    const columns = [column("integer", 10), { ...column("bit", 1), name: "yes" }];
    assert.deepEqual(rowsOf([{ v: 1, yes: "1" }], columns), [{ v: 1, yes: true }]);
    assert.throws(() => rowsOf([], [...columns, column("integer")]), { code: "NOT_CONFIGURED", message: /called v:/ });
  });
});
