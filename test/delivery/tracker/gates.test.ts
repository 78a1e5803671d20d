import assert from "node:assert/strict";
import { Runtime } from "../../services/runtime";
import { held, theSource } from "../../services/test-nodes/test-nodes";
import { turns, waitShortly as waitFor } from "../../services/wait";

/** Keeps messages, and sends the next one by `go` when the one before comes back. */
const gate = (go: string): string => `const line = context.get("line") ?? [];
  context.set("line", line);
  const go = () => {
    const one = line.shift();
    context.set("busy", one !== undefined);
    if (one) one.send(one.msg), one.done();
  };
  if (!msg.back) line.push({ msg, send: node.send, done: node.done });
  if (msg.back) ${go};
  else if (!context.get("busy")) go();
  if (msg.back) node.done();`;

describe("a gate, in a real Node-RED", () => {
  const runtime = new Runtime();
  before(() => runtime.start());
  after(() => runtime.stop());

  /** Lets four messages through. @returns how many deliveries were settled as each of them stood behind the gate */
  async function settledBehind(go: string): Promise<number[]> {
    await runtime.fresh([
      { id: "source", type: "test-source", wires: [["gate"]] },
      { id: "gate", type: "function", func: gate(go), outputs: 1, wires: [["hold"]] },
      { id: "hold", type: "test-hold", wires: [["back"]] },
      { id: "back", type: "function", func: "msg.back = true; return msg;", outputs: 1, wires: [["gate"]] },
    ]);
    const { take, settled } = theSource();
    for (const payload of ["a", "b", "c", "d"]) take(payload);
    const counts: number[] = [];
    while (counts.length < 4) {
      await waitFor("the next one", () => held.length === counts.length + 1);
      await turns(5);
      held[counts.length]?.go();
      counts.push(settled.length);
    }
    await waitFor("all to be settled", () => settled.length === 4);
    assert.deepEqual(new Set(settled.map(({ settlement }) => settlement.outcome)), new Set(["accept"]));
    return counts;
  }

  it("makes each message that it lets go of the one that came back, too: all are settled together", async () => {
    assert.deepEqual(await settledBehind("go()"), [0, 0, 0, 0]);
  });

  it("has each settled by itself where it lets the next one go in a turn of its own", async () => {
    assert.deepEqual(await settledBehind("setTimeout(go, 0)"), [0, 1, 2, 3]);
  });
});
