import assert from "node:assert/strict";
import util from "@node-red/util";
import { flowTracker } from "../../../nodes/delivery/tracker/flow-tracker";
import { Runtime, type FlowNodeConfig, warningsDuring } from "../../services/runtime";
import { held, testBench, theSource } from "../../services/test-nodes/test-nodes";
import { turns, waitShortly as until } from "../../services/wait";

const runtime = new Runtime();

const source: FlowNodeConfig = { id: "source", type: "test-source", wires: [["bare"]] };
/** From here on nothing on the message tells whose it is. */
const bare: FlowNodeConfig = { id: "bare", type: "function", func: "return { payload: msg.payload };", outputs: 1, wires: [["hold"]] };
const hold = (id: string): FlowNodeConfig => ({ id, type: "test-hold", wires: [[]] });
const complete: FlowNodeConfig = { id: "complete", type: "complete", scope: ["hold"], wires: [["after"]] };
const count: FlowNodeConfig = { id: "count", type: "test-count", wires: [["end"]] };
const end: FlowNodeConfig = { id: "end", type: "test-see" };

const hooked = (): boolean => (util as unknown as { hooks: { has(id: string): boolean } }).hooks.has("onSend.surewireDelivery");

describe("where messages of nobody go by, the flow tracker", function () {
  before(() => runtime.start());
  after(() => runtime.stop());

  it("lets a text pass that was sent instead of a message, whether or not a delivery is open", async () => {
    await runtime.fresh([source, bare, hold("hold"), count, end]);
    const counter = testBench.counters.get("count");
    counter?.receive("text" as never);
    assert.equal(counter?.count, 1);
    theSource().take("a");
    await until("it to be held", () => held.length === 1);
    counter?.receive("text" as never);
    assert.equal(counter?.count, 2);
  });

  it("still recognises the message that a Complete node makes of the last one, in code that belongs to no delivery", async () => {
    await runtime.fresh([source, bare, hold("hold"), complete, hold("after")]);
    theSource().take("a");
    await until("it to be held", () => held.length === 1);
    held[0]?.done();
    await until("the Complete node's copy to be held", () => held.length === 2);
    assert.equal(theSource().settled.length, 0);
    held[1]?.done();
    await until("it to be settled", () => theSource().settled.length === 1);
    assert.equal(theSource().settled[0]?.settlement.outcome, "accept");
  });

  it("lets what a Status node tells be nobody's: neither what holds it nor what fails by it is the delivery's", async () => {
    const tells: FlowNodeConfig = { id: "tells", type: "function", func: "node.status({ text: msg.payload }); return msg;", outputs: 1, wires: [["end"]] };
    const status: FlowNodeConfig = { id: "status", type: "status", scope: null, wires: [["hold", "fails"]] };
    const fails: FlowNodeConfig = { id: "fails", type: "function", func: "throw new Error('no mail server');" };
    await runtime.fresh([{ ...source, wires: [["tells"]] }, tells, status, hold("hold"), fails, end]);
    theSource().take("a");
    await until("what the Status node tells", () => held.length === 1);
    await until("it to be settled", () => theSource().settled.length === 1);
    assert.equal(theSource().settled[0]?.settlement.outcome, "accept");
  });

  it("lets Node-RED's hooks go when no delivery is open and none was followed since it last looked, and adds them for the next", async () => {
    await runtime.fresh([source, bare, hold("hold")]);
    for (const payload of ["a", "b"]) {
      theSource().take(payload);
      await until("it to be held", () => held.length === 1);
      for (const _ of [1, 2, 3]) flowTracker.rest();
      assert.equal(hooked(), true, "while one is open");
      assert.equal(theSource().settled.at(-1)?.taken === payload, false);
      held.splice(0)[0]?.done();
      await until("it to be settled", () => theSource().settled.at(-1)?.taken === payload);
      assert.equal(hooked(), true, "for what may be sent late");
      flowTracker.rest();
      assert.equal(hooked(), false);
    }
    theSource().take("c");
    await until("it to be held", () => held.length === 1);
    held.splice(0)[0]?.done();
    await until("it to be settled", () => theSource().settled.length === 3);
    flowTracker.rest();
    assert.equal(hooked(), true, "when one was followed since it last looked");
  });

  it("knows the next delivery, and what a node makes of it, when no other is open", async () => {
    await runtime.fresh([source, bare, hold("hold")]);
    for (const payload of ["a", "b"]) {
      theSource().take(payload);
      await until("it to be held", () => held.length === 1);
      assert.equal(theSource().settled.at(-1)?.taken === payload, false);
      held.splice(0)[0]?.done();
      await until("it to be settled", () => theSource().settled.at(-1)?.taken === payload);
    }
  });

  it("warns of no rate limit that sends, by the timer of one that is settled, what a lost connection has taken back", async () => {
    const rate = { pauseType: "rate", rate: "10", nbRateUnits: "1", rateUnits: "second", timeout: "5", timeoutUnits: "seconds", randomUnits: "seconds", drop: false, allowrate: false, outputs: 1 };
    await runtime.fresh([{ ...source, wires: [["delay"]] }, { id: "delay", type: "delay", ...rate, wires: [["end"]] }, end]);
    const lines = await warningsDuring(async () => {
      const entry = theSource();
      for (const payload of ["a", "b"]) entry.take(payload);
      await until("the first to be settled", () => entry.settled.length === 1);
      entry.source.invalidate();
      entry.take("c"); // or nobody would look
      await until("the last to pass", () => testBench.seen.length === 3);
    });
    assert.deepEqual(lines, []);
  });

  it("counts each part of a message that a rate limit held when another delivery has it flushed", async () => {
    const parts = { ...bare, id: "parts", func: "if (msg.payload === 'flush') return { flush: true }; return [[].concat(msg.payload).map((payload) => ({ payload }))];", wires: [["delay"]] };
    const rate = { pauseType: "rate", rate: "1", nbRateUnits: "1", rateUnits: "hour", timeout: "5", timeoutUnits: "seconds", randomUnits: "seconds", drop: false, allowrate: false, outputs: 1 };
    await runtime.fresh([{ ...source, wires: [["parts"]] }, parts, { id: "delay", type: "delay", ...rate, wires: [["hold"]] }, hold("hold")]);
    const entry = theSource();
    for (const payload of ["first", ["a", "b"], "flush"]) entry.take(payload);
    await until("the flush", () => held.length === 3);
    held[1]?.go(); // the first part
    await turns(5);
    assert.deepEqual(entry.settled, []);
    held[2]?.go();
    await until("it to be settled", () => entry.settled.some(({ taken }) => Array.isArray(taken)));
  });

  for (const [what, rule] of [["drops", { t: "eq", v: "a", vt: "str" }], ["passes on", { t: "nnull" }]] as const) {
    for (const before of [0, 1]) {
      it(`takes no message of a delivery for dropped that waits in a Switch behind many of nobody, which it ${what}, ${before ? "and which were counted" : "though nobody has counted them"}`, async () => {
        const way: FlowNodeConfig = { id: "switch", type: "switch", property: "payload", propertyType: "msg", checkall: "true", rules: [rule], outputs: 1, wires: [["seen"]] };
        await runtime.fresh([{ ...source, wires: [["switch"]] }, { ...count, wires: [["switch"]] }, way, { id: "seen", type: "test-see" }]);
        for (let times = 0; times < 2; times += 1) flowTracker.rest();
        const entry = theSource();
        const seen = (): number => testBench.seen.filter(({ payload }) => payload === "a").length;
        const seenWhenSettled: number[] = [];
        entry.onSettled = () => seenWhenSettled.push(seen());
        for (let taken = 1; taken <= before + 1; taken += 1) {
          for (let other = 0; other < 50 && taken > before; other += 1) testBench.counters.get("count")?.receive({ payload: "other" });
          entry.take("a");
          await until("it to be settled", () => entry.settled.length === taken);
        }
        assert.deepEqual(seenWhenSettled, before ? [1, 2] : [1]);
      });
    }
  }
});
