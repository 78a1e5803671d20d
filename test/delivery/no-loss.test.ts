import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import util from "@node-red/util";
import { ConnectorError } from "../../nodes/common/errors";
import { flowTracker } from "../../nodes/delivery/tracker/flow-tracker";
import type { ItemResult } from "../../nodes/delivery/sink/sink";
import { held, testBench, theSource, type TestSource } from "../services/test-nodes/test-nodes";
import { Runtime, type FlowNodeConfig } from "../services/runtime";
import { remains, turns, waitFor as waitUntil } from "../services/wait";

const runtime = new Runtime();
const waitFor = (what: string, condition: () => boolean): Promise<boolean> => waitUntil(what, condition, { interval: 5 });

const source = (wires: string[], more: object = {}): FlowNodeConfig => ({ id: "source", type: "test-source", wires: [wires], ...more });
const see = (id: string, wires: string[] = []): FlowNodeConfig => ({ id, type: "test-see", wires: [wires] });
const hold = (id: string, wires: string[] = []): FlowNodeConfig => ({ id, type: "test-hold", wires: [wires] });
const fn = (id: string, func: string, wires: string[] = []): FlowNodeConfig => ({ id, type: "function", func, outputs: 1, wires: [wires] });
const settle = (id: string, outcome: string, wires: string[] = []): FlowNodeConfig => ({ id, type: "surewire-settle", outcome, outcomeType: "outcome", wires: [wires] });
const catchAll = (id: string, wires: string[]): FlowNodeConfig => ({ id, type: "catch", scope: null, uncaught: false, wires: [wires] });
const split = (wires: string[]): FlowNodeConfig => ({ id: "split", type: "split", splt: "\\n", spltType: "str", arraySplt: 1, arraySpltType: "len", addname: "", wires: [wires] });
const join = (count: number, wires: string[]): FlowNodeConfig => {
  const how = { mode: "custom", build: "array", property: "payload", propertyType: "msg", key: "topic", joiner: "\\n", joinerType: "str", timeout: "" };
  return { id: "join", type: "join", count: String(count), accumulate: false, reduceRight: false, ...how, wires: [wires] };
};
const sink: FlowNodeConfig = { id: "sink", type: "test-sink", wires: [[]] };

const settledAs = (entry: TestSource): Record<string, string> =>
  Object.fromEntries(entry.settled.map(({ taken, settlement }) => [String(taken), settlement.outcome]));
const allSettled = (entry: TestSource, count: number): Promise<boolean> => waitFor(`${count} to be settled`, () => entry.settled.length >= count);

describe("no message is lost", function () {
  before(() => runtime.start());
  after(() => runtime.stop());

  describe("by a sink that takes it for one whose copy will come", () => {
    it("when its source settles on delivery", async () => {
      await runtime.fresh([source(["sink"], { settle: "delivery" }), sink]);
      theSource().take("a");
      await waitFor("it to be stored", () => testBench.stored.length === 1);
    });

    it("when a settle node before the sink has accepted it", async () => {
      await runtime.fresh([source(["settle"], { settle: "node" }), settle("settle", "accept", ["sink"]), sink]);
      theSource().take("a");
      await waitFor("it to be stored", () => testBench.stored.length === 1);
      assert.deepEqual(settledAs(theSource()), { a: "accept" });
    });

    it("when a Trigger node sends it on after it was done with it", async () => {
      const trigger = { op1type: "nul", op2type: "payl", op1: "", op2: "", duration: "30", units: "ms", extend: "false", reset: "", bytopic: "all", topic: "topic" };
      await runtime.fresh([source(["trigger"]), { id: "trigger", type: "trigger", outputs: 1, ...trigger, wires: [["sink"]] }, sink]);
      theSource().take("a");
      await waitFor("it to be stored", () => testBench.stored.length === 1);
    });
  });

  it("when a group is sent by the timer that its first message set", async () => {
    await runtime.fresh([source(["join"]), { ...join(0, ["hold"]), timeout: "0.05" }, hold("hold")]);
    const entry = theSource();
    for (const payload of ["a", "b", "c"]) entry.take(payload);
    await waitFor("the joined message", () => held.length === 1);
    await turns(5);
    assert.deepEqual(settledAs(entry), {});
    held[0]?.fail(new Error("for all"));
    await allSettled(entry, 3);
    assert.deepEqual(settledAs(entry), { a: "retry", b: "retry", c: "retry" });
  });

  describe("when a rate limit sends by the timer that another message set", () => {
    const anew = fn("anew", "return { payload: msg.payload };", ["limit"]);
    const rate = { pauseType: "rate", rate: "50", nbRateUnits: "1", rateUnits: "second", drop: false, allowrate: false, outputs: 1 };
    const limit: FlowNodeConfig = { id: "limit", type: "delay", ...rate, timeout: "1", timeoutUnits: "seconds", randomUnits: "seconds", wires: [["hold"]] };

    it("which is settled, and nothing on it tells whose it is", async () => {
      await runtime.fresh([source(["anew"]), anew, limit, hold("hold")]);
      const entry = theSource();
      entry.take("a");
      await waitFor("the first message", () => held.length === 1);
      entry.take("b");
      held[0]?.go();
      await allSettled(entry, 1);
      await waitFor("the second message", () => held.length === 2);
      await turns(5);
      assert.deepEqual(settledAs(entry), { a: "accept" });
      held[1]?.fail(new Error("b alone"));
      await allSettled(entry, 2);
      assert.deepEqual(settledAs(entry), { a: "accept", b: "retry" });
    });

    it("which is open still, and fails with none of those behind it", async () => {
      await runtime.fresh([source(["anew"]), anew, limit, hold("hold")]);
      const entry = theSource();
      for (const payload of ["a", "b"]) entry.take(payload);
      await waitFor("both messages", () => held.length === 2);
      held[1]?.fail(new Error("b alone"));
      await allSettled(entry, 1);
      held[0]?.go();
      await allSettled(entry, 2);
      assert.deepEqual(settledAs(entry), { a: "accept", b: "retry" });
    });
  });

  describe("when a function gathers messages that nothing tells whose they are, and sends each with its own done by the timer that the first set", () => {
    const anew = fn("anew", "return { payload: msg.payload };", ["gather"]);
    const gather = fn(
      "gather",
      `const all = context.get("all") || [];
      all.push(() => { node.send(msg); node.done(); });
      context.set("all", all);
      if (all.length === 1) setTimeout(() => { for (const go of context.get("all").splice(0)) go(); }, 30);`,
      ["hold"],
    );

    it("and several are parts of one", async () => {
      await runtime.fresh([source(["split"]), split(["anew"]), anew, gather, hold("hold")]);
      const entry = theSource();
      entry.take(["a"]);
      entry.take(["b", "c"]);
      await waitFor("all to arrive", () => held.length === 3);
      for (const one of held.slice(0, 2)) one.go();
      await waitFor("the first to be settled", () => entry.settled.length === 1);
      await turns(5);
      assert.deepEqual(settledAs(entry), { a: "accept" });
      held[2]?.fail(new Error("c alone"));
      await allSettled(entry, 2);
      assert.deepEqual(settledAs(entry), { a: "accept", "b,c": "retry" });
    });

    it("and each is another's", async () => {
      await runtime.fresh([source(["anew"]), anew, gather, hold("hold")]);
      const entry = theSource();
      for (const payload of ["a", "b", "c"]) entry.take(payload);
      await waitFor("all to arrive", () => held.length === 3);
      for (const index of [0, 2]) held[index]?.go();
      await allSettled(entry, 2);
      held[1]?.fail(new Error("b alone"));
      await allSettled(entry, 3);
      assert.deepEqual(settledAs(entry), { a: "accept", b: "retry", c: "accept" });
    });
  });

  it("when what completes a group was taken back before it arrived", async () => {
    const tarry = "if (msg.payload === 'late') await new Promise((resolve) => setTimeout(resolve, 100)); return msg;";
    await runtime.fresh([source(["tarry"]), fn("tarry", tarry, ["join"]), join(2, ["hold"]), hold("hold")]);
    const entry = theSource();
    entry.take("late");
    await turns(5);
    entry.source.invalidate();
    entry.take("a");
    await waitFor("the joined message", () => held.length === 1);
    await turns(5);
    assert.deepEqual(settledAs(entry), {});
    held[0]?.fail(new Error("for all"));
    await allSettled(entry, 1);
    assert.deepEqual(settledAs(entry), { a: "retry" });
  });

  it("when all that a waiting sink has tried to store was taken back by its broker", async () => {
    await runtime.fresh([source(["sink"]), sink]);
    let down = true;
    testBench.write = (values) => {
      if (down) return Promise.reject(new ConnectorError("DATABASE_UNAVAILABLE", "database is away"));
      testBench.stored.push(...values);
      return Promise.resolve(values.map((value) => ({ ok: true, value })));
    };
    const entry = theSource();
    for (const payload of ["a", "b"]) entry.take(payload);
    await waitFor("the sink to wait", () => entry.source.held);
    entry.source.invalidate();
    entry.take("c");
    await waitFor("the sink to wait again", () => entry.source.held);
    down = false;
    await allSettled(entry, 1);
    assert.deepEqual([testBench.stored, entry.source.held], [["c"], false]);
  });

  it("when a joined message is copied on its way", async () => {
    await runtime.fresh([source(["join"]), join(2, ["split"]), split(["hold"]), hold("hold")]);
    const entry = theSource();
    for (const payload of ["a", "b"]) entry.take(payload);
    await waitFor("both parts", () => held.length === 2);
    held[0]?.go();
    await turns(5);
    assert.deepEqual(settledAs(entry), {});
    held[1]?.fail(new Error("for both"));
    await allSettled(entry, 2);
    assert.deepEqual(settledAs(entry), { a: "retry", b: "retry" });
  });

  it("when a node reports the failure of one message in the handler of another", async () => {
    await runtime.fresh([source(["pair"]), { id: "pair", type: "test-pair", wires: [["see"]] }, see("see"), catchAll("catch", [])]);
    const entry = theSource();
    for (const payload of ["bad", "good"]) entry.take(payload);
    await allSettled(entry, 1);
    await turns(5);
    assert.deepEqual(settledAs(entry), { bad: "retry" });
    held[0]?.go();
    await allSettled(entry, 2);
    assert.deepEqual(settledAs(entry), { bad: "retry", good: "accept" });
  });

  it("when that failure reaches no Catch node, and the other message does not fail with it", async () => {
    await runtime.fresh([source(["pair"]), { id: "pair", type: "test-pair", wires: [["see"]] }, see("see")]);
    const entry = theSource();
    for (const payload of ["bad", "good"]) entry.take(payload);
    await allSettled(entry, 1);
    await turns(5);
    held[0]?.go();
    await allSettled(entry, 2);
    assert.deepEqual(settledAs(entry), { bad: "retry", good: "accept" });
  });

  it("when a node calls done for one message and then node.error for another", async () => {
    await runtime.fresh([source(["pair"]), { id: "pair", type: "test-pair", how: "error", wires: [[]] }, catchAll("catch", ["see"]), see("see")]);
    const entry = theSource();
    for (const payload of ["bad", "good"]) entry.take(payload);
    await allSettled(entry, 2);
    assert.equal(settledAs(entry).bad, "retry");
  });

  it("when one part's error is accepted on the Catch branch and another part's is not", async () => {
    const accepted = { id: "switch", type: "switch", property: "payload", propertyType: "msg", rules: [{ t: "eq", v: "2", vt: "num" }], checkall: "true", outputs: 1 };
    await runtime.fresh([
      source(["split"]),
      split(["f"]),
      fn("f", "node.error('part ' + msg.payload, msg); return null;"),
      catchAll("catch", ["switch"]),
      { ...accepted, wires: [["settle"]] },
      settle("settle", "accept"),
    ]);
    const entry = theSource();
    entry.take([1, 2]);
    await allSettled(entry, 1);
    assert.equal(entry.settled[0]?.settlement.outcome, "retry");
  });

  it("when an error is accepted on one of two Catch branches", async () => {
    await runtime.fresh([source(["f"]), fn("f", "node.error('x', msg); return null;"), catchAll("one", ["settle"]), catchAll("two", []), settle("settle", "accept")]);
    const entry = theSource();
    entry.take("a");
    await allSettled(entry, 1);
    assert.equal(entry.settled[0]?.settlement.outcome, "accept");
  });

  it("when a node fails again after its first error was accepted on the Catch branch", async () => {
    const func = "node.error('first', msg); setTimeout(() => node.error('second', msg), 30); setTimeout(() => node.done(), 40); return null;";
    await runtime.fresh([source(["f", "hold"]), fn("f", func), hold("hold"), catchAll("catch", ["first"]), settle("settle", "accept"), {
      ...fn("first", "return msg.error.message === 'first' ? msg : null", ["settle"]),
    }]);
    const entry = theSource();
    entry.take("a");
    await waitFor("the other branch to have it", () => held.length === 1);
    await remains("unsettled", () => entry.settled.length === 0, 80);
    held[0]?.go();
    await allSettled(entry, 1);
    assert.equal(entry.settled[0]?.settlement.outcome, "retry");
  });

  it("when the next node failed to start", async () => {
    await runtime.fresh([source(["broken"]), { id: "broken", type: "test-broken", wires: [[]] }]);
    const entry = theSource();
    entry.take("a");
    await allSettled(entry, 1);
    assert.equal(entry.settled[0]?.settlement.outcome, "retry");
    assert.match(entry.settled[0]?.settlement.error?.message ?? "", /broken.*is not running/);
  });

  it("and a node that the user has disabled is no failure", async () => {
    await runtime.fresh([source(["off"]), { ...see("off"), d: true }]);
    const entry = theSource();
    entry.take("a");
    await allSettled(entry, 1);
    assert.equal(entry.settled[0]?.settlement.outcome, "accept");
  });

  for (const type of ["nodes", "flows"] as const) {
    it(`when it is on its way to a node that a ${type} deploy stops in this moment`, async () => {
      const flow = (version: number): FlowNodeConfig[] => [source(["see"]), { ...see("see"), version }];
      await runtime.fresh(flow(1));
      const entry = theSource();
      const { events } = util as unknown as { events: EventEmitter };
      events.once("flows:stopping", () => entry.take("a"));
      await runtime.deploy(flow(2), type);
      await allSettled(entry, 1);
      assert.deepEqual([settledAs(entry).a, testBench.seen.length], ["release", 0]);
    });
  }

  it("by a deploy of something else while a subflow within a subflow holds it", async () => {
    const flow = (name: string): FlowNodeConfig[] => [
      { id: "in", type: "subflow", name: "in", in: [{ x: 0, y: 0, wires: [{ id: "inner" }] }], out: [{ x: 0, y: 0, wires: [{ id: "inner", port: 0 }] }] },
      { ...hold("inner"), z: "in", x: 1, y: 1 },
      { id: "out", type: "subflow", name: "out", in: [{ x: 0, y: 0, wires: [{ id: "nested" }] }], out: [{ x: 0, y: 0, wires: [{ id: "nested", port: 0 }] }] },
      { id: "nested", type: "subflow:in", z: "out", x: 1, y: 1, wires: [[]] },
      source(["instance"]),
      { id: "instance", type: "subflow:out", wires: [["see"]] },
      see("see"),
      { ...see("other"), name },
    ];
    await runtime.fresh(flow("one"));
    const entry = theSource();
    entry.take("a");
    await waitFor("the message in the subflow", () => held.length === 1);
    await runtime.deploy(flow("two"), "nodes");
    await turns(5);
    assert.deepEqual(settledAs(entry), {});
    held[0]?.go();
    await allSettled(entry, 1);
    assert.deepEqual([settledAs(entry).a, testBench.seen.length], ["accept", 1]);
  });

  it("by a sink whose values are evaluated: one bad row is the fault of no other", async () => {
    await runtime.fresh([source(["sink"]), { ...sink, evaluated: true }]);
    const refused = new ConnectorError("ROW_REFUSED", "no");
    testBench.write = (values) => Promise.resolve(values.map((value): ItemResult<unknown> => (value === "bad" ? { ok: false, error: refused } : { ok: true, value })));
    const entry = theSource();
    for (const payload of ["good", "bad", "fine"]) entry.take(payload);
    await allSettled(entry, 3);
    assert.deepEqual(settledAs(entry), { good: "accept", bad: "dead-letter", fine: "accept" });
  });

  it("and a refused row neither waits for others nor makes them fail", async () => {
    await runtime.fresh([source(["sink"]), { ...sink, wires: [["hold"]] }, hold("hold")]);
    const broken = new ConnectorError("FLOW_ERROR", "try later");
    const refused = new ConnectorError("ROW_REFUSED", "no");
    testBench.write = (values) => Promise.resolve(values.map((value): ItemResult<unknown> => (value === "bad" ? { ok: false, error: refused } : { ok: true, value })));
    const entry = theSource();
    for (const payload of ["good", "bad", "fine"]) entry.take(payload);
    await waitFor("the stored ones to go on", () => held.length === 2);
    await allSettled(entry, 1);
    assert.deepEqual(settledAs(entry), { bad: "dead-letter" });
    for (const one of held) one.fail(broken);
    await allSettled(entry, 3);
    assert.deepEqual(settledAs(entry), { bad: "dead-letter", good: "retry", fine: "retry" });
  });
});

describe("no message is lost when Node-RED delivers messages synchronously", function () {
  const synchronous = new Runtime({ runtimeSyncDelivery: true });
  before(() => synchronous.start());
  after(() => synchronous.stop());

  it("joined or not, until the last node is done", async () => {
    await synchronous.fresh([source(["join"]), join(2, ["see"]), see("see", ["hold"]), hold("hold")]);
    const entry = theSource();
    for (const payload of ["a", "b"]) entry.take(payload);
    await waitFor("the joined message", () => held.length === 1);
    await turns(5);
    assert.deepEqual(settledAs(entry), {});
    held[0]?.fail(new Error("for both"));
    await allSettled(entry, 2);
    assert.deepEqual(settledAs(entry), { a: "retry", b: "retry" });
  });

  it("gathered by a timer that belongs to no delivery", async () => {
    await synchronous.fresh([source(["gather"]), { id: "gather", type: "test-gather", wires: [["see"]] }, see("see")]);
    const entry = theSource();
    for (const payload of ["a", "b", "c"]) entry.take(payload);
    await allSettled(entry, 3);
    assert.deepEqual(settledAs(entry), { a: "accept", b: "accept", c: "accept" });
  });
});

describe("the flow tracker stays small and quick", function () {
  before(() => runtime.start());
  after(() => runtime.stop());

  it("with a delivery split into 10,000 parts", async () => {
    await runtime.fresh([source(["split"]), split(["one"]), see("one", ["two"]), see("two", ["sink"]), { ...sink, batchSize: 200 }]);
    const entry = theSource();
    entry.take(Array.from({ length: 10_000 }, (_value, index) => index));
    await waitUntil("it to be settled", () => entry.settled.length === 1, { interval: 20 });
    assert.equal(entry.settled[0]?.settlement.outcome, "accept");
    assert.equal(testBench.stored.length, 10_000);
  });

  it("with 3,000 deliveries in one message", async () => {
    await runtime.fresh([source(["join"]), join(3000, ["hold"]), hold("hold")]);
    const entry = theSource();
    for (let index = 0; index < 3000; index += 1) entry.take(index);
    await waitFor("the joined message", () => held.length === 1);
    assert.equal(entry.settled.length, 0);
    held[0]?.go();
    await allSettled(entry, 3000);
    assert.ok(entry.settled.every(({ settlement }) => settlement.outcome === "accept"));
  });

  it("with a message that goes round: only what is open of it is remembered", async () => {
    const round = "msg.count = (msg.count || 0) + 1; return msg.count < 2000 ? [msg, null] : [null, msg];";
    await runtime.fresh([source(["f"]), { id: "f", type: "function", func: round, outputs: 2, wires: [["see"], ["hold"]] }, { ...see("see"), wires: [["f"]] }, hold("hold")]);
    const entry = theSource();
    entry.take("a");
    await waitFor("it to come out", () => held.length === 1);
    let trail = 0;
    for (let hop = flowTracker.hopOfMessage(held[0]?.msg ?? {}); hop; hop = hop.previous) trail += 1;
    assert.ok(trail > 0 && trail < 4, `${trail} hops are remembered`);
    held[0]?.go();
    await allSettled(entry, 1);
  });
});
