import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import { Lease } from "../../../../nodes/common/lease";
import { MemoryStore } from "../../../../nodes/common/memory-store";
import { registry } from "../../../../nodes/delivery/tracker/registry";
import type { LeaseEvents, Standby } from "../../../../nodes/salesforce/client/events/standby";
import { CHANNEL, ListenBench, type Listening, ORG, settle, waitFor } from "./listen-bench";
import { event, range } from "./scripted-transport";

const KEY = `salesforce-listen/${ORG}/${CHANNEL}/listen`;

/** A lease that the test gives and takes. */
class ScriptedStandby implements Standby {
  readonly leases: { events: LeaseEvents; started: boolean; closed: boolean }[] = [];

  constructor(readonly store: MemoryStore) {}

  lease(_key: string, events: LeaseEvents): { start(): void; close(): Promise<void> } {
    const lease = { events, started: false, closed: false };
    this.leases.push(lease);
    return {
      start: () => void (lease.started = true),
      close: () => {
        lease.closed = true;
        return Promise.resolve();
      },
    };
  }

  get current(): LeaseEvents {
    const events = this.leases.at(-1)?.events;
    if (!events) throw new Error("nobody has asked for the lease");
    return events;
  }
}

describe("of several listeners to one channel with one name", () => {
  const bench = new ListenBench();
  let store: MemoryStore;
  beforeEach(() => (bench.store = store = new MemoryStore()));
  afterEach(() => bench.closeAll());

  const stored = async (): Promise<{ position?: string; settled: string[] } | undefined> => (await store.readFenced(KEY))?.value as never;
  const isAt = (position: string): Promise<true> => waitFor(`position ${position}`, async () => ((await stored())?.position === position ? (true as const) : undefined));

  describe("one", () => {
    let standby: ScriptedStandby;
    const opened = async (answer?: (node: Listening) => void): Promise<Listening> => {
      standby = new ScriptedStandby(store);
      const node = bench.open({ maxInFlight: 10 }, { standby });
      answer?.(node);
      await waitFor("its lease", () => standby.leases.length === 1);
      return node;
    };

    it("subscribes only while it holds the lease, and shows that it stands by", async () => {
      const node = await opened();
      assert.deepEqual([node.states.at(-1), node.transport.subscriptions.length], [{ kind: "standby" }, 0]);
      standby.current.onHeld(5);
      await node.subscribed();
    });

    it("writes its position with the fence of its lease", async () => {
      const node = await opened();
      standby.current.onHeld(5);
      (await node.subscribed()).bring(event(1));
      settle(node.sent[0]);
      await isAt("1");
      assert.equal((await store.readFenced(KEY))?.fence, 5);
    });

    it("stops at once when it has lost the lease: what is in the flow is released, and no position is written", async () => {
      const node = await opened();
      standby.current.onHeld(5);
      const subscription = await node.subscribed();
      subscription.bring(...range(1, 4));
      settle(node.sent[0]);
      await isAt("1");
      standby.current.onLost();
      assert.deepEqual([subscription.closed, node.states.at(-1)], [true, { kind: "standby" }]);
      settle(node.sent[1]);
      await waitFor("the end of all", () => node.sent.every(({ delivery }) => { const found = registry.find(delivery.id); return !found || found === "closed"; }));
      assert.equal((await stored())?.position, "1");
      assert.match(node.warnings.join(), /another instance may listen now/);
    });

    it("begins again where the other has left it when it has the lease once more", async () => {
      const node = await opened();
      standby.current.onHeld(5);
      (await node.subscribed()).bring(event(1));
      standby.current.onLost();
      await store.writeFenced(KEY, { position: "7", transport: "cometd", settled: ["uuid-9"], time: "" }, 6);
      standby.current.onHeld(7);
      const subscription = await node.subscribed();
      assert.deepEqual(subscription.start, { from: "after", position: "7" });
      subscription.bring(event(8), event(9), event(10));
      assert.deepEqual(node.ids, ["1", "8", "10"]);
    });

    it("stops when a write is refused, and gets in line again", async () => {
      const node = await opened();
      standby.current.onHeld(5);
      const subscription = await node.subscribed();
      subscription.bring(event(1));
      await store.writeFenced(KEY, { position: "3", transport: "cometd", settled: [], time: "" }, 9);
      settle(node.sent[0]);
      await waitFor("another lease to be asked for", () => standby.leases.length === 2);
      assert.deepEqual([subscription.closed, standby.leases.map(({ closed, started }) => [closed, started])], [true, [[true, true], [false, true]]]);
      assert.equal((await stored())?.position, "3");
    });

    it("repeats nothing that it has settled itself when it has the lease once more, though no position could be written", async () => {
      const node = await opened();
      standby.current.onHeld(5);
      (await node.subscribed()).bring(...range(1, 5));
      settle(node.sent[0]);
      await isAt("1");
      const write = store.writeFenced.bind(store);
      store.writeFenced = () => Promise.reject(new Error("away"));
      settle(node.sent[1]);
      settle(node.sent[3]);
      standby.current.onLost(new ConnectorError("STORE_UNAVAILABLE", "The database is away"));
      store.writeFenced = write;
      standby.current.onHeld(6);
      (await node.subscribed()).bring(...range(2, 6));
      assert.deepEqual(node.ids, ["1", "2", "3", "4", "3", "5"]);
    });

    it("says that it waits for the store while nobody can tell who listens", async () => {
      const node = await opened();
      standby.current.onHeld(5);
      await node.subscribed();
      const error = new ConnectorError("STORE_UNAVAILABLE", "The database is away");
      standby.current.onLost(error);
      assert.deepEqual(node.states.at(-1), { kind: "waiting", error });
      standby.current.onTrouble();
      assert.deepEqual(node.states.at(-1), { kind: "standby" });
      standby.current.onTrouble(error);
      standby.current.onHeld(6);
      await node.subscribed();
      assert.notEqual(node.states.at(-1)?.kind, "waiting");
    });

    it("begins where another was, though it is told to begin with what is new", async () => {
      standby = new ScriptedStandby(store);
      await store.writeFenced(KEY, { position: "7", transport: "cometd", settled: [], time: "" }, 6);
      const node = bench.open({ replayFrom: "new" }, { standby });
      await waitFor("its lease", () => standby.leases.length === 1);
      standby.current.onHeld(7);
      assert.deepEqual((await node.subscribed()).start, { from: "after", position: "7" });
    });
  });

  it("the second goes on behind what the first has settled, when that one closes", async () => {
    const standby: Standby = { store, lease: (key, events) => new Lease({ store, key, time: 3_000, warn: () => undefined, ...events }) };
    const open = (): Listening => bench.open({}, { standby });
    const first = open();
    (await first.subscribed()).bring(...range(1, 5));
    const second = open();
    for (const index of [0, 2]) settle(first.sent[index]);
    await waitFor("the second to stand by", () => second.states.at(-1)?.kind === "standby");
    await first.close();
    const subscription = await second.subscribed();
    assert.deepEqual(subscription.start, { from: "after", position: "1" });
    subscription.bring(...range(2, 6));
    assert.deepEqual(second.ids, ["2", "4", "5"]);
  });
});
