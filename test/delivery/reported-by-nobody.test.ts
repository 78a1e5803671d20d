import assert from "node:assert/strict";
import { Runtime, type FlowNodeConfig } from "../services/runtime";
import { theSource } from "../services/test-nodes/test-nodes";
import { waitShortly } from "../services/wait";

/** A node with one connection for all its messages: it is called back by a timer that was set before the first of them came. */
const shared = (each: string): FlowNodeConfig => ({
  id: "shared",
  type: "function",
  func: "context.get('all').push({ msg, send: () => node.send({ payload: msg.payload }), done: () => node.done(), error: (text, of) => node.error(text, of) });",
  initialize: `context.set('all', []); setInterval(() => { const all = context.get('all'); if (all.length < 3) return; context.set('all', []); ${each} });`,
  outputs: 1,
  wires: [["see"]],
});

describe("errors that a node reports from code that runs for none of its messages", function () {
  const runtime = new Runtime();
  before(() => runtime.start());
  after(() => runtime.stop());

  const run = async (node: FlowNodeConfig, ...more: FlowNodeConfig[]): Promise<string[]> => {
    await runtime.fresh([{ id: "source", type: "test-source", wires: [[node.id]] }, node, { id: "see", type: "test-see" }, ...more]);
    const { settled, take } = theSource();
    for (const payload of ["a", "b", "c"]) take(payload);
    await waitShortly("all to be settled", () => settled.length === 3);
    return settled.map(({ taken, settlement }) => `${String(taken)} ${settlement.outcome}`).sort();
  };

  const BAD_B = "for (const { msg, send, done, error } of all) { if (msg.payload === 'b') error('refused', REPORTED); else send(); done(); }";
  const ACCEPT: FlowNodeConfig[] = [
    { id: "catch", type: "catch", scope: ["shared"], wires: [["accept"]] },
    { id: "accept", type: "surewire-settle", outcome: "accept", outcomeType: "outcome" },
  ];
  const CAUGHT: FlowNodeConfig = { id: "catch", type: "catch", scope: ["shared"], wires: [["see"]] };

  it("are those of the message that it is done with right after", async () => {
    assert.deepEqual(await run(shared(BAD_B.replace("REPORTED", "msg"))), ["a accept", "b retry", "c accept"]);
  });

  it("are so, too, where nothing on what is reported tells whose it is, and a Catch node has it", async () => {
    assert.deepEqual(await run(shared(BAD_B.replace("REPORTED", "{ payload: msg.payload }")), CAUGHT), ["a accept", "b retry", "c accept"]);
  });

  it("are those of all messages that it is done with then", async () => {
    assert.deepEqual(await run(shared("all[2].error('all refused', all[2].msg); for (const { done } of all) done();")), ["a retry", "b retry", "c retry"]);
  });

  it("are forgiven for all of these by an accept on the Catch branch", async () => {
    assert.deepEqual(await run(shared("all[2].error('all refused', all[2].msg); for (const { done } of all) done();"), ...ACCEPT), ["a accept", "b accept", "c accept"]);
  });

  it("are those of all messages of a group that a timer of the first one works for", async () => {
    const gathering: FlowNodeConfig = {
      ...shared(""),
      func: "const all = context.get('all'); all.push({ msg, done: () => node.done(), error: (text) => node.error(text, msg) }); if (all.length === 1) setTimeout(() => { all[2].error('all refused'); for (const { done } of all) done(); }, 30);",
      initialize: "context.set('all', []);",
    };
    assert.deepEqual(await run(gathering), ["a retry", "b retry", "c retry"]);
  });
});
