import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import util from "@node-red/util";
import type { Node, NodeMessage } from "node-red";
import { held, seenAt, theSource } from "../../services/test-nodes/test-nodes";
import { Runtime, type FlowNodeConfig, warningsDuring } from "../../services/runtime";
import { turns, waitShortly as waitFor } from "../../services/wait";

const runtime = new Runtime();

const source = (wires: string[], more: object = {}): FlowNodeConfig => ({ id: "source", type: "test-source", wires: [wires], ...more });
const see = (id: string, wires: string[] = []): FlowNodeConfig => ({ id, type: "test-see", wires: [wires] });
const hold = (id: string, wires: string[] = []): FlowNodeConfig => ({ id, type: "test-hold", wires: [wires] });
const fn = (id: string, func: string, wires: string[] = []): FlowNodeConfig => ({ id, type: "function", func, outputs: 1, wires: [wires] });

/** Takes `payloads` one after the other in one turn and waits until all are settled. */
async function outcomesOf(...payloads: unknown[]): Promise<string[]> {
  const entry = theSource();
  for (const payload of payloads) entry.take(payload);
  await waitFor("all deliveries to be settled", () => entry.settled.length >= payloads.length);
  return payloads.map((payload) => entry.settled.find(({ taken }) => taken === payload)?.settlement.outcome ?? "none");
}

describe("the flow tracker, in a real Node-RED", function () {
  before(() => runtime.start());
  after(() => runtime.stop());

  describe("follows a delivery", () => {
    it("and accepts at once when nothing is wired behind the source", async () => {
      await runtime.fresh([source([])]);
      assert.deepEqual(await outcomesOf("a"), ["accept"]);
    });

    it("through two branches, until the slower one is done", async () => {
      await runtime.fresh([source(["fast", "slow"]), see("fast"), hold("slow")]);
      theSource().take("a");
      await waitFor("both branches to have it", () => held.length === 1 && seenAt("fast").length === 1);
      await turns(5);
      assert.equal(theSource().settled.length, 0);
      held[0]?.go();
      await waitFor("it to be settled", () => theSource().settled.length === 1);
      assert.equal(theSource().settled[0]?.settlement.outcome, "accept");
    });

    it("through a node that passes it on and later finishes with a new message, in code that belongs to no delivery", async () => {
      await runtime.fresh([source(["one"]), hold("one", ["two"]), hold("two")]);
      theSource().take("a");
      await waitFor("the node to have it", () => held.length === 1);
      const one = runtime.node<{ send(message: object): void }>("one");
      held[0]?.send();
      await Promise.resolve(); // a turn of its own, though nothing has arrived since
      held[0]?.done();
      one.send({ payload: "b" });
      await waitFor("both messages", () => held.length === 3);
      held[1]?.go();
      await turns(5);
      assert.equal(theSource().settled.length, 0);
      held[2]?.go();
      await waitFor("it to be settled", () => theSource().settled.length === 1);
    });

    it("that another hook keeps on its way for a while, as a debugger does", async () => {
      await runtime.fresh([source(["f"]), fn("f", "return [[msg, { payload: 'b' }]];", ["see"]), see("see")]);
      const { hooks } = util as unknown as { hooks: { add(id: string, callback: (event: unknown, next: () => void) => void): void; remove(id: string): void } };
      const kept: (() => void)[] = [];
      hooks.add("preRoute.test", (_event, next) => kept.push(next));
      try {
        theSource().take("a");
        await waitFor("it to be kept before the function", () => kept.length === 1);
        await turns(5);
        assert.equal(theSource().settled.length, 0);
        kept[0]?.();
        await waitFor("both to be kept behind it", () => kept.length === 3);
        kept[1]?.();
        await waitFor("the first to arrive", () => seenAt("see").length === 1);
        await turns(5);
        assert.equal(theSource().settled.length, 0);
        kept[2]?.();
        await waitFor("it to be settled", () => theSource().settled.length === 1);
        assert.equal(theSource().settled[0]?.settlement.outcome, "accept");
      } finally {
        hooks.remove("*.test");
      }
    });

    it("through a function that returns a new object", async () => {
      await runtime.fresh([source(["f"]), fn("f", "return { payload: msg.payload + 1 };", ["hold"]), hold("hold")]);
      theSource().take(1);
      await waitFor("the new message to arrive", () => held.length === 1);
      await turns(5);
      assert.equal(theSource().settled.length, 0);
      held[0]?.fail(new Error("no"));
      await waitFor("it to be settled", () => theSource().settled.length === 1);
      assert.equal(theSource().settled[0]?.settlement.outcome, "retry");
    });

    it("through a function that sends and is done later", async () => {
      const later = "setTimeout(() => { node.send({ payload: 'new' }); node.done(); }, 30); return null;";
      await runtime.fresh([source(["f"]), fn("f", later, ["see"]), see("see")]);
      assert.deepEqual(await outcomesOf("a"), ["accept"]);
      assert.deepEqual(seenAt("see"), ["new"]);
    });

    it("and accepts what a switch drops", async () => {
      const rules = [{ t: "eq", v: "never", vt: "str" }];
      const drop = { id: "s", type: "switch", property: "payload", propertyType: "msg", rules, checkall: "true", outputs: 1, wires: [["see"]] };
      await runtime.fresh([source(["s"]), drop, see("see")]);
      assert.deepEqual(await outcomesOf("a"), ["accept"]);
      assert.deepEqual(seenAt("see"), []);
    });

    it("through a switch that looks at one message a turn, however many arrive at once", async () => {
      const rules = [{ t: "gte", v: "50", vt: "num" }];
      const half = { id: "s", type: "switch", property: "payload", propertyType: "msg", rules, checkall: "true", outputs: 1, wires: [["hold"]] };
      await runtime.fresh([source(["s"]), half, hold("hold")]);
      const entry = theSource();
      for (let value = 0; value < 100; value += 1) entry.take(value);
      await waitFor("what passes to arrive, and the rest to be settled", () => held.length === 50 && entry.settled.length === 50);
      await turns(20);
      assert.deepEqual(entry.settled.map(({ taken }) => taken), Array.from({ length: 50 }, (_, value) => value));
      for (const one of held) one.fail(new Error("too high"));
      await waitFor("all to be settled", () => entry.settled.length === 100);
      assert.deepEqual(new Set(entry.settled.slice(50).map(({ settlement }) => settlement.outcome)), new Set(["retry"]));
    });

    it("through split, until the last part is done", async () => {
      await runtime.fresh([source(["split"]), split(), hold("part")].map(wire("split", "part")));
      theSource().take([1, 2, 3]);
      await waitFor("three parts", () => held.length === 3);
      held[0]?.go();
      held[2]?.go();
      await turns(5);
      assert.equal(theSource().settled.length, 0);
      held[1]?.go();
      await waitFor("it to be settled", () => theSource().settled.length === 1);
      assert.equal(theSource().settled[0]?.settlement.outcome, "accept");
    });

    it("through split and one failing part, as failed", async () => {
      await runtime.fresh([source(["split"]), split(), fn("f", "if (msg.payload === 2) throw new Error('two'); return msg;")].map(wire("split", "f")));
      assert.deepEqual(await outcomesOf([1, 2, 3]).catch(String), ["retry"]);
    });

    it("through split and join", async () => {
      const nodes = [source(["split"]), split(), { id: "join", type: "join", mode: "auto", wires: [["hold"]] }, hold("hold")];
      await runtime.fresh(nodes.map(wire("split", "join")));
      theSource().take([1, 2, 3]);
      await waitFor("the joined message", () => held.length === 1);
      await turns(5);
      assert.equal(theSource().settled.length, 0);
      held[0]?.go();
      await waitFor("it to be settled", () => theSource().settled.length === 1);
    });

    it("through delay", async () => {
      await runtime.fresh([source(["delay"]), delay({ timeout: "50", timeoutUnits: "milliseconds" }), see("see")].map(wire("delay", "see")));
      assert.deepEqual(await outcomesOf("a"), ["accept"]);
      assert.deepEqual(seenAt("see"), ["a"]);
    });

    it("through a rate limit, each settled as its own message leaves", async () => {
      const rate = delay({ pauseType: "rate", rate: "1", nbRateUnits: "0.25", rateUnits: "second", timeout: "5" });
      await runtime.fresh([source(["delay"]), rate, see("see")].map(wire("delay", "see")));
      const entry = theSource();
      for (const payload of ["a", "b", "c"]) entry.take(payload);
      await waitFor("the first to be settled", () => entry.settled.length === 1);
      assert.deepEqual(seenAt("see"), ["a"]);
      await waitFor("the last to be settled", () => entry.settled.length === 3);
      assert.deepEqual(entry.settled.map(({ taken }) => taken), ["a", "b", "c"]);
    });

    it("through link out and link in", async () => {
      await runtime.fresh([
        source(["out"]),
        { id: "out", type: "link out", mode: "link", links: ["in"] },
        { id: "in", type: "link in", links: ["out"], wires: [["hold"]] },
        hold("hold"),
      ]);
      theSource().take("a");
      await waitFor("the message behind the link", () => held.length === 1);
      await turns(5);
      assert.equal(theSource().settled.length, 0);
      held[0]?.go();
      await waitFor("it to be settled", () => theSource().settled.length === 1);
    });

    it("through a link call and back", async () => {
      await runtime.fresh([
        source(["call"]),
        { id: "call", type: "link call", links: ["in"], linkType: "static", timeout: "5", wires: [["see"]] },
        { id: "in", type: "link in", links: [], wires: [["hold"]] },
        hold("hold", ["back"]),
        { id: "back", type: "link out", mode: "return", links: [] },
        see("see"),
      ]);
      theSource().take("a");
      await waitFor("the message in the called part", () => held.length === 1);
      await turns(5);
      assert.equal(theSource().settled.length, 0);
      held[0]?.go();
      await waitFor("it to be settled", () => theSource().settled.length === 1);
      assert.deepEqual(seenAt("see"), ["a"]);
    });

    it("through a subflow", async () => {
      await runtime.fresh([
        { id: "sf", type: "subflow", name: "sf", in: [{ x: 0, y: 0, wires: [{ id: "inner" }] }], out: [{ x: 0, y: 0, wires: [{ id: "inner", port: 0 }] }] },
        { ...hold("inner"), z: "sf", x: 1, y: 1 },
        source(["instance"]),
        { id: "instance", type: "subflow:sf", wires: [["see"]] },
        see("see"),
      ]);
      theSource().take("a");
      await waitFor("the message in the subflow", () => held.length === 1);
      await turns(5);
      assert.equal(theSource().settled.length, 0);
      held[0]?.go();
      await waitFor("it to be settled", () => theSource().settled.length === 1);
      assert.deepEqual(seenAt("see"), ["a"]);
    });

    it("through a node that takes no done and sends at once", async () => {
      await runtime.fresh([source(["legacy"]), { id: "legacy", type: "test-legacy", wires: [["hold"]] }, hold("hold")]);
      theSource().take("a");
      await waitFor("the message behind it", () => held.length === 1);
      await turns(5);
      assert.equal(theSource().settled.length, 0);
      held[0]?.go();
      await waitFor("it to be settled", () => theSource().settled.length === 1);
    });

    it("through a node that takes a done for one message, none for the next, and a done again after that", async () => {
      await runtime.fresh([source(["moody"]), { id: "moody", type: "test-deaf", wires: [["see"]] }, see("see")]);
      const moody = runtime.node<Node>("moody");
      const finishes = (msg: NodeMessage, send: (msg: NodeMessage) => void, done: () => void): void => (send(msg), done());
      const says = (msg: NodeMessage): void => moody.send(msg);
      for (const [index, handler] of [finishes, says, finishes].entries()) {
        moody.on("input", handler as never);
        theSource().take(index);
        await waitFor("it to be settled", () => theSource().settled.length === index + 1);
        moody.removeListener("input", handler as never);
      }
      assert.deepEqual(theSource().settled.map(({ settlement }) => settlement.outcome), ["accept", "accept", "accept"]);
      assert.deepEqual(seenAt("see"), [0, 1, 2]);
    });

    it("through a node that calls done twice, without counting it twice", async () => {
      await runtime.fresh([source(["twice", "hold"]), { id: "twice", type: "test-twice" }, hold("hold")]);
      theSource().take("a");
      await waitFor("the other branch to have it", () => held.length === 1);
      await turns(5);
      assert.equal(theSource().settled.length, 0);
      held[0]?.go();
      await waitFor("it to be settled", () => theSource().settled.length === 1);
    });

    describe("through nodes that work outside", () => {
      let server: Server;
      before((done) => {
        server = createServer((_request, response) => setTimeout(() => response.end("answer"), 20)).listen(0, "127.0.0.1", done);
      });
      after(() => server.close());

      it("http request", async () => {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
        const request = { id: "http", type: "http request", method: "GET", ret: "txt", url, paytoqs: "ignore", wires: [["see"]] };
        await runtime.fresh([source(["http"]), request, see("see")]);
        assert.deepEqual(await outcomesOf("a"), ["accept"]);
        assert.deepEqual(seenAt("see"), ["answer"]);
      });

      it("file in", async () => {
        const file = { id: "file", type: "file in", filename: __filename, filenameType: "str", format: "utf8", wires: [["see"]] };
        await runtime.fresh([source(["file"]), file, see("see")]);
        assert.deepEqual(await outcomesOf("a"), ["accept"]);
        assert.equal(seenAt("see").length, 1);
      });

      it("exec", async () => {
        const exec = { id: "exec", type: "exec", command: "true", addpay: "", append: "", useSpawn: "false", timer: "", wires: [["see"], [], []] };
        await runtime.fresh([source(["exec"]), exec, see("see")]);
        assert.deepEqual(await outcomesOf("a"), ["accept"]);
        assert.equal(seenAt("see").length, 1);
      });
    });
  });

  describe("knows a failure", () => {
    it("by done(err)", async () => {
      await runtime.fresh([source(["hold"]), hold("hold")]);
      theSource().take("a");
      await waitFor("the node to have it", () => held.length === 1);
      held[0]?.fail(new Error("broken"));
      await waitFor("it to be settled", () => theSource().settled.length === 1);
      const { settlement } = theSource().settled[0] ?? assert.fail();
      assert.equal(settlement.outcome, "retry");
      assert.equal(settlement.delay, 10);
      assert.equal(settlement.error?.message, "broken");
      assert.equal(settlement.node?.id, "hold");
    });

    it("by an exception in a function", async () => {
      await runtime.fresh([source(["f"]), fn("f", "throw new Error('in a function');")]);
      assert.deepEqual(await outcomesOf("a"), ["retry"]);
    });

    it("by an exception in a node, which then never calls done", async () => {
      await runtime.fresh([source(["throw"]), { id: "throw", type: "test-throw" }]);
      assert.deepEqual(await outcomesOf("a"), ["retry"]);
      assert.equal(theSource().settled[0]?.settlement.error?.message, "thrown by a node");
    });

    it("by node.error(text, msg) that no Catch node takes", async () => {
      await runtime.fresh([source(["f"]), fn("f", "node.error('quietly', msg); return msg;")]);
      assert.deepEqual(await outcomesOf("a"), ["retry"]);
      assert.equal(theSource().settled[0]?.settlement.error?.message, "quietly");
    });

    it("by what one part reports later without done, and still waits for the other parts in the same node", async () => {
      const func = "setTimeout(() => { if (msg.payload === 2) return node.error('two', msg); node.send(msg); node.done(); }, msg.payload * 10 % 20 + 5);";
      await runtime.fresh([source(["split"]), split(), fn("f", func, ["see"]), see("see")].map(wire("split", "f")));
      assert.deepEqual(await outcomesOf([1, 2, 3]).catch(String), ["retry"]);
      assert.deepEqual(seenAt("see"), [1, 3]);
    });

    it("by what a node reports later without done, though it has sent the same message round before", async () => {
      const func = "msg.payload += 1; if (msg.payload < 3) { node.send(msg, false); node.done(); } else setTimeout(() => node.error('late', msg), 5); return null;";
      await runtime.fresh([source(["f"]), fn("f", func, ["f"])]);
      assert.deepEqual(await outcomesOf(0), ["retry"]);
    });

    it("and waits for the Catch branch before it settles as failed", async () => {
      await runtime.fresh([source(["f"]), fn("f", "throw new Error('x');"), catchAll(["hold"]), hold("hold")]);
      theSource().take("a");
      await waitFor("the Catch branch to have it", () => held.length === 1);
      await turns(5);
      assert.equal(theSource().settled.length, 0);
      held[0]?.go();
      await waitFor("it to be settled", () => theSource().settled.length === 1);
      assert.equal(theSource().settled[0]?.settlement.outcome, "retry");
    });

    it("by node.error(text, msg) that a Catch node takes", async () => {
      await runtime.fresh([source(["f"]), fn("f", "node.error('taken', msg); return null;"), catchAll(["see"]), see("see")]);
      assert.deepEqual(await outcomesOf("a"), ["retry"]);
    });

    it("by a node without any input handler, which is an error and not a finish", async () => {
      await runtime.fresh([source(["deaf"]), { id: "deaf", type: "test-deaf" }]);
      assert.deepEqual(await outcomesOf("a"), ["retry"]);
      assert.match(theSource().settled[0]?.settlement.error?.message ?? "", /deaf.*no input handler/);
    });

    it("and turns the last retry into a dead letter", async () => {
      await runtime.fresh([source(["f"], { retries: 2 }), fn("f", "throw new Error('x');")]);
      const entry = theSource();
      for (const attempt of [1, 2, 3]) entry.take(attempt, attempt);
      await waitFor("all to be settled", () => entry.settled.length === 3);
      assert.deepEqual(entry.settled.map(({ settlement }) => [settlement.outcome, settlement.delay]), [["retry", 10], ["retry", 20], ["dead-letter", undefined]]);
    });
  });

  describe("keeps several deliveries of one message together", () => {
    it("Batch of three", async () => {
      const batch = { id: "batch", type: "batch", mode: "count", count: 3, overlap: 0, wires: [["hold"]] };
      await runtime.fresh([source(["batch"]), batch, hold("hold")]);
      const entry = theSource();
      for (const payload of ["a", "b"]) entry.take(payload);
      await turns(10);
      assert.equal(entry.settled.length, 0);
      entry.take("c");
      await waitFor("the batch", () => held.length === 3);
      await turns(5);
      assert.equal(entry.settled.length, 0);
      for (const one of held) one.go();
      await waitFor("all to be settled", () => entry.settled.length === 3);
    });

    it("Join in manual mode over three: one failure fails all", async () => {
      await runtime.fresh([source(["join"]), join(3), hold("hold")].map(wire("join", "hold")));
      const entry = theSource();
      for (const payload of ["a", "b", "c"]) entry.take(payload);
      await waitFor("the joined message", () => held.length === 1);
      await turns(5);
      assert.equal(entry.settled.length, 0);
      held[0]?.fail(new Error("for all"));
      await waitFor("all to be settled", () => entry.settled.length === 3);
      assert.deepEqual(entry.settled.map(({ settlement }) => settlement.outcome), ["retry", "retry", "retry"]);
    });

    it("Join in manual mode, sent to two branches", async () => {
      await runtime.fresh([source(["join"]), { ...join(2), wires: [["one", "two"]] }, hold("one"), hold("two")]);
      const entry = theSource();
      for (const payload of ["a", "b"]) entry.take(payload);
      await waitFor("both branches to have it", () => held.length === 2);
      held[0]?.go();
      await turns(5);
      assert.equal(entry.settled.length, 0);
      held[1]?.go();
      await waitFor("all to be settled", () => entry.settled.length === 2);
      assert.deepEqual(entry.settled.map(({ settlement }) => settlement.outcome), ["accept", "accept"]);
    });

    it("parts of joined messages that a rate limit sends on all at once, as copies", async () => {
      const limit = delay({ pauseType: "rate", rateUnits: "hour", wires: [["hold"]] });
      await runtime.fresh([source(["join"]), { ...join(2), wires: [["split"]] }, { ...split(), wires: [["delay"]] }, limit, hold("hold")]);
      const entry = theSource();
      for (const payload of ["a", "b", "c", "d"]) entry.take(payload);
      await waitFor("the first part", () => held.length === 1);
      await turns(10);
      runtime.node<{ receive(message: object): void }>("delay").receive({ flush: true });
      await waitFor("all parts", () => held.length === 4);
      for (const one of held.slice(0, 3)) one.go();
      await waitFor("those of the first message to be settled", () => entry.settled.length >= 2).then(() => turns(5));
      assert.deepEqual(entry.settled.map(({ taken }) => taken).sort(), ["a", "b"]);
    });

    for (const doneFirst of [false, true]) {
      it(`a node that gathers by a timer of its own and calls done ${doneFirst ? "before" : "after"} it sends`, async () => {
        await runtime.fresh([source(["gather"]), { id: "gather", type: "test-gather", doneFirst, wires: [["hold"]] }, hold("hold")]);
        const entry = theSource();
        for (const payload of ["a", "b", "c"]) entry.take(payload);
        await waitFor("the gathered message", () => held.length === 1);
        await turns(5);
        assert.equal(entry.settled.length, 0);
        held[0]?.fail(new Error("for all"));
        await waitFor("all to be settled", () => entry.settled.length === 3);
        assert.deepEqual(entry.settled.map(({ settlement }) => settlement.outcome), ["retry", "retry", "retry"]);
      });
    }
  });

  it("warns of a node that sends after it called done, and names it", async () => {
    // a timer in a timer is a turn of the event loop later, however slow the machine: by then the delivery is settled
    const func = "setTimeout(() => setTimeout(() => node.send({ payload: 'late' }), 30), 30); node.done(); return null;";
    await runtime.fresh([source(["f"]), { ...fn("f", func, ["see"]), name: "hasty" }, see("see")]);
    const log = await warningsDuring(async () => {
      assert.deepEqual(await outcomesOf("a"), ["accept"]);
      await waitFor("the late message", () => seenAt("see").length === 1);
    });
    assert.match(log.join("\n"), /hasty \(f\) sends after it called done/);
  });

  it("retries what is not settled within the deadline, and names the node that holds it", async () => {
    await runtime.fresh([source(["hold"], { deadline: 60 }), { ...hold("hold"), name: "sleepy" }]);
    assert.deepEqual(await outcomesOf("a"), ["retry"]);
    assert.equal(theSource().settled[0]?.settlement.error?.code, "DEADLINE_EXCEEDED");
    assert.match(theSource().warnings[0] ?? "", /sleepy \(hold\) still holds it/);
  });

  it("leaves no hook behind when the last source is gone", async () => {
    await runtime.fresh([source([])]);
    assert.deepEqual(await outcomesOf("a"), ["accept"]);
    await runtime.deploy([]);
    const { hooks } = util as unknown as { hooks: { has(id: string): boolean } };
    assert.equal(hooks.has("onSend.surewireDelivery"), false);
  });
});

function split(): FlowNodeConfig {
  return { id: "split", type: "split", splt: "\\n", spltType: "str", arraySplt: 1, arraySpltType: "len", addname: "" };
}

function join(count: number): FlowNodeConfig {
  const parts = { propertyType: "msg", property: "payload", key: "topic", joiner: "\\n", joinerType: "str", timeout: "", accumulate: false };
  return { id: "join", type: "join", mode: "custom", build: "array", count: String(count), reduceRight: false, ...parts };
}

function delay(more: object): FlowNodeConfig {
  const rates = { rate: "1", nbRateUnits: "1", rateUnits: "second", randomFirst: "1", randomLast: "5", randomUnits: "seconds", drop: false };
  return { id: "delay", type: "delay", pauseType: "delay", timeout: "5", timeoutUnits: "seconds", ...rates, allowrate: false, outputs: 1, ...more };
}

function catchAll(wires: string[]): FlowNodeConfig {
  return { id: "catch", type: "catch", scope: null, uncaught: false, wires: [wires] };
}

function wire(from: string, to: string): (node: FlowNodeConfig) => FlowNodeConfig {
  return (node) => (node.id === from ? { ...node, wires: [[to]] } : node);
}
