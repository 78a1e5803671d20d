import assert from "node:assert/strict";
import type { Parameter } from "../../../nodes/common/parameters";
import { FakeDatabase } from "./fake-database";
import { accept, ended, range, settle, TriggerBench, waitFor, type Sent } from "./triggered-support";

describe("sql read for a message", () => {
  const bench = new TriggerBench();
  const open: TriggerBench["open"] = (...given) => bench.open(...given);
  afterEach(() => bench.closeAll());

  describe("sends", () => {
    it("each row on its own, numbered as parts of which the last knows the count, with what was on the trigger", async () => {
      const { sent, ask } = open(FakeDatabase.counting(3), {}, accept);
      const asked = ask({ payload: "go", topic: "t", more: { list: [1] }, _msgid: "m" });
      await ended(asked);
      assert.deepEqual([asked.done, asked.passed], [[undefined], []]);
      assert.deepEqual(sent.map(({ payload }) => payload), [{ id: 0 }, { id: 1 }, { id: 2 }]);
      assert.deepEqual(sent.map(({ parts }) => [parts.index, parts.count]), [[0, undefined], [1, undefined], [2, 3]]);
      assert.equal(new Set(sent.map(({ parts }) => parts.id)).size, 1);
      assert.deepEqual(sent.map(({ topic, more, sql, _msgid }) => ({ topic, more, sql, _msgid })), range(3).map(() => ({ topic: "t", more: { list: [1] }, sql: { columns: ["id"] }, _msgid: undefined })));
      assert.notEqual(sent[0]?.more, sent[1]?.more);
    });

    it("no more rows at a time than it may fetch at once", async () => {
      const sizes: (number | undefined)[] = [];
      for (const def of [{}, { maxInFlight: 100 }, { maxInFlight: 1 }, { output: "batch", batchSize: 150, maxInFlight: 1 }, { output: "all", maxInFlight: 1 }]) {
        const database = FakeDatabase.counting(1);
        await ended(open(database, def, accept).ask());
        sizes.push(database.asked[0]?.fetchSize);
      }
      assert.deepEqual(sizes, [500, 100, 20, 150, 500]);
    });

    it("batches with the given number of rows, of which the last may be smaller", async () => {
      const { sent, ask } = open(FakeDatabase.counting(1203), { output: "batch", batchSize: 400 }, accept);
      await ended(ask());
      assert.deepEqual(sent.map(({ payload, parts }) => [(payload as { id: number }[]).length, parts.count]), [[400, undefined], [400, undefined], [400, undefined], [3, 4]]);
      assert.deepEqual(sent.flatMap(({ payload }) => (payload as { id: number }[]).map(({ id }) => id)), range(1203));
    });

    it("all rows in the message that asked for them, which goes on itself", async () => {
      const { sent, ask } = open(FakeDatabase.counting(3), { output: "all" });
      const asked = ask({ payload: "go", topic: "t", _msgid: "m", parts: { id: "p", index: 0 } });
      await ended(asked);
      assert.equal(asked.passed[0]?.[0], asked.msg);
      assert.deepEqual(asked.msg, { payload: [{ id: 0 }, { id: 1 }, { id: 2 }], topic: "t", _msgid: "m", parts: { id: "p", index: 0 }, sql: { columns: ["id"] } });
      assert.deepEqual([sent, asked.done], [[], [undefined]]);
    });

    it("an error instead of more rows than one message may hold", async () => {
      const database = FakeDatabase.counting(5000);
      const { ask } = open(database, { output: "all", maxRows: 4999 });
      const asked = ask();
      await ended(asked);
      assert.equal(asked.done[0]?.code, "PAYLOAD_TOO_LARGE");
      assert.equal(database.open.size, 0);
    });

    for (const [output, expected] of [["row", []], ["batch", []], ["all", [[{ payload: [], sql: { columns: ["id"] } }]]]] as const) {
      it(`${output === "all" ? "an empty list" : "nothing"} with output ${output} when there are no rows, or the trigger by a second output`, async () => {
        const asked = open(FakeDatabase.counting(0), { output }).ask();
        await ended(asked);
        assert.deepEqual([asked.passed, asked.done], [expected, [undefined]]);
        const other = open(FakeDatabase.counting(0), { output, emptyOutput: true }).ask();
        await ended(other);
        assert.deepEqual([other.passed, other.done], [[[null, { payload: "go" }]], [undefined]]);
      });
    }
  });

  describe("takes as parameters", () => {
    const query = "select * from t where a = :a and b in (:b) and c = :c and d::text <> ':e'";

    it("typed inputs, else the payload's own properties", async () => {
      const database = FakeDatabase.counting(0);
      const own: Parameter[] = [{ name: "a", value: (msg) => (msg as { topic: string }).topic }, { name: "c", value: async () => 7n }];
      await ended(open(database, { query }, undefined, { own }).ask({ topic: "t", payload: { a: "not this", b: [1, "two"], more: 1, e: 5 } }));
      assert.deepEqual(database.asked[0]?.values, { a: "t", b: [1, "two"], c: 7n, e: 5 });
    });

    it("nothing from a payload's prototype, and leaves out what is not there, for the database's process to name", async () => {
      const database = FakeDatabase.counting(0);
      await ended(open(database, { query: "select :toString, :a, :__proto__" }).ask({ payload: { a: undefined } }));
      assert.deepEqual(Object.keys(database.asked[0]?.values ?? {}), []);
    });

    it("no value that a database cannot be given: the trigger fails", async () => {
      const { ask } = open(FakeDatabase.counting(1), { query });
      const asked = [ask({ payload: { a: Number.NaN } }), ask({ payload: { b: ["x\0y"] } }), ask({ payload: { a: 1 } })];
      await Promise.all(asked.slice(0, 2).map(ended));
      assert.deepEqual(asked.slice(0, 2).map(({ done }) => done[0]?.code), ["INPUT_INVALID", "INPUT_INVALID"]);
    });
  });

  describe("keeps", () => {
    it("never more rows in the flow than allowed, and reads on as they are settled", async () => {
      const database = FakeDatabase.counting(50_000);
      let most = 0;
      const line: Sent[] = [];
      const { sent, ask, read } = open(database, { maxInFlight: 500 }, (message) => {
        line.push(message);
        most = Math.max(most, line.length);
      });
      const asked = ask();
      await waitFor("the flow to be full", () => line.length === 500);
      assert.ok(database.fetches <= 3, `${database.fetches} fetches`);
      while (asked.done.length === 0) {
        for (const message of line.splice(0)) settle(message, "accept");
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(most, 500);
      assert.deepEqual(sent.map(({ payload }) => (payload as { id: number }).id), range(50_000));
      assert.deepEqual(asked.done, [undefined]);
      await read.close(0);
    });

    it("the trigger open until the last row is settled", async () => {
      const { sent, ask } = open(FakeDatabase.counting(2));
      const asked = ask();
      await waitFor("both", () => sent.length === 2);
      settle(sent[0] as Sent, "accept");
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(asked.done, []);
      settle(sent[1] as Sent, "accept");
      await ended(asked);
    });

    it("triggers in line, and refuses those of no delivery above a thousand", async () => {
      const { sent, ask } = open(FakeDatabase.counting(1), { maxInFlight: 1 });
      const asked = range(1003).map(() => ask());
      assert.deepEqual(asked.filter(({ done }) => done.length > 0).map(({ done }) => done[0]?.code), ["OVERLOADED", "OVERLOADED"]);
      while (asked.some(({ done }) => done.length === 0)) {
        for (const message of sent.splice(0)) settle(message, "accept");
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(asked.filter(({ done }) => !done[0]).length, 1001);
    });
  });

  it("reads a statement that changes data to its end before it sends the first row", async () => {
    const database = FakeDatabase.counting(1200);
    const { sent, ask, read } = open(database, { query: "with c as (update t set taken = 1 returning *) select * from c", maxInFlight: 1 });
    ask();
    await waitFor("the first", () => sent.length === 1);
    assert.equal(database.open.size, 0);
    await read.close(0);
  });
});
