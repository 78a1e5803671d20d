import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import { MemoryStore } from "../../../nodes/common/memory-store";
import type { ReadDef } from "../../../nodes/sql/read/settings";
import { ENGINES, type TestEngine } from "../client/engines";
import { deliveryOf, PollBench, range, settle, waitFor, type Sent } from "./poll-support";

const refused = new ConnectorError("ROW_REFUSED", "the row breaks a rule");
const BY_ID: Partial<ReadDef> = { watermarkColumn: "changed", keyColumn: "id" };
const accept = (message: Sent): void => settle(message, "accept");
const idOf = (message: Sent): number => (message.payload as { id: number }).id;

describe("sql read polling by a watermark", function () {
  this.timeout(30_000);
  let engine: TestEngine;
  let bench: PollBench;

  before(async () => {
    engine = await (ENGINES[0] as (typeof ENGINES)[0]).start();
    bench = new PollBench(engine);
    await bench.database.ping();
  });
  after(async () => {
    await bench.end();
    engine.close();
  });
  beforeEach(async () => {
    await engine.execute("drop table if exists t; create table t (id integer primary key, changed integer, device text)");
  });
  afterEach(() => bench.closeAll());

  /** Rows with these ids, whose watermark is the id too, or given. */
  const insert = (ids: number[], changed = (id: number): number => id): Promise<void> =>
    engine.execute(ids.map((id) => `insert into t values (${id}, ${changed(id)}, 'press')`).join("; "));

  it("sends what is there in order, then what comes, each row once, with its watermark", async () => {
    await insert([3, 1, 2]);
    const { sent, ids } = await bench.open({ ...BY_ID, query: "select * from t where device = :device -- only these" }, accept);
    await waitFor("three", () => sent.length === 3);
    await insert([4, 5]);
    await waitFor("five", () => sent.length === 5);
    assert.deepEqual(ids(), [1, 2, 3, 4, 5]);
    assert.deepEqual(sent[3]?.sql, { columns: ["id", "changed", "device"], watermark: 4 });
    assert.deepEqual(sent[3]?.payload, { id: 4, changed: 4, device: "press" });
  });

  it("sends a row again when its watermark has risen", async () => {
    await insert([1, 2]);
    const { ids } = await bench.open(BY_ID, accept);
    await waitFor("two", () => ids().length === 2);
    await engine.execute("update t set changed = 3 where id = 1");
    await waitFor("the change", () => ids().length === 3);
    assert.deepEqual(ids(), [1, 2, 1]);
  });

  it("tells rows of one watermark apart by the key, over pages and restarts", async () => {
    await insert(range(0, 50), () => 7);
    const first = await bench.open({ ...BY_ID, maxInFlight: 4 }, (message) => idOf(message) < 23 && accept(message));
    await waitFor("the first half", () => first.ids().length === 27);
    await first.close();
    const second = await bench.open({ ...BY_ID, maxInFlight: 4 }, accept);
    await waitFor("the rest", () => second.ids().length === 27);
    assert.deepEqual(second.ids(), range(23, 50));
    await insert([60, 55], () => 7);
    await waitFor("what came later", () => second.ids().length === 29);
    assert.deepEqual(second.ids().slice(27), [55, 60]);
  });

  it("sends batches, the smaller rest at once", async () => {
    await insert(range(0, 25));
    const { sent } = await bench.open({ ...BY_ID, output: "batch", batchSize: 10 }, accept);
    await waitFor("three batches", () => sent.length === 3);
    assert.deepEqual(sent.map(({ payload, sql }) => [(payload as unknown[]).length, sql.watermark]), [[10, 9], [10, 19], [5, 24]]);
  });

  it("has never more rows in the flow than it may", async () => {
    await engine.execute("create index by_place on t (changed, id); insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000) select i, i / 3, 'press' from n");
    const line: Sent[] = [];
    let [count, most] = [0, 0];
    const { ids } = await bench.open({ ...BY_ID, maxInFlight: 1000 }, (message) => {
      count += 1;
      line.push(message);
      most = Math.max(most, line.length);
    });
    await waitFor("a full flow", () => line.length === 1000);
    while (count < 50_000 || line.length > 0) {
      for (const message of line.splice(0, 900)) settle(message, "accept");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.equal(most, 1000);
    assert.deepEqual(ids(), range(1, 50_001));
  });

  describe("keeps its place", () => {
    it("at the lowest row that is not settled, in whatever order they are", async () => {
      await insert(range(1, 7));
      const first = await bench.open(BY_ID);
      await waitFor("all", () => first.sent.length === 6);
      for (const index of [5, 0, 1, 3]) settle(first.sent[index] as Sent, "accept");
      await first.close();
      const second = await bench.open(BY_ID, accept);
      await waitFor("the rest", () => second.sent.length === 4);
      assert.deepEqual(second.ids(), [3, 4, 5, 6]);
    });

    it("over a crash: only rows that were not settled come again", async () => {
      await insert(range(1, 101));
      const store = new MemoryStore();
      const crashed = await bench.open(BY_ID, (message) => idOf(message) <= 60 && accept(message), { store });
      await waitFor("all", () => crashed.sent.length === 100);
      await waitFor("the watermark in the store", async () => ((await store.read("sql-read/read")) as { position?: { key: number } } | undefined)?.position?.key === 60);
      const after = await bench.open(BY_ID, accept, { store: frozen(store) });
      await waitFor("the rest", () => after.sent.length === 40);
      assert.deepEqual(after.ids(), range(61, 101));
    });

    it("and writes it a few times a second, however many rows are settled", async () => {
      await insert(range(1, 2001));
      let writes = 0;
      const store = new MemoryStore();
      const { write } = store;
      store.write = (key, value) => {
        writes += 1;
        return write.call(store, key, value);
      };
      const { sent, close } = await bench.open(BY_ID, accept, { store });
      await waitFor("all", () => sent.length === 2000);
      await close();
      assert.ok(writes >= 1 && writes <= 12, `${writes} writes`);
      assert.equal(((await store.read("sql-read/read")) as { position: { key: number } }).position.key, 2000);
    });

    it("and writes it again when the disk was full, with one warning for all that time", async () => {
      await insert(range(1, 11));
      const store = new MemoryStore();
      const { write } = store;
      let full = true;
      store.write = (key, value) => (full ? Promise.reject(new Error("no space left on device")) : write.call(store, key, value));
      const { sent, warnings } = await bench.open(BY_ID, accept, { store, retryStore: 20 });
      await waitFor("all", () => sent.length === 10);
      await waitFor("the warning", () => warnings.length > 0);
      await new Promise((resolve) => setTimeout(resolve, 80));
      full = false;
      await waitFor("the watermark", async () => ((await store.read("sql-read/read")) as { position?: { key: number } } | undefined)?.position?.key === 10);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? "", /no space left/);
    });

    it("not for other columns", async () => {
      await insert([1, 2]);
      const first = await bench.open(BY_ID, accept);
      await waitFor("both", () => first.sent.length === 2);
      await first.close();
      const second = await bench.open({ watermarkColumn: "id", keyColumn: "id" }, accept);
      await waitFor("both again", () => second.sent.length === 2);
      assert.match(second.warnings.join(), /other columns/);
    });

    it("and does not read from anywhere else while it cannot be read", async () => {
      await insert([1]);
      const store = new MemoryStore();
      let broken = true;
      store.read = () => (broken ? Promise.reject(new Error("EIO")) : Promise.resolve(undefined));
      const { sent, states } = await bench.open(BY_ID, accept, { store });
      await waitFor("the error", () => states.some((state) => state.kind === "failed" && state.error.code === "STORE_UNAVAILABLE"));
      assert.deepEqual(sent, []);
      broken = false;
      await waitFor("the row", () => sent.length === 1);
    });
  });

  describe("starts", () => {
    it("with what comes from now on when it is told so, over restarts too", async () => {
      await insert([1, 2, 3]);
      const first = await bench.open({ ...BY_ID, start: "new" }, accept);
      await waitFor("a look", () => first.states.length > 2);
      await waitFor("a stored place", async () => await bench.store.read("sql-read/read"));
      await first.close();
      await insert([4]);
      const second = await bench.open({ ...BY_ID, start: "new" }, accept);
      await waitFor("the new one", () => second.sent.length === 1);
      assert.deepEqual([first.ids(), second.ids()], [[], [4]]);
    });

    it("with the first that ever comes when there was none", async () => {
      const first = await bench.open({ ...BY_ID, start: "new" }, accept);
      await waitFor("a stored place", async () => await bench.store.read("sql-read/read"));
      await first.close();
      await insert([1]);
      const second = await bench.open({ ...BY_ID, start: "new" }, accept);
      await waitFor("it", () => second.ids().length === 1);
    });
  });

  describe("with a delay window", () => {
    it("does not miss a row that becomes visible after one above it, within the window", async () => {
      await insert([1, 2, 4]);
      const began = Date.now();
      const { ids } = await bench.open({ ...BY_ID, delayWindow: 400 }, accept);
      await waitFor("the first look", () => Date.now() - began > 200);
      assert.deepEqual(ids(), []);
      await insert([3]); // its transaction took a little longer
      await waitFor("all", () => ids().length === 4);
      assert.deepEqual(ids(), [1, 2, 3, 4]);
      assert.ok(Date.now() - began >= 400);
    });

    it("leaves what came within the window to the next poll", async () => {
      await insert([1]);
      const { ids } = await bench.open({ ...BY_ID, delayWindow: 200 }, accept);
      await insert([3]);
      await waitFor("the first", () => ids().length >= 1);
      await insert([2, 5]);
      await waitFor("all", () => ids().length >= 3);
      assert.deepEqual(ids().slice(0, 2), [1, 3].slice(0, ids()[1] === 3 ? 2 : 1).concat(ids()[1] === 3 ? [] : [2]));
    });
  });

  describe("when a row fails", () => {
    it("sends it again after the delay, and lets others overtake it, but keeps the place before it", async () => {
      await insert([1, 2, 3]);
      const { sent, ids } = await bench.open({ ...BY_ID, retries: 2, retryDelay: 30 }, (message) => settle(message, idOf(message) === 1 && message.delivery.attempt < 3 ? "retry" : "accept"));
      await waitFor("five", () => sent.length === 5);
      assert.deepEqual(ids(), [1, 2, 3, 1, 1]);
      assert.deepEqual(sent.filter((message) => idOf(message) === 1).map(({ delivery }) => delivery.attempt), [1, 2, 3]);
    });

    it("puts it out among the dead letters with the reason, and moves on when that flow has finished", async () => {
      await insert([1, 2]);
      const first = await bench.open({ ...BY_ID, retries: 1 }, (message) => {
        if (message.output === 0) settle(message, idOf(message) === 1 ? "retry" : "accept", refused);
      });
      await waitFor("the dead letter", () => first.sent.some(({ output }) => output === 1));
      const dead = first.sent.find(({ output }) => output === 1) as Sent;
      assert.deepEqual([dead.payload, dead.error], [{ id: 1, changed: 1, device: "press" }, { code: "ROW_REFUSED", message: "the row breaks a rule", attempts: 2 }]);
      await first.close();
      const second = await bench.open({ ...BY_ID, retries: 0 }, (message) => settle(message, message.output === 0 && idOf(message) === 1 ? "dead-letter" : "accept", refused));
      await waitFor("both again", () => second.sent.length === 3);
      await second.close();
      const third = await bench.open(BY_ID, accept);
      await insert([3]);
      await waitFor("the new one", () => third.sent.length === 1);
      assert.deepEqual(third.ids(), [3]);
    });

    it("stops, red, while dead letters go nowhere, and goes on once they do", async () => {
      await insert(range(1, 11));
      const { sent, states, wired, poller, ids } = await bench.open({ ...BY_ID, maxInFlight: 2 }, (message) => settle(message, message.output === 0 && idOf(message) === 1 ? "dead-letter" : "accept"), { outputs: [0] });
      await waitFor("red", () => states.at(-1)?.kind === "stuck");
      assert.deepEqual(ids(), [1, 2]);
      wired.add(1);
      poller.rewired();
      await waitFor("the rest", () => ids().length === 10);
      assert.equal(sent.filter(({ output }) => output === 1).length, 1);
    });

    it("tries a dead letter again that the flow behind could not take", async () => {
      await insert([1]);
      const { sent, warnings } = await bench.open(BY_ID, (message) => settle(message, message.output === 0 ? "dead-letter" : sent.length < 4 ? "retry" : "accept"));
      await waitFor("the last try", () => sent.length === 4);
      assert.deepEqual(sent.map(({ output }) => output), [0, 1, 1, 1]);
      assert.match(warnings.join(), /dead letter/);
    });
  });

  it("takes no more rows while dead letters wait for another try than may be in the flow", async () => {
    await insert(range(1, 11));
    const { ids } = await bench.open({ ...BY_ID, maxInFlight: 2, retryMaxDelay: 60_000 }, (message) => settle(message, "dead-letter"));
    await waitFor("two", () => ids().length === 2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(ids(), [1, 2]);
  });

  it("does not repeat rows when a comparison is less exact than the rows that it gives", async () => {
    await engine.execute("drop table t; create table t (id text collate nocase, changed integer, device text); insert into t values ('a', 1, ''), ('A', 1, '')");
    const { ids } = await bench.open(BY_ID, accept);
    await waitFor("both", () => ids().length >= 2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(ids(), ["a", "A"]);
  });

  it("says so when more rows compare as equal than are read at once, rather than ask for them for ever", async () => {
    const letters = ["aaa", "aaA", "aAa", "aAA", "Aaa"];
    await engine.execute("drop table t; create table t (id text collate nocase, changed integer, device text)");
    await engine.execute(letters.map((id) => `insert into t values ('${id}', 1, '')`).join("; "));
    const { warnings, ids } = await bench.open({ ...BY_ID, maxInFlight: 2 }, accept);
    await waitFor("the error", () => warnings.length > 0);
    assert.match(warnings.join(), /NOT_CONFIGURED.*compared as equal/);
    assert.ok(ids().length < 6, `${ids().length} rows`);
  });

  it("sends no row that it could not read on behind, since it is told apart by bytes", async () => {
    await engine.execute("drop table t; create table t (id blob, changed integer, device text); insert into t values (x'01', 1, ''), (x'02', 2, '')");
    const { ids, warnings } = await bench.open(BY_ID, accept);
    await waitFor("the error", () => warnings.length > 0);
    assert.match(warnings.join(), /id: it holds bytes/);
    assert.deepEqual(ids(), []);
  });

  it("reads nothing while a sink waits for its system, or nothing is wired", async () => {
    await insert(range(1, 5));
    const { sent, states, wired, poller } = await bench.open({ ...BY_ID, maxInFlight: 2 });
    await waitFor("two", () => sent.length === 2);
    const held = deliveryOf(sent[0] as Sent);
    held.hold("database away");
    assert.deepEqual(states.at(-1), { kind: "holding", reason: "database away" });
    settle(sent[1] as Sent, "accept");
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(sent.length, 2);
    wired.delete(0);
    poller.rewired();
    held.resume();
    settle(sent[0] as Sent, "accept");
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.deepEqual([sent.length, states.at(-1)?.kind], [2, "unwired"]);
    wired.add(0);
    poller.rewired();
    await waitFor("the others", () => sent.length === 4);
  });

  it("says when two rows have one place, and goes on when that is mended", async () => {
    await engine.execute("drop table t; create table t (id integer, changed integer, device text)");
    await insert([1, 2, 2, 3], () => 5);
    const { ids, states, warnings } = await bench.open(BY_ID, accept);
    await waitFor("the error", () => states.some((state) => state.kind === "failed"));
    assert.match(warnings.join(), /Two rows have changed 5 and id 2/);
    assert.deepEqual(ids(), [1, 2]);
    await engine.execute("update t set id = 4 where rowid = 3");
    await waitFor("the others", () => ids().length === 4);
  });

  it("says that rows without a watermark are never read, and that one without a key cannot be", async () => {
    await engine.execute("drop table t; create table t (id integer, changed integer, device text); insert into t values (1, null, 'x'), (2, 1, 'x'), (null, 2, 'x')");
    const { ids, warnings } = await bench.open(BY_ID, accept);
    await waitFor("both", () => warnings.length >= 2);
    assert.match(warnings.join("; "), /without a value in changed.*no value in the key column id/);
    assert.deepEqual(ids(), [2]);
  });

  for (const [what, def, message] of [
    ["a column that is not there", { watermarkColumn: "never" }, /no such column|never/],
    ["a query that cannot be read", { query: "select * from nowhere" }, /nowhere/],
    ["a statement that is none", { query: "select (" }, /syntax|incomplete/],
  ] as const) {
    it(`turns red with ${what}, and tries again`, async () => {
      await insert([1]);
      const { states, sent } = await bench.open({ ...BY_ID, ...def }, accept);
      const failed = await waitFor("red", () => states.find((state) => state.kind === "failed"));
      assert.match((failed as { error: ConnectorError }).error.message, message);
      assert.deepEqual(sent, []);
    });
  }

  it("tells of a poll that finds nothing, by a second output, when it has one", async () => {
    const { sent } = await bench.open({ ...BY_ID, emptyOutput: true });
    await waitFor("two", () => sent.length === 2);
    assert.deepEqual(sent.map(({ output, payload }) => [output, payload]), [[1, []], [1, []]]);
  });
});

/** What was stored when the process ended: later writes do not reach it. */
function frozen(store: MemoryStore): MemoryStore {
  const copy = new MemoryStore();
  copy.read = (key) => store.read(key);
  return copy;
}
