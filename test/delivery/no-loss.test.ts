import assert from "node:assert/strict";
import { testBench, type TestSource } from "../services/test-nodes/test-nodes";
import { Runtime, type FlowNodeConfig } from "../services/runtime";
import { waitFor as waitUntil } from "../services/wait";

const runtime = new Runtime();
const waitFor = (what: string, condition: () => boolean): Promise<boolean> => waitUntil(what, condition, { timeout: 5000, interval: 5 });

const source = (wires: string[], more: object = {}): FlowNodeConfig => ({ id: "source", type: "test-source", wires: [wires], ...more });
const settle = (id: string, outcome: string, wires: string[] = []): FlowNodeConfig => ({ id, type: "surewire-settle", outcome, outcomeType: "outcome", wires: [wires] });
const sink: FlowNodeConfig = { id: "sink", type: "test-sink", wires: [[]] };

function theSource(): TestSource {
  const entry = testBench.sources.get("source");
  assert.ok(entry, "the flow has no source");
  return entry;
}

const settledAs = (entry: TestSource): Record<string, string> =>
  Object.fromEntries(entry.settled.map(({ taken, settlement }) => [String(taken), settlement.outcome]));

describe("no message is lost", function () {
  this.timeout(20_000);
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
});
