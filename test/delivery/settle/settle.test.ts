import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import util from "@node-red/util";
import { ConnectorError } from "../../../nodes/common/errors";
import { held, testBench, theSource } from "../../services/test-nodes/test-nodes";
import { Runtime, type FlowNodeConfig } from "../../services/runtime";
import { remains, waitShortly as waitFor } from "../../services/wait";

const runtime = new Runtime();

const source = (wires: string[], more: object = {}): FlowNodeConfig => ({ id: "source", type: "test-source", wires: [wires], ...more });
const settle = (id: string, outcome: string, more: object = {}): FlowNodeConfig => {
  return { id, type: "surewire-settle", outcome, outcomeType: "outcome", reason: "", reasonType: "str", wires: [[]], ...more };
};
const fails: FlowNodeConfig = { id: "fails", type: "function", func: "throw new Error('broken');", outputs: 1, wires: [[]] };
const catchAll = (wires: string[]): FlowNodeConfig => ({ id: "catch", type: "catch", scope: null, uncaught: false, wires: [wires] });

async function settlementOf(payload: unknown): Promise<{ outcome: string; text: string | undefined }> {
  const entry = theSource();
  entry.take(payload);
  await waitFor("it to be settled", () => entry.settled.length === 1);
  const settlement = entry.settled[0]?.settlement;
  return { outcome: settlement?.outcome ?? "none", text: settlement?.error?.message };
}

describe("the settle node, in a real Node-RED", function () {
  before(() => runtime.start());
  after(() => runtime.stop());

  for (const outcome of ["accept", "retry", "dead-letter", "release"]) {
    it(`records ${outcome} for when the flow is quiet`, async () => {
      await runtime.fresh([source(["settle", "hold"]), settle("settle", outcome), { id: "hold", type: "test-hold", wires: [[]] }]);
      const entry = theSource();
      entry.take("a");
      await waitFor("the other branch to have it", () => held.length === 1);
      await remains("unsettled", () => entry.settled.length === 0, 20);
      held[0]?.go();
      await waitFor("it to be settled", () => entry.settled.length === 1);
      assert.equal(entry.settled[0]?.settlement.outcome, outcome);
    });
  }

  it("lets the worst of several outcomes win", async () => {
    await runtime.fresh([source(["one", "two", "three"]), settle("one", "release"), settle("two", "dead-letter"), settle("three", "retry")]);
    assert.equal((await settlementOf("a")).outcome, "dead-letter");
  });

  it("takes back, with accept on a Catch branch, the error that this branch caught", async () => {
    await runtime.fresh([source(["fails"]), fails, catchAll(["settle"]), settle("settle", "accept")]);
    assert.equal((await settlementOf("a")).outcome, "accept");
  });

  it("takes back each error of a node that its Catch branch gave the message to once more", async () => {
    const thrice = { ...fails, func: "msg.tries = (msg.tries || 0) + 1; if (msg.tries < 4) throw new Error('try ' + msg.tries); return msg;", wires: [["settle"]] };
    await runtime.fresh([source(["fails"]), thrice, catchAll(["fails"]), settle("settle", "accept")]);
    assert.equal((await settlementOf("a")).outcome, "accept");
  });

  it("takes back no error of the message whose Catch branch failed in turn, where another Catch node took that", async () => {
    const worse = { ...fails, id: "worse", func: "throw new Error('worse');" };
    const first = { ...catchAll(["worse"]), scope: ["fails"] };
    const second = { ...catchAll(["settle"]), id: "second", scope: ["worse"] };
    await runtime.fresh([source(["fails"]), fails, first, worse, second, settle("settle", "accept")]);
    assert.deepEqual(await settlementOf("a"), { outcome: "retry", text: "broken" });
  });

  it("takes back no other error", async () => {
    const other = { ...fails, id: "other", func: "throw new Error('another');" };
    const only = { ...catchAll(["settle"]), scope: ["fails"] };
    await runtime.fresh([source(["fails", "other"]), fails, other, only, settle("settle", "accept")]);
    assert.deepEqual(await settlementOf("a"), { outcome: "retry", text: "another" });
  });

  it("makes a dead letter of a caught error, with the node and the text it came from", async () => {
    await runtime.fresh([source(["fails"]), fails, catchAll(["settle"]), settle("settle", "dead-letter")]);
    assert.deepEqual(await settlementOf("a"), { outcome: "dead-letter", text: "broken" });
    assert.equal(theSource().settled[0]?.settlement.node?.id, "fails");
  });

  it("retries what would be dead-lettered, with accept before retry on the Catch branch", async () => {
    await runtime.fresh([
      source(["sink"]),
      { id: "sink", type: "test-sink", wires: [[]] },
      catchAll(["accept"]),
      settle("accept", "accept", { wires: [["retry"]] }),
      settle("retry", "retry"),
    ]);
    testBench.write = (values) => Promise.resolve(values.map(() => ({ ok: false, error: new ConnectorError("ROW_REFUSED", "no") })));
    assert.equal((await settlementOf("bad")).outcome, "retry");
  });

  describe("takes back the error of each message, though on the Catch branch", () => {
    const rate = { pauseType: "rate", rate: "100", nbRateUnits: "1", rateUnits: "second", drop: false, allowrate: false, outputs: 1 };
    const limit = { id: "slow", type: "delay", ...rate, timeout: "1", timeoutUnits: "seconds", randomUnits: "seconds", wires: [["settle"]] };
    const how = { mode: "custom", build: "array", property: "payload", propertyType: "msg", key: "topic", joiner: "", joinerType: "str", timeout: "" };
    const join = { id: "slow", type: "join", count: "3", accumulate: false, reduceRight: false, ...how, wires: [["settle"]] };
    const anew = (next: string): FlowNodeConfig => ({ id: "anew", type: "function", func: "return { payload: msg.payload };", outputs: 1, wires: [[next]] });
    const gather = { id: "slow", type: "test-gather", wires: [["settle"]] };
    const ways: [string, FlowNodeConfig[]][] = [
      ["a rate limit sends it by the timer of another", [catchAll(["slow"]), limit]],
      ["nothing on it tells whose it is, and a rate limit sends it by the timer of another", [catchAll(["anew"]), anew("slow"), limit]],
      ["one was made of all of them", [catchAll(["slow"]), join]],
      ["one was made of all of them by a timer of nobody", [catchAll(["slow"]), gather]],
      ["one was made of all of them by a timer of nobody, once they were done", [catchAll(["slow"]), { ...gather, doneFirst: true }]],
    ];
    for (const [name, branch] of ways) {
      it(name, async () => {
        await runtime.fresh([source(["fails"]), fails, ...branch, settle("settle", "accept")]);
        const entry = theSource();
        for (const payload of ["a", "b", "c"]) entry.take(payload);
        await waitFor("all to be settled", () => entry.settled.length === 3);
        assert.deepEqual(entry.settled.map(({ settlement }) => settlement.outcome), ["accept", "accept", "accept"]);
      });
    }

    it("and of none that was not accepted", async () => {
      const only = { id: "only", type: "function", func: "return msg.payload === 'bad' ? null : msg;", outputs: 1, wires: [["settle"]] };
      await runtime.fresh([source(["fails"]), fails, catchAll(["slow"]), { ...limit, wires: [["only"]] }, only, settle("settle", "accept")]);
      const entry = theSource();
      for (const payload of ["a", "bad", "c"]) entry.take(payload);
      await waitFor("all to be settled", () => entry.settled.length === 3);
      assert.deepEqual(entry.settled.map(({ taken, settlement }) => [taken, settlement.outcome]), [["a", "accept"], ["bad", "retry"], ["c", "accept"]]);
    });
  });

  it("does so behind a sink of ours, which settles its messages a batch at a time", async () => {
    await runtime.fresh([
      source(["sink"]),
      { id: "sink", type: "test-sink", wires: [[]] },
      catchAll(["hold"]),
      { id: "hold", type: "test-hold", wires: [["settle"]] },
      settle("settle", "accept"),
    ]);
    const refused = { ok: false as const, error: new ConnectorError("ROW_REFUSED", "no") };
    testBench.write = (values) => Promise.resolve(values.map((value) => (value === "good" ? { ok: true, value: "stored" } : refused)));
    const entry = theSource();
    for (const payload of ["bad", "good", "worse"]) entry.take(payload);
    await waitFor("the good one to be settled and the others to be caught", () => entry.settled.length === 1 && held.length === 2);
    await remains("the others unsettled", () => entry.settled.length === 1, 20);
    assert.deepEqual(entry.settled.map(({ taken }) => taken), ["good"]);
    held[0]?.go();
    held[1]?.done();
    await waitFor("all to be settled", () => entry.settled.length === 3);
    assert.deepEqual(entry.settled.slice(1).map(({ taken, settlement }) => [taken, settlement.outcome]), [["bad", "accept"], ["worse", "dead-letter"]]);
  });

  it("reads outcome and reason from the message", async () => {
    const fromMessage = { outcomeType: "msg", reason: "payload.why", reasonType: "msg" };
    await runtime.fresh([source(["settle"]), settle("settle", "payload.what", fromMessage)]);
    assert.deepEqual(await settlementOf({ what: "dead-letter", why: "no such device" }), { outcome: "dead-letter", text: "no such device" });
  });

  it("fails on a word that is no outcome", async () => {
    await runtime.fresh([source(["settle"]), settle("settle", "payload", { outcomeType: "msg" })]);
    assert.equal((await settlementOf("maybe")).outcome, "dead-letter");
    assert.equal(theSource().settled[0]?.settlement.error?.code, "INPUT_INVALID");
  });

  describe("with a source that a settle node settles", () => {
    it("the first answer counts", async () => {
      const nodes = [source(["one"], { settle: "node" }), settle("one", "retry", { wires: [["two"]] }), settle("two", "accept")];
      await runtime.fresh(nodes);
      assert.equal((await settlementOf("a")).outcome, "retry");
    });

    it("nothing else settles it but the deadline", async () => {
      await runtime.fresh([source(["fails"], { settle: "node", deadline: 60 }), fails]);
      assert.equal((await settlementOf("a")).outcome, "retry");
      assert.equal(theSource().settled[0]?.settlement.error?.code, "DEADLINE_EXCEEDED");
    });
  });

  it("with a source that settles on delivery, changes nothing", async () => {
    await runtime.fresh([source(["settle"], { settle: "delivery" }), settle("settle", "retry")]);
    assert.equal((await settlementOf("a")).outcome, "accept");
  });

  it("shows what it has said last, and tells the editors so no more often than other nodes do", async () => {
    await runtime.fresh([source(["settle"]), settle("settle", "payload", { outcomeType: "msg" })]);
    const entry = theSource();
    const { events } = util as unknown as { events: EventEmitter };
    const shown: { fill: string; text: string }[] = [];
    const note = ({ id, status }: { id: string; status: { fill: string; text: string } }): void => void (id === "settle" && shown.push(status));
    events.on("node-status", note);
    try {
      for (let time = 0; time < 50; time += 1) entry.take("accept");
      entry.take("dead-letter");
      await waitFor("the last outcome", () => shown.at(-1)?.text === "dead-letter");
    } finally {
      events.removeListener("node-status", note);
    }
    assert.deepEqual([shown.length, shown.map(({ fill }) => fill)], [2, ["green", "red"]]);
  });
});
