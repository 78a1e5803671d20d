import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import type { ItemResult } from "../../../nodes/delivery/sink/sink";
import { Runtime } from "../../services/runtime";
import { testBench, theSource } from "../../services/test-nodes/test-nodes";
import { turns, waitShortly } from "../../services/wait";

describe("a function that puts its results on one object, which it keeps and returns each time, before a slow sink", () => {
  const runtime = new Runtime();
  before(() => runtime.start());
  after(() => runtime.stop());

  const func = "const kept = context.get('kept') ?? {}; context.set('kept', kept); kept.payload = msg.payload; return kept;";

  for (const [what, order] of Object.entries({ "in their order": [0, 1, 2, 3], "the last first": [3, 2, 1, 0] })) {
    for (const refused of ["a", "b", "c"]) {
      it(`loses none: ${refused} is refused, all are answered ${what}, and one has come before by a connection that was lost`, async () => {
        await runtime.fresh([
          { id: "source", type: "test-source", wires: [["f"]], retries: 0 },
          { id: "f", type: "function", func, outputs: 1, wires: [["sink"]] },
          { id: "sink", type: "test-sink", batchSize: 1, concurrency: 4 },
        ]);
        const answers: (() => void)[] = [];
        testBench.write = ([value]) =>
          new Promise((resolve) => {
            const result: ItemResult<unknown> = value === refused ? { ok: false, error: new ConnectorError("ROW_REFUSED", "no") } : { ok: true, value };
            answers.push(() => resolve([result]));
          });
        const { source, take, settled } = theSource();
        for (const payload of ["lost", "a", "b", "c"]) {
          take(payload);
          const before = answers.length;
          await waitShortly("it to be written", () => answers.length > before);
          if (payload === "lost") source.invalidate();
        }
        for (const index of order) {
          answers[index]?.();
          await turns(5);
        }
        await waitShortly("all to be settled", () => settled.length === 3);
        assert.equal(settled.find(({ taken }) => taken === refused)?.settlement.outcome, "dead-letter");
      });
    }
  }
});
