import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { ConnectorError } from "../../nodes/common/errors";
import { verdictFor } from "../../nodes/delivery/delivery";
import type { Settlement } from "../../nodes/delivery/outcome";
import { DeliverySource, type DeliverySourceOptions } from "../../nodes/delivery/source";
import { pause, remains, waitFor } from "../services/wait";

function sourceOf(more: Partial<DeliverySourceOptions<number>>): { source: DeliverySource<number>; settled: Map<number, Settlement>; warnings: string[] } {
  const settled = new Map<number, Settlement>();
  const warnings: string[] = [];
  const source = new DeliverySource<number>({
    id: "source",
    runtime: { log: { addHandler() {}, removeHandler() {} }, events: { on() {}, prependListener() {}, removeListener() {} }, nodes: { getNode: () => undefined } },
    settle: "node",
    deadline: 60_000,
    retries: 5,
    retryDelay: 10,
    retryMaxDelay: 40,
    onSettle: (delivery, settlement) => settled.set(delivery.taken, settlement),
    onHold: () => undefined,
    onResume: () => undefined,
    warn: (text) => warnings.push(text),
    ...more,
  });
  return { source, settled, warnings };
}

const lost = new ConnectorError("BROKER_UNAVAILABLE", "broker is away");

describe("a source of deliveries", () => {
  it("survives an answer that throws: says so, and answers the others", async () => {
    const answered: number[] = [];
    const { source, warnings } = sourceOf({
      deadline: 20,
      onSettle: ({ taken }) => {
        if (taken === 1) throw new Error("channel is closed");
        answered.push(taken);
      },
    });
    for (const taken of [1, 2, 3]) source.open(taken, 1);
    await waitFor("the deadline", () => source.openCount === 0);
    assert.deepEqual(answered, [2, 3]);
    assert.match(warnings.join("\n"), /channel is closed/);
    source.close();
  });

  it("ends no delivery before its deadline, whenever it was taken between two checks", async () => {
    const deadline = 50;
    const lasted: number[] = [];
    const { source } = sourceOf({ deadline, onSettle: ({ taken }) => lasted.push(performance.now() - taken) });
    for (let round = 0; round < 40; round += 1) {
      source.open(performance.now(), 1);
      await pause(1);
    }
    await waitFor("all deadlines", () => lasted.length === 40);
    assert.ok(Math.min(...lasted) > deadline - 3, `one ended after ${Math.min(...lasted)} ms`); // timers may be a millisecond early
    source.close();
  });

  it("counts towards the deadline no time in which a delivery is held for a system", async () => {
    const { source, settled } = sourceOf({ deadline: 40 });
    const held = source.open(1, 1);
    held.hold("database is away");
    source.open(2, 1);
    await waitFor("the deadline of the other", () => settled.has(2));
    source.open(3, 1);
    await waitFor("the deadline of one that came later", () => settled.has(3));
    assert.equal(settled.has(1), false);
    held.resume();
    await waitFor("its own deadline", () => settled.has(1));
    assert.equal(settled.get(1)?.error?.code, "DEADLINE_EXCEEDED");
    source.close();
  });

  it("takes back only its own deliveries, although all deliveries of a process are kept together", async () => {
    const { source, settled } = sourceOf({ id: "one" });
    const other = sourceOf({ id: "other" });
    for (const taken of [1, 2]) source.open(taken, 1);
    other.source.open(3, 1);
    source.invalidate((delivery) => delivery.taken === 1);
    assert.deepEqual([source.openCount, other.source.openCount], [1, 1]);
    await source.drain(1);
    assert.deepEqual([[...settled.keys()], other.source.openCount], [[2], 1]);
    source.close();
    assert.equal(other.source.openCount, 1);
    other.source.close();
    assert.equal(other.settled.size, 0);
  });

  it("survives a pause that throws, and keeps its count", () => {
    const { source, settled } = sourceOf({
      onHold: () => {
        throw new Error("no consumer");
      },
    });
    const delivery = source.open(1, 1);
    delivery.hold("database is away");
    assert.equal(source.held, true);
    delivery.settle({ outcome: "accept" });
    assert.equal(source.held, false);
    assert.equal(settled.get(1)?.outcome, "accept");
    source.close();
  });

  it("gives back what fails together for a system error together, and waits longer only for the next time", () => {
    const { source, settled } = sourceOf({});
    for (let taken = 0; taken < 400; taken += 1) source.open(taken, 1).settle(verdictFor(lost, undefined));
    const delays = [...settled.values()].map(({ delay }) => delay ?? 0);
    assert.ok(Math.max(...delays) <= 1000, `the last of 400 waits ${Math.max(...delays)} ms`);
    source.close();
  });

  it("gives back no later when the clock is set back by an hour meanwhile", () => {
    const { source, settled } = sourceOf({});
    source.open(1, 1).settle(verdictFor(lost, undefined));
    const clock = Date.now;
    try {
      Date.now = () => clock() - 3_600_000;
      source.open(2, 1).settle(verdictFor(lost, undefined));
    } finally {
      Date.now = clock;
    }
    assert.ok((settled.get(2)?.delay ?? 0) <= 1000, `it waits ${settled.get(2)?.delay} ms`);
    source.close();
  });

  it("takes no more until what failed for a system error goes back", async () => {
    const events: string[] = [];
    const { source } = sourceOf({ onHold: (reason) => events.push(reason), onResume: () => events.push("resume") });
    for (const taken of [1, 2]) source.open(taken, 1).settle(verdictFor(lost, undefined));
    assert.deepEqual(events, ["broker is away"]);
    await waitFor("the pause to end", () => events.length === 2);
    assert.deepEqual(events, ["broker is away", "resume"]);
    source.close();
  });

  it("takes no more until the next deploy when a node is not configured", async () => {
    const events: string[] = [];
    const runtimeEvents = new EventEmitter();
    const runtime = { log: { addHandler() {}, removeHandler() {} }, events: runtimeEvents as never, nodes: { getNode: () => undefined } };
    const { source, settled } = sourceOf({ runtime, onHold: (reason) => events.push(reason), onResume: () => events.push("resume") });
    const missing = new ConnectorError("NOT_CONFIGURED", "no table");
    for (const taken of [1, 2]) source.open(taken, 1).settle(verdictFor(taken === 1 ? lost : missing, undefined));
    await remains("paused", () => events.length === 1, (settled.get(1)?.delay ?? 0) + 50);
    assert.deepEqual(events, ["broker is away"]);
    runtimeEvents.emit("flows:started");
    assert.deepEqual(events, ["broker is away", "resume"]);
    assert.equal(runtimeEvents.listenerCount("flows:started"), 0);
    source.close();
  });

  it("takes no more until the deploy is over that has stopped a node behind it, and gives back at once what it is drained of", async () => {
    const told: string[] = [];
    const events = new EventEmitter();
    const runtime = { log: { addHandler() {}, removeHandler() {} }, events: events as never, nodes: { getNode: () => undefined } };
    const { source, settled } = sourceOf({ settle: "flow", runtime, onHold: (reason) => told.push(reason), onResume: () => told.push("resume") });
    const stopped = verdictFor(new ConnectorError("FLOW_STOPPED", "a node was stopped"), undefined);
    events.emit("flows:started");
    events.emit("flows:stopping");
    source.open(1, 1).settle(stopped);
    await remains("paused", () => told.length === 1, (settled.get(1)?.delay ?? 0) + 50);
    events.emit("flows:started");
    assert.deepEqual(told, ["a node was stopped", "resume"]);
    const last = source.open(2, 1);
    void source.drain(60_000);
    last.settle(stopped);
    assert.deepEqual([settled.get(2)?.delay, told.length], [undefined, 2]);
    source.close();
  });

  it("pauses once for many that are held, and goes on when the last is free or gone", () => {
    const events: string[] = [];
    const { source } = sourceOf({ onHold: () => events.push("hold"), onResume: () => events.push("resume") });
    const [one, two] = [source.open(1, 1), source.open(2, 1)];
    for (const delivery of [one, one, two]) delivery.hold("away");
    one.resume();
    two.resume();
    assert.deepEqual(events, ["hold"]);
    source.invalidate((delivery) => delivery === one);
    assert.deepEqual(events, ["hold", "resume"]);
    one.resume();
    one.hold("away");
    assert.equal(source.held, false);
    source.close();
  });
});
