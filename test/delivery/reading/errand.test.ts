import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { claimOf } from "../../../nodes/delivery/claim";
import { Errand, type Trigger } from "../../../nodes/delivery/reading/errand";
import type { Settlement } from "../../../nodes/delivery/outcome";
import { PassedHold } from "../../../nodes/delivery/reading/passed-hold";
import type { TrackedRuntime } from "../../../nodes/delivery/runtime";
import { DeliverySource } from "../../../nodes/delivery/source";
import { remains, waitFor } from "../../services/wait";
import { sourceOf } from "../sink/sink-support";

describe("a wait for a system, passed on to triggers", () => {
  /** Node-RED's. */
  const events = new EventEmitter();

  it("is released together with another one when the two hold only each other", async () => {
    const sources: DeliverySource[] = [];
    const holds: PassedHold[] = [];
    const errandsOf: Set<Errand<unknown>>[] = [new Set(), new Set()];
    for (const index of [0, 1]) {
      const hold = new PassedHold(`node ${index}`, errandsOf[index] ?? [], { letGoEvery: 20 });
      holds.push(hold);
      const settings = { id: `node ${index}`, settle: "node" as const, deadline: 60_000, retries: 0, retryDelay: 1, retryMaxDelay: 1 };
      const runtime = { events } as unknown as TrackedRuntime;
      sources.push(new DeliverySource({ ...settings, runtime, onSettle() {}, onHold: (reason) => hold.begin(reason), onResume: () => hold.end(), warn() {} }));
    }
    const deliveries = sources.map((source) => source.open("x", 1));
    for (const [index, errands] of errandsOf.entries()) {
      const msg = { delivery: deliveries[1 - index]?.info }; // what the other one put out
      errands.add(new Errand({ trigger: { msg, send() {}, done() {} }, claim: claimOf(msg), own: new Set(), finish: () => undefined }));
    }
    deliveries[0]?.hold("database away");
    assert.deepEqual(holds.map(({ current }) => current), ["database away", "database away"]);
    deliveries[0]?.resume();
    await waitFor("both to go on", () => holds.every(({ current }) => current === undefined), { interval: 5 });
    assert.ok(sources.every(({ held }) => !held));
    for (const source of sources) source.close();
  });
});

describe("what is taken for a trigger", () => {
  const nothing = (): void => undefined;
  const clone = (value: object): object => structuredClone(value);
  const errand = (msg: object, trigger: Partial<Trigger> = {}): Errand<string> =>
    new Errand({ trigger: { msg, send: nothing, done: nothing, ...trigger }, claim: undefined, own: new Set(["payload", "parts"]), finish: nothing });

  it("carries what else was on the trigger, as its own", () => {
    const msg = { payload: "asked", topic: "t", more: { list: [1] }, parts: { id: "outer" } };
    const one = errand(msg);
    const [first, last] = [false, true].map((end) => one.dress({ payload: "taken" }, one.nextPart(end), clone) as typeof msg & { parts: unknown });
    assert.deepEqual([first?.payload, first?.topic, first?.more], ["taken", "t", { list: [1] }]);
    assert.notEqual(first?.more, msg.more);
    assert.notEqual(first?.more, last?.more);
    assert.deepEqual([first, last].map((message) => ({ ...(message?.parts as object), id: "" })), [
      { type: "array", id: "", index: 0, parts: { id: "outer" } },
      { type: "array", id: "", index: 1, count: 2, parts: { id: "outer" } },
    ]);
  });

  it("ends the trigger when all of it is settled, with the failure that was told first", async () => {
    const done: (Error | undefined)[] = [];
    const one = errand({}, { done: (error) => done.push(error) });
    one.took("a");
    one.took("b");
    one.settled("a");
    one.end(new Error("first"));
    one.end(new Error("second"));
    assert.equal(done.length, 0);
    one.settled("b");
    await waitFor("the end", () => done.length > 0, { interval: 1 });
    assert.deepEqual(done.map((error) => error?.message), ["first"]);
  });

  it("has the clock of the trigger's delivery stand as long as any of it is in the flow", async () => {
    const settlements: Settlement[] = [];
    const source = sourceOf("clock", settlements, 200);
    const msg = { delivery: source.open(1, 1).info };
    const one = new Errand<string>({ trigger: { msg, send: nothing, done: nothing }, claim: claimOf(msg), own: new Set(), finish: nothing });
    one.took("a");
    await remains("not tried again", () => settlements.length === 0, 500);
    one.end();
    one.settled("a");
    await waitFor("its deadline, for nobody has settled it", () => settlements.length === 1);
    assert.equal(settlements[0]?.error?.code, "DEADLINE_EXCEEDED");
    source.close();
  });
});
