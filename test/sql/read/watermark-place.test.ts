import assert from "node:assert/strict";
import { MemoryStore } from "../../../nodes/common/memory-store";
import { range, settle, waitFor, type Sent } from "./poll-support";
import { accept, BY_ID, idOf, refused, WatermarkSuite } from "./watermark-support";
import { remains } from "../../services/wait";

describe("the place of sql read polling by a watermark", function () {
  const suite = new WatermarkSuite();

  it("tells rows of one watermark apart by the key, over pages and restarts", async () => {
    await suite.insert(range(0, 50), () => 7);
    const first = await suite.bench.open({ ...BY_ID, maxInFlight: 4 }, (message) => idOf(message) < 23 && accept(message));
    await waitFor("the first half", () => first.ids().length === 27);
    await first.close();
    const second = await suite.bench.open({ ...BY_ID, maxInFlight: 4 }, accept);
    await waitFor("the rest", () => second.ids().length === 27);
    assert.deepEqual(second.ids(), range(23, 50));
    await suite.insert([60, 55], () => 7);
    await waitFor("what came later", () => second.ids().length === 29);
    assert.deepEqual(second.ids().slice(27), [55, 60]);
  });

  describe("keeps its place", () => {
    it("at the lowest row that is not settled, in whatever order they are", async () => {
      await suite.insert(range(1, 7));
      const first = await suite.bench.open(BY_ID);
      await waitFor("all", () => first.sent.length === 6);
      for (const index of [5, 0, 1, 3]) settle(first.sent[index] as Sent, "accept");
      await first.close();
      const second = await suite.bench.open(BY_ID, accept);
      await waitFor("the rest", () => second.sent.length === 4);
      assert.deepEqual(second.ids(), [3, 4, 5, 6]);
    });

    it("over a crash: only rows that were not settled come again", async () => {
      await suite.insert(range(1, 101));
      const store = new MemoryStore();
      const crashed = await suite.bench.open(BY_ID, (message) => idOf(message) <= 60 && accept(message), { store });
      await waitFor("all", () => crashed.sent.length === 100);
      await waitFor("the watermark in the store", async () => ((await store.read("sql-read/read")) as { position?: { key: number } } | undefined)?.position?.key === 60);
      const after = await suite.bench.open(BY_ID, accept, { store: frozen(store) });
      await waitFor("the rest", () => after.sent.length === 40);
      assert.deepEqual(after.ids(), range(61, 101));
    });

    it("and writes it a few times a second, however many rows are settled", async () => {
      await suite.insert(range(1, 2001));
      let writes = 0;
      const store = new MemoryStore();
      const { write } = store;
      store.write = (key, value) => {
        writes += 1;
        return write.call(store, key, value);
      };
      const began = performance.now();
      const { sent, close } = await suite.bench.open(BY_ID, accept, { store });
      await waitFor("all", () => sent.length === 2000);
      await close();
      const quarters = (performance.now() - began) / 250;
      assert.ok(writes >= 1 && writes <= quarters + 3, `${writes} writes in ${quarters} quarters of a second`);
      assert.equal(((await store.read("sql-read/read")) as { position: { key: number } }).position.key, 2000);
    });

    it("and writes it again when the disk was full, with one warning for all that time", async () => {
      await suite.insert(range(1, 11));
      const store = new MemoryStore();
      const { write } = store;
      let full = true;
      store.write = (key, value) => (full ? Promise.reject(new Error("no space left on device")) : write.call(store, key, value));
      const { sent, warnings } = await suite.bench.open(BY_ID, accept, { store, retryStore: 20 });
      await waitFor("all", () => sent.length === 10);
      const told = (): string[] => warnings.filter((text) => text.startsWith("STORE_UNAVAILABLE: The watermark cannot be stored"));
      await waitFor("the warning", () => told().length > 0);
      await remains("one warning", () => told().length === 1, 80);
      full = false;
      await waitFor("the watermark", async () => ((await store.read("sql-read/read")) as { position?: { key: number } } | undefined)?.position?.key === 10);
      assert.equal(told().length, 1);
      assert.match(told()[0] ?? "", /no space left/);
    });

    it("and says, once, when the table is emptied while it is read, and its values begin anew", async () => {
      await suite.insert(range(100, 110));
      const { ids, warnings } = await suite.bench.open({ ...BY_ID, delayWindow: 1 }, accept);
      await waitFor("all", () => ids().length === 10);
      await suite.engine.execute("delete from t");
      await suite.insert(range(1, 4));
      await waitFor("the warning", () => warnings.length > 0);
      assert.match(String(warnings[0]), /behind changed 109, and the highest there is 3: new rows are passed over.*table emptied/);
      await suite.insert(range(4, 6));
      await suite.insert([110]);
      await waitFor("what is behind", () => ids().length === 11);
      assert.equal(warnings.length, 1);
    });

    it("without a word when the flow deletes rows as it finishes with them, in any order", async () => {
      await suite.insert(range(1, 4));
      const { sent, ids, warnings } = await suite.bench.open({ ...BY_ID, delayWindow: 1 });
      await waitFor("all", () => sent.length === 3);
      for (const message of [...sent].reverse()) {
        await suite.engine.execute(`delete from t where id = ${idOf(message)}`);
        settle(message, "accept");
        await remains("no warning", () => warnings.length === 0, 150);
      }
      await suite.insert([4]);
      await waitFor("the next", () => ids().length === 4);
      assert.deepEqual(warnings, []);
    });

    it("without a word when its last row is gone, and others of the same watermark are not", async () => {
      await suite.insert(range(0, 3), () => 7);
      const first = await suite.bench.open(BY_ID, accept);
      await waitFor("all", () => first.sent.length === 3);
      await first.close();
      await suite.engine.execute("delete from t where id = 2");
      const second = await suite.bench.open(BY_ID, accept);
      await waitFor("a look", () => second.states.length > 2);
      assert.deepEqual(second.warnings, []);
    });

    it("and says when the database has fallen behind it, as one that a backup was restored to", async () => {
      await suite.insert([1, 2, 3, 4, 5]);
      const first = await suite.bench.open(BY_ID, accept);
      await waitFor("all", () => first.sent.length === 5);
      await suite.engine.execute("drop table t");
      await waitFor("the loss of the table", () => first.states.some(({ kind }) => kind === "failed"));
      await suite.engine.execute("create table t (id integer primary key, changed integer, device text); insert into t values (1, 1, 'press'), (2, 2, 'press'), (3, 3, 'press')");
      const told = /behind changed 5, and the highest there is 3: new rows are passed over/;
      await waitFor("the warning", () => told.test(first.warnings.join()));
      await first.close();
      const second = await suite.bench.open(BY_ID, accept);
      await waitFor("the warning", () => told.test(second.warnings.join()));
    });

    it("without a word while its last row is there, or no row at all, or a higher one", async () => {
      await suite.insert([1, 2, 3]);
      const first = await suite.bench.open(BY_ID, accept);
      await waitFor("all", () => first.sent.length === 3);
      await first.close();
      for (const [change, more] of [["select 1", 0], ["delete from t where id = 2", 0], ["insert into t values (4, 4, 'press'); delete from t where id = 3", 1], ["delete from t", 0]] as const) {
        await suite.engine.execute(change);
        const next = await suite.bench.open(BY_ID, accept);
        await waitFor("what is new", () => next.sent.length === more);
        await waitFor("a look", () => next.states.length > 2);
        await next.close();
        assert.deepEqual(next.warnings, []);
      }
    });

    it("not for other columns", async () => {
      await suite.insert([1, 2]);
      const first = await suite.bench.open(BY_ID, accept);
      await waitFor("both", () => first.sent.length === 2);
      await first.close();
      const second = await suite.bench.open({ watermarkColumn: "id", keyColumn: "id" }, accept);
      await waitFor("both again", () => second.sent.length === 2);
      assert.match(second.warnings.join(), /other columns/);
    });

    it("and does not read from anywhere else while it cannot be read", async () => {
      await suite.insert([1]);
      const store = new MemoryStore();
      let broken = true;
      store.read = () => (broken ? Promise.reject(new Error("EIO")) : Promise.resolve(undefined));
      const { sent, states } = await suite.bench.open(BY_ID, accept, { store });
      await waitFor("the error", () => states.some((state) => state.kind === "failed" && state.error.code === "STORE_UNAVAILABLE"));
      assert.deepEqual(sent, []);
      broken = false;
      await waitFor("the row", () => sent.length === 1);
    });
  });

  describe("starts", () => {
    it("with what comes from now on when it is told so, over restarts too", async () => {
      await suite.insert([1, 2, 3]);
      const first = await suite.bench.open({ ...BY_ID, start: "new" }, accept);
      await waitFor("a look", () => first.states.length > 2);
      await waitFor("a stored place", async () => await suite.bench.store.read("sql-read/read"));
      await first.close();
      await suite.insert([4]);
      const second = await suite.bench.open({ ...BY_ID, start: "new" }, accept);
      await waitFor("the new one", () => second.sent.length === 1);
      assert.deepEqual([first.ids(), second.ids()], [[], [4]]);
    });

    it("with what comes from now on of the highest watermark, too", async () => {
      await suite.insert([1, 2], () => 7);
      const { ids } = await suite.bench.open({ ...BY_ID, start: "new" }, accept);
      await waitFor("a stored place", async () => await suite.bench.store.read("sql-read/read"));
      await suite.insert([3], () => 7);
      await waitFor("the new one", () => ids().length === 1);
      assert.deepEqual(ids(), [3]);
    });

    it("with the first that ever comes when there was none", async () => {
      const first = await suite.bench.open({ ...BY_ID, start: "new" }, accept);
      await waitFor("a stored place", async () => await suite.bench.store.read("sql-read/read"));
      await first.close();
      await suite.insert([1]);
      const second = await suite.bench.open({ ...BY_ID, start: "new" }, accept);
      await waitFor("it", () => second.ids().length === 1);
    });
  });

  describe("when a row fails", () => {
    it("sends it again after the delay, and lets others overtake it, but keeps the place before it", async () => {
      await suite.insert([1, 2, 3]);
      const { sent, ids } = await suite.bench.open({ ...BY_ID, retries: 2, retryDelay: 30 }, (message) => settle(message, idOf(message) === 1 && message.delivery.attempt < 3 ? "retry" : "accept"));
      await waitFor("five", () => sent.length === 5);
      assert.deepEqual(ids(), [1, 2, 3, 1, 1]);
      assert.deepEqual(sent.filter((message) => idOf(message) === 1).map(({ delivery }) => delivery.attempt), [1, 2, 3]);
    });

    it("puts it out among the dead letters with the reason, and moves on when that flow has finished", async () => {
      await suite.insert([1, 2]);
      const first = await suite.bench.open({ ...BY_ID, retries: 1 }, (message) => {
        if (message.output === 0) settle(message, idOf(message) === 1 ? "retry" : "accept", refused);
      });
      await waitFor("the dead letter", () => first.sent.some(({ output }) => output === 1));
      const dead = first.sent.find(({ output }) => output === 1) as Sent;
      assert.deepEqual([dead.payload, dead.error], [{ id: 1, changed: 1, device: "press" }, { code: "ROW_REFUSED", message: "the row breaks a rule", attempts: 2 }]);
      await first.close();
      const second = await suite.bench.open({ ...BY_ID, retries: 0 }, (message) => settle(message, message.output === 0 && idOf(message) === 1 ? "dead-letter" : "accept", refused));
      await waitFor("both again", () => second.sent.length === 3);
      await second.close();
      const third = await suite.bench.open(BY_ID, accept);
      await suite.insert([3]);
      await waitFor("the new one", () => third.sent.length === 1);
      assert.deepEqual(third.ids(), [3]);
    });

    it("stops, red, while dead letters go nowhere, and goes on once they do", async () => {
      await suite.insert(range(1, 11));
      const { sent, states, wired, poller, ids } = await suite.bench.open({ ...BY_ID, maxInFlight: 2 }, (message) => settle(message, message.output === 0 && idOf(message) === 1 ? "dead-letter" : "accept"), { outputs: [0] });
      await waitFor("red", () => states.at(-1)?.kind === "stuck");
      assert.deepEqual(ids(), [1, 2]);
      wired.add(1);
      poller.rewired();
      await waitFor("the rest", () => ids().length === 10);
      assert.equal(sent.filter(({ output }) => output === 1).length, 1);
    });

    it("tries a dead letter again that the flow behind could not take", async () => {
      await suite.insert([1]);
      const { sent, warnings } = await suite.bench.open(BY_ID, (message) => settle(message, message.output === 0 ? "dead-letter" : sent.length < 4 ? "retry" : "accept"));
      await waitFor("the last try", () => sent.length === 4);
      assert.deepEqual(sent.map(({ output }) => output), [0, 1, 1, 1]);
      assert.match(warnings.join(), /dead letter/);
    });
  });

  it("takes no more rows than may be in the flow while dead letters wait for another try", async () => {
    await suite.insert(range(1, 11));
    const { ids } = await suite.bench.open({ ...BY_ID, maxInFlight: 2, retryMaxDelay: 60_000 }, (message) => settle(message, "dead-letter"));
    await waitFor("two", () => ids().length === 2);
    await remains("two", () => ids().length === 2, 100);
    assert.deepEqual(ids(), [1, 2]);
  });
});

/** What was stored when the process ended: later writes do not reach it. */
function frozen(store: MemoryStore): MemoryStore {
  const copy = new MemoryStore();
  copy.read = (key) => store.read(key);
  return copy;
}
