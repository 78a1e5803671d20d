import assert from "node:assert/strict";
import vm from "node:vm";
import { MAX_HEADERS, sanitiseHeaders, sizeOfTable } from "../../../../nodes/amqp/client/headers/headers";

const invalid = { name: "ConnectorError", code: "HEADERS_INVALID" };

describe("headers", () => {
  it("make dates timestamps, big integers text, and leave undefined out", () => {
    const date = new Date("2026-01-02T03:04:05Z");
    assert.deepEqual(sanitiseHeaders({ date, big: 12345678901234567890n, none: undefined, nothing: null }), {
      date: { "!": "timestamp", value: date.getTime() / 1000 },
      big: "12345678901234567890",
      nothing: null,
    });
  });

  it("keep numbers, text, flags, bytes, lists and tables", () => {
    const headers = { a: 1, b: 1.5, c: "text", d: true, e: Buffer.from("x"), f: [1, "two", { three: 3 }], g: { h: { i: "j" } } };
    assert.deepEqual(sanitiseHeaders(headers), headers);
  });

  it("pass on the timestamps that amqplib gives for received ones", () => {
    assert.deepEqual(sanitiseHeaders({ at: { "!": "timestamp", value: 5 } }), { at: { "!": "timestamp", value: 5 } });
  });

  it("tell the type of numbers that amqplib would take for integers", () => {
    assert.deepEqual(sanitiseHeaders({ low: -1e300, fraction: 2 ** 50 + 0.5, high: 1e300, whole: 2 ** 53 }), {
      low: { "!": "double", value: -1e300 },
      fraction: { "!": "double", value: 2 ** 50 + 0.5 },
      high: 1e300,
      whole: 2 ** 53,
    });
  });

  it("give a value the type that is asked for", () => {
    const typed = { flag: { "!": "boolean", value: 1 }, count: { "!": "number", value: "5" }, text: { "!": "string", value: 5 }, list: { "!": "object", value: [1] } };
    assert.deepEqual(sanitiseHeaders(typed), { flag: true, count: 5, text: "5", list: [1] });
  });

  it("take objects of another realm, as Function nodes make them", () => {
    assert.deepEqual(sanitiseHeaders(vm.runInNewContext("({a: {b: 1}, c: new Uint8Array([1])})")), { a: { b: 1 }, c: Buffer.from([1]) });
  });

  it("keep RabbitMQ's lists of further routing keys", () => assert.deepEqual(sanitiseHeaders({ CC: ["a"], BCC: ["b", "c"] }), { CC: ["a"], BCC: ["b", "c"] }));

  it("are empty when none are given", () => {
    for (const none of [undefined, null, "", {}]) assert.deepEqual(sanitiseHeaders(none), {});
  });

  for (const [what, headers] of Object.entries({
    "a function": { f: () => 1 },
    "a symbol": { s: Symbol("s") },
    "not a number": { n: NaN },
    "a class of its own": { m: new Map() },
    "text for a table": "a=b",
    "a list for a table": ["a"],
    "a date that is none": { d: new Date(NaN) },
    "a name that is too long": { ["x".repeat(256)]: 1 },
    "a made-up type": { t: { "!": 5 } },
    "an infinite double": { d: { "!": "double", value: Infinity } },
    "a float that is none": { d: { "!": "float", value: NaN } },
    "a number too large for a float": { d: { "!": "float", value: 1e300 } },
    "a number in a typed table that is none": { d: { "!": "object", value: { n: NaN } } },
    "a copy's routing key that is no list": { CC: "elsewhere" },
    "a copy's routing key that is no text": { BCC: ["elsewhere", 5] },
  })) {
    it(`are refused with ${what}`, () => assert.throws(() => sanitiseHeaders(headers), invalid));
  }

  it("are refused when they go in circles", () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    assert.throws(() => sanitiseHeaders(circle), invalid);
  });

  it("are refused above 64 KiB, with the size", () => {
    assert.throws(() => sanitiseHeaders({ a: "x".repeat(MAX_HEADERS) }), { ...invalid, message: /take 6\d+ bytes/ });
    assert.ok(sanitiseHeaders({ a: "x".repeat(MAX_HEADERS - 100) }));
  });

  it("are measured as they are encoded", () => {
    assert.equal(sizeOfTable({ ab: "cde" }), 4 + 3 + 5 + 3);
    assert.equal(sizeOfTable({ a: null, b: true }), 4 + 2 + 1 + 2 + 2);
  });
});
