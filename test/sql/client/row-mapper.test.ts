import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import { isConnectorError } from "../../../nodes/common/errors";
import { plainValue } from "../../../nodes/sql/client/encode";
import type { WriteRow } from "../../../nodes/sql/client/protocol";
import { RowMapper } from "../../../nodes/sql/client/row-mapper";

const invalid = (pattern: RegExp) => (error: unknown) => isConnectorError(error) && error.code === "INPUT_INVALID" && pattern.test(error.message);

describe("A value for a database", () => {
  it("keeps its type and its precision", () => {
    const date = new Date(0);
    const bytes = Buffer.from("x");
    for (const value of [null, "text", 1.5, true, 2n ** 70n, date, bytes]) assert.equal(plainValue(value, "c"), value);
    assert.deepEqual(plainValue({ a: [1] }, "c"), { json: '{"a":[1]}' });
    assert.deepEqual(plainValue(new Uint8Array([1, 2]).buffer, "c"), new Uint8Array([1, 2]));
  });

  it("is known for what it is when a Function node has made it, in its own realm", () => {
    const foreign = (code: string): unknown => plainValue(runInNewContext(code), "c");
    assert.deepEqual(foreign("new Uint8Array([1, 2])"), Buffer.from([1, 2]));
    assert.deepEqual(foreign("new Uint8Array([1, 2]).buffer"), new Uint8Array([1, 2]));
    assert.deepEqual(foreign("new Date(0)"), new Date(0));
    assert.equal(foreign("new String('text')"), "text");
    assert.deepEqual(foreign("({ a: [1] })"), { json: '{"a":[1]}' });
  });

  it("is refused when its JSON would be empty, or no more than its numbers by their places", () => {
    for (const value of [new Map([[1, 2]]), new Set([1]), new Error("x"), /x/, new Uint16Array(2), new DataView(new ArrayBuffer(2))]) {
      assert.throws(() => plainValue(value, "colour"), invalid(/^colour: a \w+ /), value.constructor.name);
    }
    assert.deepEqual(plainValue({}, "c"), { json: "{}" });
  });

  it("is refused by name when no database can store it", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    for (const value of ["a\0b", Number.NaN, Infinity, undefined, () => 1, Symbol("s"), new Date("never"), cycle, { big: 1n }, { toJSON: () => undefined }]) {
      assert.throws(() => plainValue(value, "colour"), invalid(/^colour: /), String(value?.constructor));
    }
  });
});

describe("The row of a message", () => {
  const mapper = new RowMapper({ table: "t", mode: "insert", keys: [], columns: [] });

  it("is the payload's own properties, without those that are undefined", () => {
    const row = mapper.row({ payload: { a: 1, b: undefined, c: "x" } }) as WriteRow;
    assert.deepEqual(row, { columns: ["a", "c"], values: [1, "x"] });
    assert.equal(row.columns, (mapper.row({ payload: { a: 2, c: "y" } }) as WriteRow).columns, "one array for all rows of a shape");
  });

  it("needs an object with at least one property", () => {
    for (const payload of [undefined, null, "text", 5, [1], Buffer.from("x"), new Date()]) {
      assert.throws(() => mapper.row({ payload }), invalid(/msg\.payload is .*not an object/));
    }
    assert.throws(() => mapper.row({ payload: [{ a: 1 }] }), invalid(/is a list.*: a split node before this one/));
    assert.throws(() => mapper.row({ payload: {} }), invalid(/no value for any column/));
  });

  it("waits for values that come later", async () => {
    const later = new RowMapper({ table: "t", mode: "insert", keys: [], columns: [{ column: "a", value: () => Promise.resolve(1) }, { column: "b", value: () => 2 }] });
    assert.deepEqual(await later.row({}), { columns: ["a", "b"], values: [1, 2] });
  });

  it("is refused above 16 MiB, which are not as many characters", () => {
    const MiB = 1024 * 1024;
    const tooLarge = (error: unknown): boolean => isConnectorError(error) && error.code === "PAYLOAD_TOO_LARGE";
    for (const text of ["x".repeat(17 * MiB), "\u20ac".repeat(6 * MiB)]) assert.throws(() => mapper.row({ payload: { text } }), tooLarge);
    assert.throws(() => mapper.row({ payload: { bytes: Buffer.alloc(9 * MiB), json: ["\u00fc".repeat(4 * MiB)] } }), tooLarge);
    assert.ok(mapper.row({ payload: { bytes: Buffer.alloc(9 * MiB), ascii: "x".repeat(6 * MiB) } }));
  });

  it("has a key only for an upsert, the same for values a database takes for equal", () => {
    const upsert = new RowMapper({ table: "t", mode: "upsert", keys: ["id", "plant"], columns: [] });
    const key = (payload: object): string | undefined => upsert.key(upsert.row({ payload }) as WriteRow);
    assert.equal(mapper.key(mapper.row({ payload: { id: 1 } }) as WriteRow), undefined);
    assert.equal(key({ id: 7, plant: "a" }), key({ plant: "a", ID: "7", more: 1 }));
    assert.equal(key({ id: 7, plant: "a" }), key({ id: 7, plant: "A " }));
    assert.equal(key({ id: 7, plant: "Köln" }), key({ id: 7, plant: "Ko\u0308ln" }));
    assert.equal(key({ id: 7, plant: "Köln" }), key({ id: 7, plant: "KOLN" }));
    assert.notEqual(key({ id: 7, plant: "a" }), key({ id: 7, plant: "b" }));
    assert.notEqual(key({ id: 7, plant: "東" }), key({ id: 7, plant: "西" }));
    assert.throws(() => key({ id: 7 }), invalid(/"plant", the key/));
    assert.throws(() => key({ id: null, plant: "a" }), invalid(/"id", the key/));
  });
});
