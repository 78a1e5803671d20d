import assert from "node:assert/strict";
import { Runtime } from "../../services/runtime";
import { held, theSource } from "../../services/test-nodes/test-nodes";
import { turns, waitShortly as waitFor } from "../../services/wait";

const LINE = `const line = context.get("line") ?? []; context.set("line", line);`;
const WORK = `const later = () => new Promise((resolve) => setTimeout(resolve, 2));
  const work = async () => {
    for (let one = line.shift(); one; one = line.shift()) {
      await later();
      one.send({ payload: one.payload });
      await later();
      one.done();
    }
    context.set("busy", false);
  };
  if (line.length > 0 && !context.get("busy")) { context.set("busy", true); work(); }`;
const GATHER = `const all = line.splice(0);
  if (all.length > 0) { node.send({ payload: all.map(({ payload }) => payload) }); setTimeout(() => { for (const one of all) one.done(); }, 5); }`;

describe("a node that is done with messages some turns after it has sent what it made of them, with nothing on it that tells of which,", () => {
  const runtime = new Runtime();
  before(() => runtime.start());
  after(() => runtime.stop());

  /** Has it work on three messages, and the last that it makes of them fail. @param count how many it makes */
  async function failsLast(count: number, onInput: string, initialize = ""): Promise<void> {
    const take = `${LINE} line.push({ payload: msg.payload, send: node.send, done: () => node.done() }); ${onInput}`;
    await runtime.fresh([
      { id: "source", type: "test-source", wires: [["anew"]] },
      { id: "anew", type: "function", func: "return { payload: msg.payload };", outputs: 1, wires: [["worker"]] },
      { id: "worker", type: "function", func: take, initialize, outputs: 1, wires: [["hold"]] },
      { id: "hold", type: "test-hold" },
    ]);
    const { take: takes, settled } = theSource();
    for (const payload of ["a", "b", "c"]) takes(payload);
    await waitFor("all to come out", () => held.length === count);
    await turns(20);
    assert.equal(settled.length, 0);
    for (const one of held.slice(0, -1)) one.go();
    held.at(-1)?.fail(new Error("the last"));
    await waitFor("all to be settled", () => settled.length === 3);
    assert.equal(settled.find(({ taken }) => taken === "c")?.settlement.outcome, "retry");
  }

  it("loses none of them in code of the first", () => failsLast(3, WORK));

  it("loses none of them in code of nobody", () => failsLast(3, "", `setInterval(() => { ${LINE} ${WORK} }, 5);`));

  it("loses none of them that it has made one of, in code of nobody", () => failsLast(1, "", `setInterval(() => { ${LINE} ${GATHER} }, 20);`));

  it("settles those that are through while others still come", async () => {
    const take = `${LINE} line.push({ payload: msg.payload, done: () => node.done() });`;
    const pass = `if (line.length > 2) { const one = line.shift(); node.send({ payload: one.payload }); setTimeout(() => one.done(), 2); }`;
    await runtime.fresh([
      { id: "source", type: "test-source", wires: [["anew"]] },
      { id: "anew", type: "function", func: "return { payload: msg.payload };", outputs: 1, wires: [["worker"]] },
      { id: "worker", type: "function", func: take, initialize: `setInterval(() => { ${LINE} ${pass} }, 5);`, outputs: 1, wires: [["hold"]] },
      { id: "hold", type: "test-hold" },
    ]);
    const { take: takes, settled } = theSource();
    for (const payload of ["a", "b"]) takes(payload);
    for (let count = 1; count <= 20; count += 1) {
      takes(String(count));
      await waitFor("the next to come out", () => held.length === count);
      held[count - 2]?.go(); // so that one is always in the flow
    }
    await waitFor("some to be settled", () => settled.length > 10);
    assert.equal(settled.find(({ settlement }) => settlement.outcome !== "accept"), undefined);
  });
});
