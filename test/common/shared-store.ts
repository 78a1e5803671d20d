import assert from "node:assert/strict";
import type { SharedStore, StoreEntry } from "../../nodes/common/store";

/** All that is kept under keys with this beginning. */
export async function entriesOf(store: SharedStore, prefix: string): Promise<StoreEntry[]> {
  const entries: StoreEntry[] = [];
  for await (const page of store.entries(prefix)) entries.push(...page);
  return entries;
}

async function keysOf(store: SharedStore, prefix: string): Promise<string[]> {
  return (await entriesOf(store, prefix)).map(({ key }) => key);
}

/** What every store for several processes has to do, as tests. @param open another handle on the same store */
export function itIsShared(open: () => SharedStore): void {
  describe("with fences", () => {
    let store: SharedStore;
    let other: SharedStore;
    before(() => {
      store = open();
      other = open();
    });

    it("refuses writers that have been replaced, and accepts others", async () => {
      assert.equal(await store.writeFenced("position", { at: 1 }, 5), true);
      assert.equal(await store.writeFenced("position", { at: 2 }, 5), true);
      assert.equal(await other.writeFenced("position", { at: 3 }, 6), true);
      assert.equal(await store.writeFenced("position", { at: 4 }, 5), false);
      assert.deepEqual(await store.readFenced("position"), { value: { at: 3 }, fence: 6 });
      assert.deepEqual(await store.read("position"), { at: 3 });
    });

    it("writes the same again when asked again", async () => {
      assert.equal(await store.writeFenced("same", "value", 1), true);
      assert.equal(await store.writeFenced("same", "value", 1), true);
      assert.deepEqual(await other.readFenced("same"), { value: "value", fence: 1 });
    });

    it("swaps only what is expected", async () => {
      assert.equal(await store.swap("lease", "none", 9, 8), false);
      assert.equal(await store.readFenced("lease"), undefined);
      assert.equal(await store.swap("lease", "one", 1, undefined), true);
      assert.equal(await other.swap("lease", "two", 1, undefined), false);
      assert.equal(await other.swap("lease", "two", 2, 1), true);
      assert.equal(await store.swap("lease", "one again", 1, 1), false);
      assert.equal(await other.swap("lease", "two again", 2, 2), true);
      assert.deepEqual(await store.readFenced("lease"), { value: "two again", fence: 2 });
    });

    it("removes only what is expected, and once", async () => {
      assert.equal(await store.removeFenced("removed", 1), true);
      await store.swap("removed", "one", 5, undefined);
      assert.equal(await other.removeFenced("removed", 4), false);
      assert.deepEqual(await store.readFenced("removed"), { value: "one", fence: 5 });
      assert.equal(await other.removeFenced("removed", 5), true);
      assert.equal(await store.readFenced("removed"), undefined);
      assert.equal(await other.removeFenced("removed", 5), true);
      assert.equal(await store.swap("removed", "two", 6, undefined), true);
    });

    it("takes a plain write for one with fence 0, and whatever is there for gone when it is removed", async () => {
      await store.write("plain", 1);
      assert.deepEqual(await other.readFenced("plain"), { value: 1, fence: 0 });
      assert.equal(await other.swap("plain", 2, Date.now(), 0), true);
      await store.remove("plain");
      assert.equal(await store.readFenced("plain"), undefined);
      assert.equal(await store.swap("plain", 3, 1, undefined), true);
    });

    it("keeps the order in which a process writes", async () => {
      const written = await Promise.all(Array.from({ length: 10 }, (_, index) => store.writeFenced("ordered", index, 1)));
      assert.ok(written.every(Boolean));
      assert.equal(await store.read("ordered"), 9);
    });

    it("lists what is kept by how its key begins, letter by letter and whole", async () => {
      const keys = ["a%b/1", "a%b/\\2", `a%b/${"é".repeat(600)}1`, `a%b/${"é".repeat(600)}2`, "A%b/3", "a_b/4", "axb/5", "a[b]c/6", "a%b"];
      await Promise.all(keys.map((key, index) => (index % 2 ? store.write(key, index) : store.writeFenced(key, index, 1))));
      assert.deepEqual((await keysOf(other, "a%b/")).sort(), keys.slice(0, 4).sort());
      assert.deepEqual(await entriesOf(other, "a%b/\\"), [{ key: "a%b/\\2", value: 1, fence: 0 }]);
      assert.deepEqual(await entriesOf(other, "a[b]"), [{ key: "a[b]c/6", value: 7, fence: 0 }]);
      assert.deepEqual(await keysOf(other, "b"), []);
      await other.remove("a_b/4");
      assert.deepEqual(await keysOf(store, "a_b"), []);
      assert.deepEqual((await keysOf(store, "")).filter((key) => keys.includes(key)).length, keys.length - 1);
    });
  });
}

/** As {@link itIsShared}, for stores that several handles write to at the same moment. */
export function itSettlesRaces(open: () => SharedStore): void {
  describe("between processes that race", () => {
    let stores: SharedStore[];
    before(() => (stores = [open(), open(), open()]));

    it("lets one of them swap", async () => {
      for (let fence = 0; fence < 8; fence += 1) {
        const won = await Promise.all(stores.map((store, index) => store.swap("raced", index, fence + 1, fence || undefined)));
        assert.equal(won.filter(Boolean).length, 1, `with fence ${fence}`);
        assert.deepEqual(await stores[0]?.readFenced("raced"), { value: won.indexOf(true), fence: fence + 1 });
      }
    });

    it("removes nothing that one of them has swapped", async () => {
      for (let turn = 0; turn < 8; turn += 1) {
        await stores[0]?.swap(`removed ${turn}`, "old", 1, undefined);
        const [removed, swapped] = await Promise.all([stores[0]?.removeFenced(`removed ${turn}`, 1), stores[1]?.swap(`removed ${turn}`, "new", 2, 1)]);
        assert.deepEqual([removed, swapped], swapped ? [false, true] : [true, false]);
        assert.deepEqual(await stores[2]?.readFenced(`removed ${turn}`), swapped ? { value: "new", fence: 2 } : undefined);
      }
    });

    it("ends with the highest fence", async () => {
      for (let turn = 0; turn < 5; turn += 1) {
        const won = await Promise.all(stores.map((store, index) => store.writeFenced(`highest ${turn}`, index, index + 1)));
        assert.equal(won[2], true);
        assert.deepEqual(await stores[0]?.readFenced(`highest ${turn}`), { value: 2, fence: 3 });
      }
    });
  });
}
