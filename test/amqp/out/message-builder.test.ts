import assert from "node:assert/strict";
import { gunzipSync, inflateSync } from "node:zlib";
import { messageBuilder } from "../../../nodes/amqp/out/message-builder";
import { readSettings, type OutDef } from "../../../nodes/amqp/out/settings";
import type { Outgoing } from "../../../nodes/amqp/client/publishing/publisher";
import type { ConnectorError } from "../../../nodes/common/errors";
import { decode } from "../../../nodes/format/format";

/** Typed inputs without Node-RED: `msg` reads a property, `jsonata` the same by a promise, all others are as they are. */
const compile = (value: string, type: string): ((msg: object) => unknown) => {
  const read = (msg: object): unknown => (msg as Record<string, unknown>)[value];
  if (type === "jsonata") return (msg) => Promise.resolve(read(msg));
  if (type === "msg") return read;
  if (type === "num") return () => Number(value);
  return () => value;
};

const builderOf = (def: Partial<OutDef> = {}): ((msg: object) => Outgoing | Promise<Outgoing>) =>
  messageBuilder(readSettings({ broker: "", routingKey: "queue", headers: "", ...def }, compile).build);
const build = (msg: object, def: Partial<OutDef> = {}): Outgoing => builderOf(def)({ payload: "x", ...msg }) as Outgoing;
/** A message with one property set from `msg.value`. */
const withProperty = (property: string, value: unknown): Outgoing => build({ value }, { properties: [{ property, value: "value", valueType: "msg" }] });

describe("what amqp out makes of a message", () => {
  it("has an id, a time, and the content type of its content", () => {
    const { content, options, ...rest } = build({ payload: { a: 1 } });
    assert.deepEqual(rest, { exchange: "", routingKey: "queue" });
    assert.equal(content.toString(), '{"a":1}');
    assert.match(String(options.messageId), /^[0-9a-f-]{36}$/);
    assert.ok(Math.abs(Number(options.timestamp) - Date.now() / 1000) < 2);
    assert.equal(options.contentType, "application/json");
    assert.deepEqual([options.persistent, options.mandatory, options.headers], [true, true, {}]);
    assert.deepEqual(Object.keys(options).filter((name) => (options as Record<string, unknown>)[name] === undefined), []);
  });

  it("carries every property as it was given, from the message or fixed", () => {
    const given = { messageId: "m", correlationId: "c", replyTo: "answers", expiration: "60000", priority: "5", type: "t", appId: "a", contentType: "text/csv", contentEncoding: "identity" };
    const fixed = Object.entries(given).map(([property, value]) => ({ property, value, valueType: "str" }));
    const fromMessage = Object.keys(given).map((property) => ({ property, value: property, valueType: "msg" }));
    for (const options of [build({}, { properties: fixed }).options, build(given, { properties: fromMessage }).options]) {
      assert.deepEqual(options, { ...given, priority: 5, timestamp: options.timestamp, headers: {}, persistent: true, mandatory: true });
    }
  });

  it("recognises a returned message also if a text in it ends with half a character", () => {
    const half = "pump \u{1F6B0}".slice(0, 6);
    const { routingKey, options } = build({ half }, { routingKey: "half", routingKeyType: "msg", properties: [{ property: "messageId", value: "half", valueType: "msg" }] });
    assert.deepEqual([routingKey, options.messageId], ["pump \uFFFD", "pump \uFFFD"]);
  });

  it("has the headers of a message that came from a queue, but not what says how often that was tried, redriven or dead-lettered", () => {
    const headers = { kind: "alarm", "x-retry-attempt": 3, "x-redriven": 2, "x-redriven-at": "2026-01-01T00:00:00Z", "x-death": [{}], "x-first-death-queue": "q", "x-delivery-count": 4, "x-error-code": "MINE" };
    assert.deepEqual(build({ headers }, { headers: "headers", headersType: "msg" }).options.headers, { kind: "alarm", "x-error-code": "MINE" });
    assert.equal(headers["x-redriven"], 2, "the message's own are as they were");
  });

  it("does not take a message that does not say its exchange for one to the default exchange", () => {
    const def = { exchange: "to", exchangeType: "msg" };
    assert.throws(() => build({}, def), { code: "INPUT_INVALID", message: /does not say the exchange/ });
    assert.equal(build({ to: "" }, def).exchange, "");
  });

  it("goes to a queue where one is chosen, and in flows that do not say so where the exchange has no name", () => {
    assert.equal(build({}, { destination: "queue", exchange: "left over" }).exchange, "");
    assert.equal(build({}, { exchange: "" }).exchange, "");
    assert.equal(build({}, { exchange: "plant" }).exchange, "plant");
    assert.equal(build({}, { destination: "exchange", exchange: "plant" }).exchange, "plant");
  });

  for (const [what, value, expiration] of [
    ["a number", 1500, "1500"],
    ["text", "1500", "1500"],
    ["zero", 0, "0"],
    ["the longest", 4_294_967_295, "4294967295"],
  ] as const) {
    it(`takes ${what} for an expiration, in ms`, () => assert.equal(withProperty("expiration", value).options.expiration, expiration));
  }

  for (const [what, value] of [
    ["a date", new Date("2026-01-02T03:04:05.678Z")],
    ["ms", Date.parse("2026-01-02T03:04:05.678Z")],
    ["ms as text", String(Date.parse("2026-01-02T03:04:05.678Z"))],
    ["ISO text", "2026-01-02T03:04:05.678Z"],
    ["the seconds of a message that came", 1_767_323_045],
  ] as const) {
    it(`takes ${what} for a timestamp, in s`, () => assert.equal(withProperty("timestamp", value).options.timestamp, 1_767_323_045));
  }

  for (const [property, value] of [
    ["expiration", -1],
    ["expiration", 1.5],
    ["expiration", 4_294_967_296],
    ["expiration", "soon"],
    ["expiration", {}],
    ["priority", 256],
    ["priority", -1],
    ["priority", 1.5],
    ["priority", "high"],
    ["timestamp", "yesterday"],
    ["timestamp", new Date(NaN)],
    ["timestamp", -1],
    ["timestamp", {}],
    ["messageId", {}],
    ["type", true],
    ["correlationId", "ü".repeat(128)],
    ["replyTo", "amq.rabbitmq.reply-to"],
  ] as const) {
    it(`refuses ${typeof value === "object" ? JSON.stringify(value) : String(value).slice(0, 30)} as ${property}, naming it`, () => {
      assert.throws(() => withProperty(property, value), (error: ConnectorError) => error.code === "INPUT_INVALID" && error.message.includes(`property ${property}`));
    });
  }

  it("takes an empty value as none: what has a default keeps it, the rest is not sent", () => {
    for (const value of [undefined, null, ""]) {
      assert.match(String(withProperty("messageId", value).options.messageId), /^[0-9a-f-]{36}$/);
      assert.equal(withProperty("contentType", value).options.contentType, "text/plain; charset=utf-8");
      for (const property of ["priority", "expiration", "correlationId"]) assert.ok(!(property in withProperty(property, value).options));
    }
  });

  it("waits for values that are promises, and mixes up no messages", async () => {
    const builder = builderOf({
      exchange: "x",
      exchangeType: "jsonata",
      properties: [{ property: "correlationId", value: "id", valueType: "jsonata" }, { property: "type", value: "kind", valueType: "msg" }],
    });
    const built = await Promise.all([1, 2, 3].map(async (id) => builder({ payload: id, x: `x${id}`, id, kind: `k${id}` })));
    assert.deepEqual(built.map(({ exchange, options }) => [exchange, options.correlationId, options.type]), [["x1", "1", "k1"], ["x2", "2", "k2"], ["x3", "3", "k3"]]);
  });

  it("is not a promise if no value is one", () => assert.ok(!(builderOf({ routingKey: "k", routingKeyType: "msg" })({ payload: 1, k: "q" }) instanceof Promise)));

  it("leaves no rejection unhandled if one value is refused while another is still awaited", async () => {
    const builder = messageBuilder(
      readSettings(
        { broker: "", routingKey: "k", routingKeyType: "jsonata", properties: [{ property: "priority", value: "p", valueType: "msg" }] },
        (value, type) => (type === "jsonata" ? () => Promise.reject(new Error("bad expression")) : compile(value, type)),
      ).build,
    );
    await assert.rejects(Promise.resolve(builder({ payload: 1, p: 999 })), /bad expression/);
  });

  it("is compressed when its encoding says so, and says so", () => {
    for (const [contentEncoding, expand] of [["gzip", gunzipSync], ["deflate", inflateSync]] as const) {
      const { content, options } = build({ payload: { a: "b".repeat(1000) } }, { properties: [{ property: "contentEncoding", value: contentEncoding, valueType: "str" }] });
      assert.ok(content.length < 100);
      assert.deepEqual(JSON.parse(expand(content).toString()), { a: "b".repeat(1000) });
      assert.deepEqual([options.contentEncoding, options.contentType], [contentEncoding, "application/json"]);
    }
  });

  it("passes on bytes that are encoded already, as they come from a queue", () => {
    const properties = [{ property: "contentEncoding", value: "gzip", valueType: "str" }];
    const first = build({ payload: "text" }, { properties });
    const payload = decode(first.content, "auto", first.options);
    assert.equal(gunzipSync(build({ payload }, { properties }).content).toString(), "text");
  });

  it("only names an encoding it does not know", () => {
    const { content, options } = build({ payload: "text" }, { properties: [{ property: "contentEncoding", value: "br", valueType: "str" }] });
    assert.deepEqual([content.toString(), options.contentEncoding], ["text", "br"]);
  });

  it("is not mandatory when an exchange is to delay it: RabbitMQ's plugin returns what it keeps", () => {
    const delayed = (delay: unknown, exchange = "delayed"): unknown => build({ headers: { "x-delay": delay } }, { exchange, headers: "headers", headersType: "msg" }).options.mandatory;
    assert.deepEqual([delayed(5_000), delayed(-5_000), delayed("5000"), delayed(5_000, "")], [false, true, true, true]);
  });

  it("is not mandatory when it is an answer to a request: RabbitMQ 3.10 returns those it has delivered", () => {
    assert.equal(build({}, { routingKey: "amq.rabbitmq.reply-to.g1h2.abc==" }).options.mandatory, false);
    assert.equal(build({}, { routingKey: "amq.rabbitmq.reply-to.x", exchange: "own" }).options.mandatory, true);
  });

  for (const [what, def] of [
    ["a priority that is none", { properties: [{ property: "priority", value: "300", valueType: "num" }] }],
    ["headers that cannot be sent", { headers: "text" }],
    ["a property that is none", { properties: [{ property: "userId", value: "x", valueType: "str" }] }],
    ["no destination", { routingKey: "" }],
    ["an exchange that has no name", { destination: "exchange", exchange: " " }],
    ["a routing key that is too long", { routingKey: "x".repeat(256) }],
  ] as const) {
    it(`is never made with ${what}: the fault is the node's, not each message's`, () => {
      assert.throws(() => builderOf(def as Partial<OutDef>), { code: "NOT_CONFIGURED" });
    });
  }
});

describe("the times of amqp out", () => {
  const times = (value: string): unknown[] => {
    const { confirmTimeout, maxWait, request } = readSettings({ broker: "", routingKey: "queue", confirmTimeout: value, maxWait: value, request: true, requestTimeout: value }, compile);
    return [confirmTimeout, maxWait, request?.timeout];
  };

  it("are the defaults where they are blank", () => assert.deepEqual(times(""), [15_000, 60_000, 30_000]));

  // Node's timers fire at once for anything longer
  it("are no longer than a timer can run, whatever stands in the environment", () => assert.throws(() => times("99999999999"), { code: "NOT_CONFIGURED" }));
});
