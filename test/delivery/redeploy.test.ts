import assert from "node:assert/strict";
import { ConnectorError } from "../../nodes/common/errors";
import type { ItemResult } from "../../nodes/delivery/sink/sink";
import { closing, held, testBench, theSource, type TestSource } from "../services/test-nodes/test-nodes";
import { Runtime, type FlowNodeConfig } from "../services/runtime";
import { pause, remains, waitFor as waitAtMost, waitShortly as waitFor } from "../services/wait";

const runtime = new Runtime();

const source = (wires: string[], more: object = {}): FlowNodeConfig => ({ id: "source", type: "test-source", wires: [wires], ...more });
const see = (id: string): FlowNodeConfig => ({ id, type: "test-see", wires: [[]] });
const sink: FlowNodeConfig = { id: "sink", type: "test-sink", wires: [[]] };

const STORED: ItemResult<unknown> = { ok: true, value: "stored" };

const outcomes = (entry: TestSource): string[] => entry.settled.map(({ settlement }) => settlement.outcome);

describe("what would break the promise, in a real Node-RED", function () {
  before(() => runtime.start());
  after(() => runtime.stop());

  const holders: Record<string, { type: string } & Record<string, unknown>> = {
    Delay: { type: "delay", pauseType: "delay", timeout: "60", timeoutUnits: "seconds", outputs: 1 },
    "Delay with a rate limit": { type: "delay", pauseType: "rate", rate: "1", nbRateUnits: "60", rateUnits: "second", timeout: "5", outputs: 1 },
    Join: { type: "join", mode: "custom", build: "array", property: "payload", propertyType: "msg", count: "9", timeout: "", joiner: "\\n", joinerType: "str" },
    Batch: { type: "batch", mode: "count", count: 9, overlap: 0 },
    "a function that works on": { type: "function", func: "setTimeout(() => { node.send(msg); node.done(); }, 60000);", outputs: 1 },
    "a function that sends as it closes": {
      type: "function",
      func: "context.set('d', [msg]); node.on('close', () => { node.send(msg); node.done(); });",
      outputs: 1,
    },
  };
  for (const [name, config] of Object.entries(holders)) {
    for (const type of ["full", "flows", "nodes"] as const) {
      it(`a ${type} redeploy while ${name} holds messages releases them`, async () => {
        const flow = (version: number): FlowNodeConfig[] => [source(["holder"]), { id: "holder", wires: [["see"]], version, ...config }, see("see")];
        await runtime.fresh(flow(1));
        const entry = theSource();
        for (const payload of ["a", "b", "c"]) entry.take(payload);
        const accepted = name === "Delay with a rate limit" ? 1 : 0; // which lets the first pass at once
        await waitFor("what may pass to pass", () => entry.settled.length === accepted);
        await pause(10); // and the rest to reach the node's hands
        await runtime.deploy(flow(2), type);
        await waitFor("all to be settled", () => entry.settled.length === 3);
        const expected = [...Array<string>(accepted).fill("accept"), ...Array<string>(3 - accepted).fill("release")];
        assert.deepEqual(outcomes(entry).sort(), expected.sort());
      });
    }
  }

  it("a redeploy does not wait for what a function holds whose timers have ended with it", async () => {
    const flow = (version: number): FlowNodeConfig[] => [source(["holder"], { drain: 60_000, version }), { id: "holder", version, wires: [["see"]], ...holders["a function that works on"] } as FlowNodeConfig, see("see")];
    await runtime.fresh(flow(1));
    const entry = theSource();
    for (const payload of ["a", "b", "c"]) entry.take(payload);
    await pause(10); // to reach the node's hands
    const deploy = runtime.deploy(flow(2), "full");
    await waitAtMost("all to be settled", () => entry.settled.length === 3, { timeout: 10_000 }); // Node-RED waits 15 s for a node that closes
    await deploy;
    assert.deepEqual(outcomes(entry), ["release", "release", "release"]);
  });

  it("a redeploy waits for what a sink writes", async () => {
    const flow = (version: number): FlowNodeConfig[] => [source(["sink"], { drain: 60_000, version }), { ...sink, version }];
    await runtime.fresh(flow(1));
    const entry = theSource();
    let store: (() => void) | undefined;
    testBench.write = (values) => new Promise((resolve) => (store = () => resolve(values.map(() => STORED))));
    entry.take("a");
    await waitFor("the write", () => store !== undefined);
    const deploy = runtime.deploy(flow(2), "full");
    await remains("it open", () => entry.settled.length === 0, 300);
    store?.();
    await deploy;
    assert.deepEqual(outcomes(entry), ["accept"]);
  });

  it("a redeploy of nodes leaves alone what nodes hold that go on running", async () => {
    const flow = (name: string): FlowNodeConfig[] => [source(["hold"]), { id: "hold", type: "test-hold", wires: [["see"]] }, { ...see("see"), name }];
    await runtime.fresh(flow("one"));
    const entry = theSource();
    entry.take("a");
    await waitFor("the node to have it", () => held.length === 1);
    await runtime.deploy(flow("two"), "nodes");
    assert.deepEqual(outcomes(entry), []);
    held[0]?.go();
    await waitFor("it to be settled", () => entry.settled.length === 1);
    assert.deepEqual(outcomes(entry), ["accept"]);
    assert.equal(testBench.seen.length, 1);
  });

  describe("a redeploy of the node behind one that makes one message of several releases them all", () => {
    const how = { mode: "custom", build: "array", property: "payload", propertyType: "msg", key: "topic", joiner: "", joinerType: "str", timeout: "" };
    const gatherers: Record<string, { type: string } & Record<string, unknown>> = {
      "a Join": { type: "join", count: "3", accumulate: false, ...how },
      "a function, with nothing on them that tells whose they are": {
        type: "function",
        func: "const all = context.get('all') || []; all.push(() => { node.send({ payload: msg.payload }); node.done(); }); context.set('all', all); if (all.length === 3) for (const go of all.splice(0)) go();",
        outputs: 1,
      },
      "a timer of nobody": { type: "test-gather" },
      "a timer of nobody, once it is done": { type: "test-gather", doneFirst: true },
    };
    for (const [name, config] of Object.entries(gatherers)) {
      it(name, async () => {
        const flow = (version: number): FlowNodeConfig[] => [source(["hold"]), { id: "hold", type: "test-hold", wires: [["gather"]] }, { id: "gather", wires: [["slow"]], ...config }, { id: "slow", type: "test-slow", wires: [["see"]], slow: version === 1 }, see("see")];
        await runtime.fresh(flow(1));
        const entry = theSource();
        for (const payload of ["a", "b", "c"]) entry.take(payload);
        await waitFor("all to be held", () => held.length === 3);
        const deploy = runtime.deploy(flow(2), "nodes");
        await waitFor("the next node to close", () => closing.length === 1);
        for (const one of held) one.go();
        await waitFor("all to be settled", () => entry.settled.length === 3);
        closing.splice(0)[0]?.();
        await deploy;
        assert.deepEqual([outcomes(entry), testBench.seen.length], [["release", "release", "release"], 0]);
      });
    }
  });

  it("a source takes no more while a redeploy of nodes has stopped the one behind it: given back at once, all would come back at once", async () => {
    const flow = (version: number): FlowNodeConfig[] => [source(["slow"]), { id: "slow", type: "test-slow", wires: [["see"]], slow: version === 1, version }, see("see")];
    await runtime.fresh(flow(1));
    const entry = theSource();
    const deploy = runtime.deploy(flow(2), "nodes");
    await waitFor("the node to close", () => closing.length === 1);
    entry.take("a");
    await waitFor("it to come back", () => entry.settled.length === 1);
    await remains("paused", () => entry.source.held, (entry.settled[0]?.settlement.delay ?? 0) + 50);
    closing.splice(0)[0]?.();
    await deploy;
    assert.deepEqual([outcomes(entry), entry.source.held], [["release"], false]);
  });

  it("what our sink has stored while flows stop is accepted, not released", async () => {
    const writes: (() => void)[] = [];
    await runtime.fresh([source(["sink"]), sink]);
    testBench.write = (values) => new Promise((resolve) => writes.push(() => resolve(values.map(() => STORED))));
    const entry = theSource();
    entry.take("a");
    await waitFor("the write to begin", () => writes.length === 1);
    const deploy = runtime.deploy([]);
    writes[0]?.();
    await deploy;
    assert.deepEqual(outcomes(entry), ["accept"]);
  });

  it("what our sink could not store before it closed is released", async () => {
    await runtime.fresh([source(["sink"]), sink]);
    testBench.write = () => new Promise(() => undefined);
    const entry = theSource();
    entry.take("a");
    await runtime.deploy([]);
    assert.deepEqual(outcomes(entry), ["release"]);
  });

  it("a message that outlives its delivery is dropped by our sink, with a warning", async () => {
    await runtime.fresh([source(["hold"], { deadline: 1_000 }), { id: "hold", type: "test-hold", wires: [["sink"]] }, sink]);
    const entry = theSource();
    entry.take("late");
    await waitFor("the deadline", () => entry.settled.length === 1);
    held[0]?.go();
    entry.take("in time");
    await waitFor("the next to be held", () => held.length === 2);
    held[1]?.go();
    await waitFor("the next to be stored", () => testBench.stored.length > 0);
    assert.deepEqual(testBench.stored, ["in time"]);
  });

  it("a connection that is lost closes its deliveries: their messages are dropped by our sink", async () => {
    await runtime.fresh([source(["hold"]), { id: "hold", type: "test-hold", wires: [["sink"]] }, sink]);
    const entry = theSource();
    entry.take("lost");
    await waitFor("the node to have it", () => held.length === 1);
    entry.source.invalidate();
    entry.take("new");
    await waitFor("the next to be held", () => held.length === 2);
    for (const one of held) one.go();
    await waitFor("the next to be settled", () => entry.settled.length === 1);
    assert.deepEqual(testBench.stored, ["new"]);
    assert.deepEqual(entry.settled.map(({ taken }) => taken), ["new"]);
  });

  it("a sink that waits for its system holds: no attempt, no deadline, and the source pauses", async () => {
    await runtime.fresh([source(["sink"], { deadline: 600 }), sink]);
    let down = true;
    testBench.write = (values) =>
      down
        ? Promise.reject(new ConnectorError("DATABASE_UNAVAILABLE", "database is away"))
        : Promise.resolve(values.map((value) => (testBench.stored.push(value), STORED)));
    const entry = theSource();
    for (const payload of ["a", "b"]) entry.take(payload);
    await waitFor("the source to be paused", () => entry.events.length === 1);
    entry.take("c");
    await remains("unsettled", () => entry.settled.length === 0, 1_300); // two deadlines long
    down = false;
    await waitFor("all to be settled", () => entry.settled.length === 3);
    assert.deepEqual(outcomes(entry), ["accept", "accept", "accept"]);
    assert.deepEqual(entry.events, ["hold: database is away", "resume"]);
    assert.deepEqual(testBench.stored.sort(), ["a", "b", "c"]);
  });

  it("a sink in a flow that is being stopped while its system is away gives everything back", async () => {
    await runtime.fresh([source(["sink"]), sink]);
    testBench.write = () => Promise.reject(new ConnectorError("DATABASE_UNAVAILABLE", "database is away"));
    const entry = theSource();
    for (const payload of ["a", "b", "c"]) entry.take(payload);
    await waitFor("the source to be paused", () => entry.events.length === 1);
    await runtime.deploy([]);
    assert.deepEqual(outcomes(entry), ["release", "release", "release"]);
  });

  for (const mode of ["flow", "node"]) {
    for (const outcome of ["accept", "retry", "dead-letter"]) {
      it(`a sink that is deployed anew while its system is away gives everything back, settled by the ${mode}, whatever its Catch branch asks for: ${outcome}`, async () => {
        const flow = (version: number): FlowNodeConfig[] => [
          source(["sink"], { settle: mode }),
          { ...sink, version },
          { id: "catch", type: "catch", scope: null, uncaught: false, wires: [["settle"]] },
          { id: "settle", type: "surewire-settle", outcome, outcomeType: "outcome", reason: "no good", reasonType: "str", wires: [[]] },
        ];
        await runtime.fresh(flow(1));
        testBench.write = () => Promise.reject(new ConnectorError("DATABASE_UNAVAILABLE", "database is away"));
        const entry = theSource();
        for (const payload of ["a", "b"]) entry.take(payload);
        await waitFor("the source to be paused", () => entry.events.length > 0);
        await runtime.deploy(flow(2), "nodes");
        await waitFor("all to be settled", () => entry.settled.length === 2);
        assert.deepEqual(outcomes(entry), ["release", "release"]);
        assert.equal(entry.settled[0]?.settlement.error?.code, "FLOW_STOPPED");
      });
    }
  }

  it("a node of ours that is not configured fails what it is given, as a fault of the system", async () => {
    await runtime.fresh([source(["settle"]), { id: "settle", type: "surewire-settle", outcome: "(", outcomeType: "jsonata", wires: [[]] }]);
    const entry = theSource();
    entry.take("a");
    await waitFor("it to be settled", () => entry.settled.length === 1);
    assert.equal(entry.settled[0]?.settlement.outcome, "release");
    assert.equal(entry.settled[0]?.settlement.error?.code, "NOT_CONFIGURED");
    assert.ok((entry.settled[0]?.settlement.delay ?? 0) > 0, "given back at once, it would come back at once");
  });
});
