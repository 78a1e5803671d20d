import assert from "node:assert/strict";
import { MemoryStore } from "../../../../nodes/common/memory-store";
import type { FencedValue, StoreEntry } from "../../../../nodes/common/store";
import { CaseRecords } from "../../../../nodes/salesforce/client/routing/case-records";
import type { Interaction } from "../../../../nodes/salesforce/client/routing/interaction";

const PREFIX = "routes/";
const [A, B] = ["500000000000001AAA", "500000000000002AAA"];
const waiting: Interaction = { state: "waiting", owner: "00Gpumps", queue: "Pumps", workgroup: "wg", request: "r0", attempt: 1, reason: "new", due: 10, handled: [] };
const { due: _due, ...timeless } = waiting;
const open: Interaction = { ...timeless, state: "open", interactionId: "I1" };

/** So many cases as a large org has open, in pages; and how often it was asked. */
class LargeStore extends MemoryStore {
  pages = 0;
  reads = 0;

  constructor(private readonly cases: number) {
    super();
  }

  override async *entries(prefix: string): AsyncGenerator<StoreEntry[]> {
    for (let from = 0; from < this.cases; from += 500) {
      this.pages += 1;
      yield Array.from({ length: 500 }, (_, index) => ({ key: `${prefix}500${String(from + index).padStart(12, "0")}AAA`, value: open, fence: 1 }));
    }
  }

  override readFenced(key: string): Promise<FencedValue | undefined> {
    this.reads += 1;
    return super.readFenced(key);
  }
}

/** Lets something else happen between reading entries or a value, and telling of it. */
class SlowStore extends MemoryStore {
  meanwhile: (() => Promise<unknown>) | undefined;

  override async *entries(prefix: string): AsyncGenerator<StoreEntry[]> {
    for await (const page of super.entries(prefix)) {
      await this.once();
      yield page;
    }
  }

  override async readFenced(key: string): Promise<FencedValue | undefined> {
    const found = await super.readFenced(key);
    await this.once();
    return found;
  }

  private async once(): Promise<void> {
    const { meanwhile } = this;
    this.meanwhile = undefined;
    await meanwhile?.();
  }
}

describe("what is kept of cases", () => {
  const put = (records: CaseRecords, caseId: string, record: Interaction | undefined): Promise<void> => records.change(caseId, () => ({ record, result: undefined }));

  it("counts what is open, and knows what is due", async () => {
    const records = new CaseRecords(new MemoryStore(), PREFIX);
    await put(records, A, waiting);
    await put(records, B, open);
    assert.deepEqual([records.count, records.due(9), records.due(10)], [{ waiting: 1, open: 1 }, [], [A]]);
    await put(records, A, open);
    await put(records, B, { ...open, state: "idle" });
    assert.deepEqual([records.count, records.due(10)], [{ waiting: 0, open: 1 }, []]);
    await put(records, A, undefined);
    assert.deepEqual(records.count, { waiting: 0, open: 0 });
  });

  it("is found again by the next process", async () => {
    const store = new MemoryStore();
    await put(new CaseRecords(store, PREFIX), A, waiting);
    const records = new CaseRecords(store, PREFIX);
    await records.load();
    assert.deepEqual(records.due(10), [A]);
  });

  it("is loaded page by page, however much it is", async () => {
    const store = new LargeStore(150_000);
    const records = new CaseRecords(store, PREFIX);
    assert.equal(records.isLoaded, false);
    assert.equal((await records.load()).length, 150_000);
    assert.deepEqual([records.count.open, records.isLoaded, store.pages, store.reads], [150_000, true, 300, 0]);
  });

  it("forgets while it is loaded what another process has removed", async () => {
    const store = new MemoryStore();
    const [records, other] = [new CaseRecords(store, PREFIX), new CaseRecords(store, PREFIX)];
    await put(records, A, waiting);
    await put(other, A, undefined);
    await records.load();
    assert.deepEqual(records.due(10), []);
  });

  it("does not lose a case that comes while it is loaded", async () => {
    const store = new SlowStore();
    const records = new CaseRecords(store, PREFIX);
    store.meanwhile = () => put(records, A, waiting);
    await records.load();
    assert.deepEqual(records.due(10), [A]);
  });

  it("nor of a change to one that is being loaded", async () => {
    const store = new SlowStore();
    await put(new CaseRecords(store, PREFIX), A, { ...open, state: "idle" });
    const records = new CaseRecords(store, PREFIX);
    store.meanwhile = () => put(records, A, waiting);
    await records.load();
    assert.deepEqual(records.due(10), [A]);
  });

  it("is not overwritten by one who decided on what was removed and made anew", async () => {
    const store = new SlowStore();
    const [records, other] = [new CaseRecords(store, PREFIX), new CaseRecords(store, PREFIX)];
    await put(records, A, waiting);
    const seen: (string | undefined)[] = [];
    store.meanwhile = async () => {
      await put(other, A, undefined);
      await put(other, A, { ...waiting, request: "r1" });
    };
    await records.change(A, (record) => {
      seen.push(record?.request);
      return { record: record && { ...record, state: "open" }, result: undefined };
    });
    assert.deepEqual(seen, ["r0", "r1"]);
  });

  it("is not removed by one who decided on what another has changed since", async () => {
    const store = new SlowStore();
    const [records, other] = [new CaseRecords(store, PREFIX), new CaseRecords(store, PREFIX)];
    await put(records, A, waiting);
    store.meanwhile = () => put(other, A, { ...waiting, request: "r1" });
    await records.change(A, (record) => ({ record: record?.request === "r0" ? undefined : record, result: undefined }));
    assert.deepEqual(await store.read(PREFIX + A), { ...waiting, request: "r1" });
  });

  describe("and was seen before the org was asked", () => {
    let store: MemoryStore;
    let records: CaseRecords;
    beforeEach(async () => {
      store = new MemoryStore();
      records = new CaseRecords(store, PREFIX);
      await put(records, A, waiting);
    });

    /** Another changes it once it was seen. @returns what was decided on, and how often the org was asked again */
    async function decideLate(decide: (record: Interaction | undefined) => Interaction | undefined): Promise<unknown[]> {
      const kept = await records.read(A);
      await put(new CaseRecords(store, PREFIX), A, { ...waiting, request: "r1" });
      const seen: unknown[] = [];
      const change = (record: Interaction | undefined) => {
        seen.push(record?.request);
        return { record: decide(record), result: undefined };
      };
      await records.change(A, change, { kept, again: () => Promise.resolve(void seen.push("asked again")) });
      return seen;
    }

    it("is decided on anew, with what the org says now, when another has changed it", async () => {
      assert.deepEqual(await decideLate((record) => record && { ...record, state: "open" }), ["r0", "asked again", "r1"]);
    });

    it("also where nothing was to be changed", async () => {
      assert.deepEqual(await decideLate((record) => record), ["r0", "asked again", "r1"]);
    });

    it("is not read once more when it is changed and nobody was faster", async () => {
      const kept = await records.read(A);
      await records.change(A, (record) => ({ record: record && { ...record, state: "open" }, result: undefined }), { kept, again: () => Promise.reject(new Error("the org is asked again")) });
      assert.equal(((await store.read(PREFIX + A)) as Interaction).state, "open");
    });
  });
});
