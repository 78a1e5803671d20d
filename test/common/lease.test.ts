import assert from "node:assert/strict";
import { mock } from "node:test";
import { ConnectorError } from "../../nodes/common/errors";
import { Lease } from "../../nodes/common/lease";
import { MemoryStore } from "../../nodes/common/memory-store";

const TIME = 30_000;

/** A store that can be away, or keep answers to itself. */
class FailingStore extends MemoryStore {
  away = false;
  /** Done, but the answer waits until this is called. */
  silent: (() => void)[] | undefined;

  override readFenced(key: string): ReturnType<MemoryStore["readFenced"]> {
    return this.answer(() => super.readFenced(key));
  }

  override swap(key: string, value: unknown, fence: number, expected: number | undefined): Promise<boolean> {
    return this.answer(() => super.swap(key, value, fence, expected));
  }

  private async answer<T>(done: () => Promise<T>): Promise<T> {
    if (this.away) throw new ConnectorError("STORE_UNAVAILABLE", "The database is away");
    const answer = await done();
    const { silent } = this;
    if (silent) await new Promise<void>((resolve) => silent.push(resolve));
    return answer;
  }
}

describe("a lease", () => {
  let store: FailingStore;
  let told: string[];
  let leases: Lease[];
  beforeEach(() => {
    mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
    store = new FailingStore();
    told = [];
    leases = [];
  });
  afterEach(async () => {
    store.silent?.forEach((answer) => answer());
    store.silent = undefined;
    await Promise.all(leases.map((lease) => lease.close()));
    mock.timers.reset();
  });

  /** One of another process, whose clock shows something else. */
  function join(name: string, own = store, time = TIME): Lease {
    const lease: Lease = new Lease({
      store: own,
      key: "lease/a",
      time,
      clock: { ticks: () => Date.now() + leases.indexOf(lease) * 1e9 },
      onHeld: () => told.push(`${name} holds`),
      onLost: (error) => told.push(`${name} lost${error ? `: ${error.message}` : ""}`),
      onTrouble: (error) => told.push(`${name} ${error ? "cannot look" : "can look"}`),
      warn: (text) => told.push(`${name} warns: ${text}`),
    });
    leases.push(lease);
    lease.start();
    return lease;
  }

  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      mock.timers.tick(Math.min(500, ms - passed));
      await settled();
    }
  }

  it("is held by one, and kept for as long as it shows signs of life", async () => {
    const one = join("one");
    await pass(500);
    const two = join("two");
    await pass(20 * TIME);
    assert.deepEqual(told, ["one holds"]);
    assert.equal(typeof one.fence, "number");
    assert.equal(two.fence, undefined);
  });

  it("goes to the standby within moments when it is given back, with a higher fence", async () => {
    const one = join("one");
    await pass(500);
    const first = one.fence as number;
    const two = join("two");
    await pass(5000);
    await one.close();
    assert.equal(one.fence, undefined);
    await pass(1000);
    assert.deepEqual(told, ["one holds", "two holds"]);
    assert.ok((two.fence as number) > first);
  });

  it("goes to the standby when the holder is gone, not before its time and not long after", async () => {
    const own = new FailingStore();
    share(own, store);
    join("one", own);
    await pass(500);
    const two = join("two");
    await pass(TIME / 2);
    own.away = true; // as if it were killed
    await pass(TIME - TIME / 3);
    assert.equal(two.fence, undefined);
    await pass(TIME / 3 + 1500);
    assert.equal(typeof two.fence, "number");
  });

  it("is lost in time, before a standby may take it, when the store is away for the holder alone", async () => {
    const own = new FailingStore();
    share(own, store);
    const one = join("one", own);
    await pass(500);
    const two = join("two");
    await pass(2 * TIME);
    own.away = true;
    for (let passed = 0; passed < 2 * TIME; passed += 500) {
      await pass(500);
      assert.ok(one.fence === undefined || two.fence === undefined, `both hold it after ${passed} ms`);
    }
    assert.deepEqual(told, ["one holds", "one lost: The database is away", "two holds"]);
    own.away = false;
    await pass(TIME);
    assert.deepEqual(told.slice(3), ["one can look"]);
  });

  it("is lost as well when the store says nothing at all, and a late answer does not bring it back", async () => {
    const own = new FailingStore();
    share(own, store);
    const one = join("one", own);
    await pass(500);
    join("two");
    await pass(TIME);
    const silent: (() => void)[] = (own.silent = []);
    await pass(2 * TIME);
    assert.equal(one.fence, undefined);
    assert.match(told[1] ?? "", /one lost: The lease lease\/a was not renewed within 20000 ms/);
    own.silent = undefined;
    silent.forEach((answer) => answer());
    await pass(TIME);
    assert.deepEqual([told[0], ...told.slice(2)], ["one holds", "two holds", "one can look"]);
  });

  it("is taken up again by itself when the store is back", async () => {
    const one = join("one");
    await pass(500);
    const first = one.fence as number;
    store.away = true;
    await pass(TIME);
    store.away = false;
    await pass(1000);
    assert.deepEqual(told, ["one holds", "one lost: The database is away", "one holds"]);
    assert.ok((one.fence as number) > first);
  });

  it("outlives an outage of the store that is shorter than it", async () => {
    const one = join("one");
    await pass(TIME / 2);
    store.away = true;
    await pass(TIME / 2 - 1000);
    store.away = false;
    await pass(5 * TIME);
    assert.deepEqual(told, ["one holds"]);
    assert.equal(typeof one.fence, "number");
  });

  it("is lost at once to whoever took it, for whatever reason", async () => {
    const one = join("one");
    await pass(500);
    await store.swap("lease/a", { holder: "other", run: "x", time: TIME, beat: 0 }, (one.fence as number) + 1, one.fence);
    await pass(TIME / 3);
    assert.deepEqual(told, ["one holds", "one lost"]);
  });

  it("has a higher fence than any before even when its record was removed", async () => {
    const one = join("one");
    await pass(500);
    const first = one.fence as number;
    await store.remove("lease/a");
    await pass(TIME);
    assert.deepEqual(told, ["one holds", "one lost", "one holds"]);
    assert.ok((one.fence as number) > first);
  });

  it("is not taken before the holder's own time is over, even if that of the standby is shorter", async () => {
    const own = new FailingStore();
    share(own, store);
    join("one", own);
    await pass(500);
    const two = join("two", store, TIME / 10);
    await pass(1000);
    own.away = true;
    await pass(TIME - 2000);
    assert.equal(two.fence, undefined);
    await pass(4000);
    assert.equal(typeof two.fence, "number");
  });

  it("is over by the clock when the process stood still, even before a timer has fired", async () => {
    let now = 0;
    const lease = new Lease({ store, key: "lease/a", time: TIME, clock: { ticks: () => now }, onHeld: () => undefined, onLost: () => told.push("lost"), warn: (text) => assert.fail(text) });
    leases.push(lease);
    lease.start();
    await pass(500);
    assert.equal(typeof lease.fence, "number");
    now = TIME;
    assert.equal(lease.fence, undefined);
    await pass(TIME / 3);
    assert.deepEqual(told, ["lost"]);
    assert.equal(typeof lease.fence, "number"); // taken anew: nobody else did
  });

  it("warns a standby's user once that the store cannot be read", async () => {
    join("one");
    await pass(500);
    const own = new FailingStore();
    share(own, store);
    own.away = true;
    join("two", own);
    await pass(5000);
    own.away = false;
    await pass(2000);
    own.away = true;
    await pass(5000);
    const warning = "two warns: The lease lease/a cannot be tried for: The database is away";
    assert.deepEqual(told, ["one holds", warning, "two cannot look", "two can look", warning, "two cannot look"]);
  });

  it("is given back even when it was just being taken as it was closed", async () => {
    const silent: (() => void)[] = (store.silent = []);
    const one = join("one");
    await pass(500);
    store.silent = undefined;
    const closed = one.close();
    silent.forEach((answer) => answer());
    await closed;
    join("two");
    await pass(500);
    assert.deepEqual(told, ["two holds"]);
  });

  it("closes while the store says nothing", async () => {
    const one = join("one");
    await pass(500);
    store.silent = [];
    let closed = false;
    void one.close().then(() => (closed = true));
    await pass(3500);
    assert.equal(closed, true);
  });
});

/** Lets two stores keep the same. */
function share(one: FailingStore, other: FailingStore): void {
  const kept: unknown = Reflect.get(other, "kept");
  Reflect.set(one, "kept", kept);
}

/** All that had no timer to wait for is done. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
