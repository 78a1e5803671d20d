import assert from "node:assert/strict";
import type { Message } from "amqplib";
import { originOf } from "../../../nodes/amqp/client/consuming/retry-and-dead-letter";
import { redriveCopy } from "../../../nodes/amqp/redrive/copies";
import { readDeadLetter } from "../../../nodes/amqp/redrive/dead-letter";

const AT = "2026-11-21T12:00:00.000Z";
const NOW = Date.parse(AT);

const message = (headers: object, fields = { exchange: "", routingKey: "orders.dlq" }): Message => ({ content: Buffer.from("x"), fields, properties: { headers } }) as unknown as Message;
const read = (headers: object): object => readDeadLetter(message(headers), NOW);
const death = (more: object): object => ({ "x-death": [{ queue: "orders", reason: "delivery_limit", exchange: "plant", "routing-keys": ["line.7"], count: 1, time: { "!": "timestamp", value: NOW / 1000 - 60 }, ...more }] });

describe("a dead letter", () => {
  it("says cause and origin by the headers of the node it failed in", () => {
    const headers = {
      "x-error-code": "ROW_REFUSED",
      "x-error-message": "no",
      "x-failed-node": "write (abc)",
      "x-failed-at": "2026-11-21T11:59:00.000Z",
      "x-attempts": 6,
      "x-original-exchange": "plant",
      "x-original-routing-key": "line.7",
      "x-original-queue": "orders",
      "x-redriven": 2,
      "x-redriven-at": "2026-11-21T11:58:00.000Z",
    };
    assert.deepEqual(read(headers), {
      code: "ROW_REFUSED",
      message: "no",
      node: "write (abc)",
      attempts: 6,
      failedAt: "2026-11-21T11:59:00.000Z",
      age: 60_000,
      queue: "orders",
      exchange: "plant",
      routingKey: "line.7",
      redriven: 2,
      redrivenAt: "2026-11-21T11:58:00.000Z",
      deaths: [],
    });
  });

  it("says so although the broker has moved it on since", () => {
    const { queue, code } = readDeadLetter(message({ "x-error-code": "ROW_REFUSED", "x-original-queue": "orders", ...death({ queue: "orders.dlq", reason: "expired" }) }), NOW);
    assert.deepEqual([queue, code], ["orders", "ROW_REFUSED"]);
  });

  it("of an older version says its queue when it was sent straight there, and else none", () => {
    const older = (exchange: string): unknown => readDeadLetter(message({ "x-error-code": "ROW_REFUSED", "x-original-exchange": exchange, "x-original-routing-key": "orders" }), NOW).queue;
    assert.deepEqual([older(""), older("plant")], ["orders", undefined]);
  });

  it("of the broker's own says both by x-death", () => {
    const { deaths, ...letter } = readDeadLetter(message(death({})), NOW);
    assert.deepEqual(letter, {
      code: "delivery_limit",
      message: "The broker dead-lettered it in queue orders: delivery_limit",
      failedAt: "2026-11-21T11:59:00.000Z",
      age: 60_000,
      queue: "orders",
      exchange: "plant",
      routingKey: "line.7",
      redriven: 0,
    });
    assert.equal(deaths.length, 1);
  });

  for (const foreign of ["E17", 17]) {
    it(`of the broker's own says where it came from by x-death, though its sender had a header x-error-code, ${foreign}`, () => {
      const { queue, exchange, routingKey, failedAt, code } = readDeadLetter(message({ ...death({}), "x-error-code": foreign }), NOW);
      assert.deepEqual([queue, exchange, routingKey, failedAt, code], ["orders", "plant", "line.7", "2026-11-21T11:59:00.000Z", "delivery_limit"]);
    });
  }

  it("of an older version that the broker has moved on since says where it failed, not where it waited", () => {
    const headers = { ...death({ queue: "orders.dlq", exchange: "", "routing-keys": ["orders.dlq"] }), "x-error-code": "ROW_REFUSED", "x-failed-at": AT, "x-original-exchange": "plant", "x-original-routing-key": "orders" };
    const { queue, exchange, routingKey } = readDeadLetter(message(headers), NOW);
    assert.deepEqual([queue, exchange, routingKey], [undefined, "plant", "orders"]);
  });

  it("of the broker's own that was retried before keeps its first origin, and its attempts are forgotten", () => {
    const headers = { ...death({ exchange: "", "routing-keys": ["orders"] }), "x-retry-attempt": 3, "x-original-exchange": "plant", "x-original-routing-key": "line.7" };
    const letter = readDeadLetter(message(headers), NOW);
    assert.deepEqual([letter.queue, letter.exchange, letter.routingKey], ["orders", "plant", "line.7"]);
    const { exchange, routingKey, options } = redriveCopy(message(headers), letter, { kind: "origin" }, AT);
    assert.deepEqual([exchange, routingKey, options.headers], ["", "orders", { "x-redriven": 1, "x-redriven-at": AT, "x-original-exchange": "plant", "x-original-routing-key": "line.7" }]);
  });

  for (const [what, headers] of Object.entries({
    nothing: {},
    "strange types": { "x-error-code": 7, "x-original-queue": { a: 1 }, "x-attempts": "many", "x-redriven": -1, "x-failed-at": "yesterday", "x-death": "?" },
    "a strange x-death": { "x-death": [null] },
  })) {
    it(`with ${what} says nothing, and goes nowhere by itself`, () => {
      const letter = readDeadLetter(message(headers), NOW);
      assert.deepEqual({ ...letter, deaths: [] }, { redriven: 0, deaths: [] });
      for (const kind of ["origin", "exchange"] as const) assert.throws(() => redriveCopy(message(headers), letter, { kind }, AT), { code: "INPUT_INVALID" });
    });
  }

  it("that goes to an exchange again carries no origin of ours", () => {
    const headers = { "x-error-code": "ROW_REFUSED", "x-original-exchange": "plant", "x-original-routing-key": "line.7", "x-original-queue": "orders" };
    const { options } = redriveCopy(message(headers), readDeadLetter(message(headers), NOW), { kind: "exchange" }, AT);
    assert.deepEqual(options.headers, { "x-redriven": 1, "x-redriven-at": AT });
  });
});

describe("the origin of a message", () => {
  const written = { "x-original-exchange": "plant", "x-original-routing-key": "line.7" };
  const origin = (headers: object, exchange: string): string => originOf(message(headers, { exchange, routingKey: "key" })).exchange;

  it("is what we wrote on it, when it came by the default exchange with our mark", () => {
    assert.equal(origin({ ...written, "x-retry-attempt": 2 }, ""), "plant");
    assert.equal(origin({ ...written, "x-redriven": 1 }, ""), "plant");
  });

  it("is where it was published to otherwise: such headers are somebody else's then", () => {
    assert.equal(origin(written, ""), "");
    assert.equal(origin({ ...written, "x-retry-attempt": 2 }, "other"), "other");
    assert.equal(origin({ ...written, "x-original-exchange": 1, "x-redriven": 1 }, ""), "");
  });
});
