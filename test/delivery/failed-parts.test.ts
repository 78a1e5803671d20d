import assert from "node:assert/strict";
import { held, testBench, type TestSource } from "../services/test-nodes/test-nodes";
import { Runtime, type FlowNodeConfig } from "../services/runtime";
import { remains, waitFor } from "../services/wait";

/** ms. Its source looks twenty times at what is open. */
const DEADLINE = 4_000;

const source = (wires: string[], deadline = DEADLINE): FlowNodeConfig => ({ id: "source", type: "test-source", deadline, wires: [wires] });
const split: FlowNodeConfig = { id: "split", type: "split", splt: "\\n", spltType: "str", arraySplt: 1, arraySpltType: "len", addname: "", wires: [["one fails"]] };
const oneFails: FlowNodeConfig = { id: "one fails", type: "function", func: "if (msg.payload === 'b') throw new Error('b is bad'); return msg;", outputs: 1, wires: [["gather"]] };
const hold: FlowNodeConfig = { id: "hold", type: "test-hold", wires: [["gather"]] };
const settle = (outcome: string): FlowNodeConfig => ({ id: "settle", type: "surewire-settle", outcome, outcomeType: "outcome", wires: [[]] });
const gathering: Record<string, FlowNodeConfig> = {
  Join: { id: "gather", type: "join", mode: "auto", wires: [[]] },
  "Join that reduces": { id: "gather", type: "join", mode: "reduce", reduceExp: "$A & payload", reduceInit: "", reduceInitType: "str", reduceFixup: "", wires: [[]] },
  Sort: { id: "gather", type: "sort", order: "ascending", target: "payload", targetType: "seq", msgKey: "", msgKeyType: "elem", seqKey: "payload", seqKeyType: "msg", wires: [[]] },
};

const theSource = (): TestSource => testBench.sources.get("source") as TestSource;

async function settled(): Promise<{ outcome: string; error: string | undefined }> {
  await waitFor("it to be settled", () => theSource().settled.length > 0);
  const { outcome, error } = theSource().settled[0]?.settlement ?? {};
  return { outcome: String(outcome), error: error?.code };
}

describe("A delivery of which one part has failed", function () {
  const runtime = new Runtime();
  before(() => runtime.start());
  after(() => runtime.stop());

  for (const [name, gather] of Object.entries(gathering)) {
    it(`is tried again for that, and not for its deadline, while a ${name} waits in vain for that part`, async () => {
      await runtime.fresh([source(["split"]), split, oneFails, gather]);
      theSource().take(["a", "b", "c"]);
      assert.deepEqual(await settled(), { outcome: "retry", error: "FLOW_ERROR" });
      assert.deepEqual(theSource().warnings, []);
    });
  }

  it("waits for the parts that another node holds", async () => {
    const others = { ...oneFails, wires: [["hold"]] };
    await runtime.fresh([source(["split"]), split, others, hold, gathering.Join as FlowNodeConfig]);
    theSource().take(["a", "b", "c"]);
    await waitFor("the others to be held", () => held.length === 2);
    await remains("nothing is settled", () => theSource().settled.length === 0, DEADLINE / 5);
    for (const one of held.splice(0)) one.go();
    assert.deepEqual(await settled(), { outcome: "retry", error: "FLOW_ERROR" });
  });

  it("keeps the outcome that was asked for when its deadline comes first", async () => {
    await runtime.fresh([source(["settle", "hold"], 100), settle("dead-letter"), hold]);
    theSource().take("a");
    assert.deepEqual(await settled(), { outcome: "dead-letter", error: "SETTLED_BY_FLOW" });
    assert.match(theSource().warnings[0] ?? "", /hold .*still holds it/);
  });
});
