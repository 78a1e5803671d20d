import assert from "node:assert/strict";
import type { ConnectorError } from "../../../nodes/common/errors";
import { deliveryOf, range, settle, waitFor, type Sent } from "./poll-support";
import { accept, BY_ID, WatermarkSuite } from "./watermark-support";
import { pause, remains } from "../../services/wait";

describe("sql read polling by a watermark", function () {
  const suite = new WatermarkSuite();

  it("sends what is there in order, then what comes, each row once, with its watermark", async () => {
    await suite.insert([3, 1, 2]);
    const { sent, ids } = await suite.bench.open({ ...BY_ID, query: "select * from t where device = :device -- only these" }, accept);
    await waitFor("three", () => sent.length === 3);
    await suite.insert([4, 5]);
    await waitFor("five", () => sent.length === 5);
    assert.deepEqual(ids(), [1, 2, 3, 4, 5]);
    assert.deepEqual(sent[3]?.sql, { columns: ["id", "changed", "device"], watermark: 4 });
    assert.deepEqual(sent[3]?.payload, { id: 4, changed: 4, device: "press" });
  });

  it("sends a row again when its watermark has risen", async () => {
    await suite.insert([1, 2]);
    const { ids } = await suite.bench.open(BY_ID, accept);
    await waitFor("two", () => ids().length === 2);
    await suite.engine.execute("update t set changed = 3 where id = 1");
    await waitFor("the change", () => ids().length === 3);
    assert.deepEqual(ids(), [1, 2, 1]);
  });

  it("sends batches, the smaller rest at once", async () => {
    await suite.insert(range(0, 25));
    const { sent } = await suite.bench.open({ ...BY_ID, output: "batch", batchSize: 10 }, accept);
    await waitFor("three batches", () => sent.length === 3);
    assert.deepEqual(sent.map(({ payload, sql }) => [(payload as unknown[]).length, sql.watermark]), [[10, 9], [10, 19], [5, 24]]);
  });

  it("never has more rows in the flow than allowed", async () => {
    await suite.engine.execute("create index by_place on t (changed, id); insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000) select i, i / 3, 'press' from n");
    const line: Sent[] = [];
    let [count, most] = [0, 0];
    const { ids } = await suite.bench.open({ ...BY_ID, maxInFlight: 1000 }, (message) => {
      count += 1;
      line.push(message);
      most = Math.max(most, line.length);
    });
    await waitFor("a full flow", () => line.length === 1000);
    while (count < 50_000 || line.length > 0) {
      for (const message of line.splice(0, 900)) settle(message, "accept");
      await pause(1);
    }
    assert.equal(most, 1000);
    assert.deepEqual(ids(), range(1, 50_001));
  });

  describe("with a delay window", () => {
    it("does not miss a row that becomes visible after one above it, within the window", async () => {
      await suite.insert([1, 2, 4]);
      const began = Date.now();
      const { ids } = await suite.bench.open({ ...BY_ID, delayWindow: 2_000 }, accept);
      await waitFor("the first look", () => Date.now() - began > 200);
      assert.deepEqual(ids(), []);
      await suite.insert([3]); // its transaction took a little longer
      await waitFor("all", () => ids().length === 4);
      assert.deepEqual(ids(), [1, 2, 3, 4]);
      assert.ok(Date.now() - began >= 2_000);
    });

    it("does not miss one whose watermark the rows before it have, too", async () => {
      await suite.insert([1], () => 7);
      const { ids } = await suite.bench.open({ ...BY_ID, delayWindow: 2_000 }, accept);
      await waitFor("the first", () => ids().length === 1);
      await suite.insert([3], () => 7);
      await remains("within the window", () => ids().length === 1, 300);
      await suite.insert([2], () => 7); // its transaction took a little longer
      await waitFor("all", () => ids().length === 3);
      assert.deepEqual(ids(), [1, 2, 3]);
    });

    it("leaves what came within the window to the next poll", async () => {
      await suite.insert([1]);
      const { ids } = await suite.bench.open({ ...BY_ID, delayWindow: 200 }, accept);
      await suite.insert([3]);
      await waitFor("the first", () => ids().length >= 1);
      await suite.insert([2, 5]);
      await waitFor("all", () => ids().length >= 3);
      assert.deepEqual(ids().slice(0, 2), [1, 3].slice(0, ids()[1] === 3 ? 2 : 1).concat(ids()[1] === 3 ? [] : [2]));
    });
  });

  it("does not repeat rows when a comparison is less exact than the rows that it gives", async () => {
    await suite.engine.execute("drop table t; create table t (id text collate nocase, changed integer, device text); insert into t values ('a', 1, ''), ('A', 1, '')");
    const { ids } = await suite.bench.open(BY_ID, accept);
    await waitFor("both", () => ids().length >= 2);
    await remains("each once", () => ids().length === 2, 100);
    assert.deepEqual(ids(), ["a", "A"]);
  });

  it("says so when more rows compare as equal than are read at once, rather than ask for them for ever", async () => {
    const letters = ["aaa", "aaA", "aAa", "aAA", "Aaa"];
    await suite.engine.execute("drop table t; create table t (id text collate nocase, changed integer, device text)");
    await suite.engine.execute(letters.map((id) => `insert into t values ('${id}', 1, '')`).join("; "));
    const { errors, ids } = await suite.bench.open({ ...BY_ID, maxInFlight: 2 }, accept);
    await waitFor("the error", () => errors.length > 0);
    assert.match(errors.join(), /NOT_CONFIGURED.*compared as equal/);
    assert.ok(ids().length < 6, `${ids().length} rows`);
  });

  it("does not send a row after which it could not read on, because bytes distinguish it from others", async () => {
    await suite.engine.execute("drop table t; create table t (id blob, changed integer, device text); insert into t values (x'01', 1, ''), (x'02', 2, '')");
    const { ids, errors } = await suite.bench.open(BY_ID, accept);
    await waitFor("the error", () => errors.length > 0);
    assert.match(errors.join(), /id: it holds bytes/);
    assert.deepEqual(ids(), []);
  });

  it("reads nothing while a sink waits for its system, or nothing is wired", async () => {
    await suite.insert(range(1, 5));
    const { sent, states, wired, poller } = await suite.bench.open({ ...BY_ID, maxInFlight: 2 });
    await waitFor("two", () => sent.length === 2);
    const held = deliveryOf(sent[0] as Sent);
    held.hold("database away");
    assert.deepEqual(states.at(-1), { kind: "holding", reason: "database away" });
    settle(sent[1] as Sent, "accept");
    await remains("nothing read", () => sent.length === 2, 60);
    wired.delete(0);
    poller.rewired();
    held.resume();
    settle(sent[0] as Sent, "accept");
    await remains("nothing read", () => sent.length === 2, 60);
    assert.equal(states.at(-1)?.kind, "unwired");
    wired.add(0);
    poller.rewired();
    await waitFor("the others", () => sent.length === 4);
  });

  it("reports that two rows have the same place, and goes on when that is corrected", async () => {
    await suite.engine.execute("drop table t; create table t (id integer, changed integer, device text)");
    await suite.insert([1, 2, 2, 3], () => 5);
    const { ids, states, errors } = await suite.bench.open(BY_ID, accept);
    await waitFor("the error", () => states.some((state) => state.kind === "failed"));
    assert.match(errors.join(), /Two rows have changed 5 and id 2/);
    assert.deepEqual(ids(), [1, 2]);
    await suite.engine.execute("update t set id = 4 where rowid = 3");
    await waitFor("the others", () => ids().length === 4);
  });

  it("says that rows without a watermark are never read, and that one without a key cannot be", async () => {
    await suite.engine.execute("drop table t; create table t (id integer, changed integer, device text); insert into t values (1, null, 'x'), (2, 1, 'x'), (null, 2, 'x')");
    const { ids, warnings, errors } = await suite.bench.open(BY_ID, accept);
    await waitFor("both", () => warnings.length > 0 && errors.length > 0);
    assert.match([...warnings, ...errors].join("; "), /without a value in changed.*no value in the key column id/);
    assert.deepEqual(ids(), [2]);
  });

  it("says of rows that have come without a watermark since, too", async () => {
    const now = performance.now.bind(performance);
    await suite.insert([1]);
    const { ids, warnings } = await suite.bench.open(BY_ID, accept);
    await waitFor("the row", () => ids().length === 1);
    await suite.engine.execute("insert into t (id) values (2)");
    performance.now = () => now() + 10 * 3_600_000;
    try {
      await waitFor("the warning", () => warnings.some((text) => /without a value in changed/.test(text)));
    } finally {
      performance.now = now;
    }
  });

  for (const [what, def, message] of [
    ["a column that is not there", { watermarkColumn: "never" }, /no such column|never/],
    ["a query that cannot be read", { query: "select * from nowhere" }, /nowhere/],
    ["a statement that is none", { query: "select (" }, /syntax|incomplete/],
  ] as const) {
    it(`turns red with ${what}, and tries again`, async () => {
      await suite.insert([1]);
      const { states, sent } = await suite.bench.open({ ...BY_ID, ...def }, accept);
      const failed = await waitFor("red", () => states.find((state) => state.kind === "failed"));
      assert.match((failed as { error: ConnectorError }).error.message, message);
      assert.deepEqual(sent, []);
    });
  }

  it("reports a poll that finds nothing on a second output, if there is one", async () => {
    const { sent } = await suite.bench.open({ ...BY_ID, emptyOutput: true });
    await waitFor("two", () => sent.length === 2);
    assert.deepEqual(sent.map(({ output, payload }) => [output, payload]), [[1, []], [1, []]]);
  });
});
