import assert from "node:assert/strict";
import { MemoryStore } from "../../../../nodes/common/memory-store";
import type { Standby } from "../../../../nodes/salesforce/client/events/standby";
import { CHANNEL, ListenBench, type Listening, ORG, type Sent, settle, waitFor } from "./listen-bench";
import { event, range } from "./scripted-transport";

const MARKS = `salesforce-listen/${ORG}/${CHANNEL}/listen/poison`;
const LAST = 100;
const ALL = range(1, LAST + 1);

/** A store that outlives the processes of a test, and how often marks were written to it. */
class Disk extends MemoryStore {
  marked = 0;

  override write(key: string, value: unknown): Promise<void> {
    if (key === MARKS) this.marked += 1;
    return super.write(key, value);
  }

  /** As a process leaves it that ends now. */
  async copy(): Promise<Disk> {
    const copy = new Disk();
    for await (const entries of this.entries("")) for (const { key, value } of entries) await copy.write(key, value);
    return copy;
  }
}

describe("an event that ends Node-RED", () => {
  const bench = new ListenBench();
  let disk: Disk;
  let poison: Set<string>;
  let deaths: number;
  let dead: Sent[];
  /** What has gone through the flow. */
  let worked: string[];
  beforeEach(() => {
    disk = new Disk();
    poison = new Set();
    [deaths, dead, worked] = [0, [], []];
  });
  afterEach(() => bench.closeAll());

  /** A process listens until `done`, or until an event ends it. */
  async function live(done: (node: Listening) => unknown, outputs = [0, 1]): Promise<"ended" | "done"> {
    let left: Promise<Disk> | undefined;
    const answer = (message: Sent): void => {
      const id = message.salesforce.replayId;
      if (left) return;
      if (message.output === 1) dead.push(message);
      else if (poison.has(id)) left = disk.copy();
      else worked.push(id);
      setImmediate(() => {
        if (!left) settle(message);
      });
    };
    const node = bench.open({ replayFrom: "all", maxInFlight: 50 }, { store: disk, outputs, answer });
    const subscription = await node.subscribed();
    let at = subscription.start.from === "after" ? Number(subscription.start.position) : 0;
    await waitFor("the end of the process or of its work", async () => {
      if (!left) at += node.transport.current?.bring(...ALL.slice(at)) ?? 0;
      return left !== undefined || (await done(node));
    });
    await node.close();
    if (!left) return "done";
    deaths += 1;
    disk = await left;
    return "ended";
  }

  const allSettled = async (): Promise<boolean> => ((await disk.read(MARKS.replace("/poison", ""))) as { position?: string } | undefined)?.position === String(LAST);

  async function liveOn(): Promise<void> {
    while ((await live(allSettled)) === "ended") assert.ok(deaths < 20, "it must come to an end");
  }

  it("is put out as a dead letter at its third end, and all others go through", async () => {
    poison.add("57");
    await liveOn();
    assert.equal(deaths, 3);
    assert.deepEqual(dead.map(({ salesforce, error }) => [salesforce.replayId, error?.code, error?.attempts]), [["57", "POISON", 3]]);
    const others = ALL.map(({ replayId }) => replayId).filter((id) => id !== "57");
    assert.deepEqual([...new Set(worked)].sort(), others.sort());
  });

  it("is reported as being searched for while those that came with it are tried", async () => {
    await disk.write(MARKS, { running: true, deaths: {}, inHand: [] });
    const node = bench.open({ replayFrom: "all" }, { store: disk });
    (await node.subscribed()).bring(event(1));
    await waitFor("it", () => node.sent.length === 1);
    assert.deepEqual(node.listener.state, { kind: "holding", reason: "looks for a message that ends Node-RED" });
    settle(node.sent[0] as Sent);
    await waitFor("all as ever", () => node.listener.state.kind !== "holding");
  });

  it("is found beside another one", async () => {
    for (const id of ["3", "4"]) poison.add(id);
    await liveOn();
    assert.deepEqual([...new Set(dead.map(({ salesforce }) => salesforce.replayId))].sort(), ["3", "4"]);
  });

  it("is kept from the flow when the node stops for want of a dead-letter output, and is put out once that is wired and deployed", async () => {
    poison.add("7");
    const stuck = (node: Listening): boolean => node.listener.state.kind === "stuck";
    while ((await live(stuck, [0])) === "ended") assert.ok(deaths < 20);
    assert.deepEqual([deaths, dead.length], [3, 0]);
    assert.equal(await live(allSettled), "done");
    assert.deepEqual(dead.map(({ salesforce }) => salesforce.replayId), ["7"]);
  });

  it("is handed to the flow like all others once the user has switched the search off", async () => {
    await disk.write(MARKS, { running: true, deaths: { "uuid-1": { times: 2, alone: 2, proven: true } }, inHand: ["uuid-1"] });
    const node = bench.open({ replayFrom: "all", poisonLimit: 0 }, { store: disk, outputs: [0] });
    (await node.subscribed()).bring(event(1), event(2));
    await waitFor("both", () => node.sent.length === 2);
    assert.deepEqual(node.ids, ["1", "2"]);
  });

  it("costs events nothing while there is none: one mark when the node starts, and none once it was closed in an orderly way", async () => {
    assert.equal(await live(allSettled), "done");
    assert.equal(disk.marked, 1);
    assert.equal(await disk.read(MARKS), undefined);
  });

  it("does not let more come than the flow takes while suspects wait", async () => {
    await disk.write(MARKS, { running: true, deaths: {}, inHand: [] });
    const node = bench.open({ replayFrom: "all", maxInFlight: 30 }, { store: disk });
    const subscription = await node.subscribed();
    assert.equal(subscription.bring(...ALL), 30);
    await waitFor("the first group", () => node.sent.length === 20);
    assert.equal(subscription.bring(...ALL.slice(30)), 0);
    for (const message of node.sent.slice(0, 20)) settle(message);
    await waitFor("the second group", () => node.sent.length === 30);
    assert.deepEqual(node.ids, ALL.slice(0, 30).map(({ replayId }) => replayId));
  });

  it("is known to the instance that takes over", async () => {
    const store = new MemoryStore();
    await store.writeFenced(MARKS, { running: true, deaths: { "uuid-1": { times: 1, alone: 1 } }, inHand: ["uuid-1"] }, 1);
    const standby: Standby = { store, lease: (_key, events) => ({ start: () => events.onHeld(2), close: () => Promise.resolve() }) };
    const second = bench.open({ replayFrom: "all" }, { standby });
    (await second.subscribed()).bring(event(1), event(2));
    await waitFor("the dead letter and the other", () => second.sent.length === 2);
    assert.deepEqual(second.sent.map(({ output, salesforce }) => [output, salesforce.replayId]), [[1, "1"], [0, "2"]]);
    assert.equal((await store.readFenced(MARKS))?.fence, 2, "written by who holds the lease");
  });
});
