import assert from "node:assert/strict";
import util from "@node-red/util";
import { Seat } from "../../../nodes/delivery/tracker/seat";
import { Runtime, type FlowNodeConfig } from "../../services/runtime";
import { held, testBench, theSource } from "../../services/test-nodes/test-nodes";
import { turns, waitShortly as until } from "../../services/wait";

const runtime = new Runtime();

const source = (next: string): FlowNodeConfig => ({ id: "source", type: "test-source", wires: [[next]] });
const hold = (id: string, ...wires: string[]): FlowNodeConfig => ({ id, type: "test-hold", wires: [wires] });
const pass = (id: string, ...wires: string[]): FlowNodeConfig => ({ id, type: "test-see", wires: [wires] });
const fn = (id: string, func: string, ...wires: string[][]): FlowNodeConfig => ({ id, type: "function", func, outputs: wires.length, wires });

/** How the only delivery was settled. */
async function outcome(): Promise<string | undefined> {
  await until("it to be settled", () => theSource().settled.length === 1);
  return theSource().settled[0]?.settlement.outcome;
}

async function assertOpen(): Promise<void> {
  await turns(5);
  assert.equal(theSource().settled.length, 0);
}

/** Messages the tracker counts at a node. */
const countAt = (id: string): number => Seat.of(runtime.node(id)).inHands;

/** Lets every message through to the nodes named, and keeps the others on their way, as a debugger does. */
async function whileKept(through: readonly string[], run: (kept: (() => void)[]) => Promise<void>): Promise<void> {
  const { hooks } = util as unknown as { hooks: { add(id: string, callback: (event: { destination: { id: string } }, next: () => void) => void): void; remove(id: string): void } };
  const kept: (() => void)[] = [];
  hooks.add("preRoute.test", ({ destination }, next) => (through.includes(destination.id) ? next() : void kept.push(next)));
  try {
    await run(kept);
  } finally {
    hooks.remove("*.test");
  }
}

describe("a node that sends on the very message it was given", function () {
  before(() => runtime.start());
  after(() => runtime.stop());

  it("passes its count on to the next node when it is done", async () => {
    await runtime.fresh([source("one"), hold("one", "two"), hold("two")]);
    theSource().take("a");
    await until("the first to hold it", () => held.length === 1);
    assert.deepEqual([countAt("one"), countAt("two")], [1, 0]);
    held[0]?.go();
    assert.deepEqual([countAt("one"), countAt("two")], [0, 1]);
    await until("the second to hold it", () => held.length === 2);
    await assertOpen();
    held[1]?.done();
    assert.equal(await outcome(), "accept");
    assert.deepEqual([countAt("one"), countAt("two")], [0, 0]);
  });

  it("keeps the delivery open until it is done itself, though the next has finished before", async () => {
    await runtime.fresh([source("one"), hold("one", "two"), hold("two")]);
    theSource().take("a");
    await until("the first to hold it", () => held.length === 1);
    held[0]?.send();
    await until("the second to hold it", () => held.length === 2);
    held[1]?.done();
    await assertOpen();
    held[0]?.done();
    assert.equal(await outcome(), "accept");
    assert.deepEqual([countAt("one"), countAt("two")], [0, 0]);
  });

  it("may fail after it", async () => {
    await runtime.fresh([source("one"), hold("one", "two"), hold("two")]);
    theSource().take("a");
    await until("the first to hold it", () => held.length === 1);
    held[0]?.send();
    held[0]?.fail(new Error("no"));
    await until("the second to hold it", () => held.length === 2);
    await assertOpen();
    held[1]?.done();
    assert.equal(await outcome(), "retry");
  });

  it("may do so along two wires", async () => {
    await runtime.fresh([source("one"), hold("one", "two", "three"), hold("two"), hold("three")]);
    theSource().take("a");
    await until("the first to hold it", () => held.length === 1);
    held[0]?.go();
    await until("both to hold it", () => held.length === 3);
    held[1]?.done();
    await assertOpen();
    held[2]?.done();
    assert.equal(await outcome(), "accept");
  });

  it("may do so twice, and the first be kept on its way by another hook", async () => {
    await runtime.fresh([source("one"), fn("one", "node.send(msg, false); node.send([null, msg], false);", ["two"], ["three"]), hold("two"), hold("three")]);
    await whileKept(["one", "three"], async (kept) => {
      theSource().take("a");
      await until("one to arrive and one to be kept", () => held.length === 1 && kept.length === 1);
      held[0]?.done();
      await assertOpen();
      kept[0]?.();
      await until("the other to arrive", () => held.length === 2);
      held[1]?.done();
      assert.equal(await outcome(), "accept");
    });
  });

  it("may be given it again, and not be done with that for a late error of the time before", async () => {
    const visits = `
      msg.visits = (msg.visits || 0) + 1;
      if (msg.visits === 2) setTimeout(() => node.error("late"), 20);
      if (msg.visits < 3) { node.send(msg, false); node.done(); return; }
      setTimeout(() => { node.send([null, { payload: "third" }]); node.done(); }, 60);
      return;`;
    await runtime.fresh([source("one"), fn("one", visits, ["one"], ["see"]), pass("see")]);
    theSource().take("a");
    assert.equal(await outcome(), "retry");
    assert.deepEqual(testBench.seen.map(({ payload }) => payload), ["third"]);
  });

  it("leaves it to be given back when both are stopped before it has arrived", async () => {
    await runtime.fresh([source("one"), hold("one", "two"), hold("two")]);
    await whileKept(["one"], async (kept) => {
      theSource().take("a");
      await until("the first to hold it", () => held.length === 1);
      held[0]?.send();
      assert.equal(kept.length, 1);
      await runtime.deploy([source("three"), hold("three")], "nodes");
      assert.equal(await outcome(), "release");
    });
  });

  it("has the message of its Complete node followed, although nothing on it tells to which delivery it belongs", async () => {
    await runtime.fresh([source("bare"), fn("bare", "return { payload: msg.payload };", ["one"]), hold("one", "two"), hold("two"), { id: "complete", type: "complete", scope: ["one"], wires: [["after"]] }, hold("after")]);
    theSource().take("a");
    await until("the first to hold it", () => held.length === 1);
    held[0]?.go();
    await until("the second and the Complete branch to hold it", () => held.length === 3);
    held[1]?.done();
    await assertOpen();
    held[2]?.done();
    assert.equal(await outcome(), "accept");
  });

  it("may be followed by one that makes one of several, from code of nobody", async () => {
    await runtime.fresh([source("pass"), pass("pass", "gather"), { id: "gather", type: "test-gather", wires: [["hold"]] }, hold("hold")]);
    for (const payload of ["a", "b", "c"]) theSource().take(payload);
    await until("the three to arrive as one", () => held.length === 1);
    await assertOpen();
    held[0]?.done();
    await until("all to be settled", () => theSource().settled.length === 3);
    assert.deepEqual(
      theSource().settled.map((one) => one.settlement.outcome),
      ["accept", "accept", "accept"],
    );
  });
});
