import assert from "node:assert/strict";
import { BackOff } from "../../../nodes/common/back-off";
import { ConnectorError } from "../../../nodes/common/errors";
import type { ReadDef } from "../../../nodes/sql/read/settings";
import { ENGINES, type TestEngine } from "../client/engines";
import { remains } from "../../services/wait";
import { PollBench, range, settle, waitFor, type Sent } from "./poll-support";

const refused = new ConnectorError("ROW_REFUSED", "the row breaks a rule");
const QUERY = "select id, text from t where sent = 0 order by id";
const MARK: Partial<ReadDef> = { query: QUERY, keyColumn: "id", afterRead: "update t set sent = sent + 1 where id = :id" };
const accept = (message: Sent): void => settle(message, "accept");

describe("sql read polling with a statement after each row", function () {
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
  beforeEach(() => engine.execute("drop table if exists t; create table t (id integer primary key, text text, sent integer default 0 check (sent < 2)); drop trigger if exists no"));
  afterEach(() => bench.closeAll());

  const insert = (ids: number[]): Promise<void> => engine.execute(ids.map((id) => `insert into t (id, text) values (${id}, 'row ${id}')`).join("; "));
  const marked = async (): Promise<number[]> => (await engine.rows("select id from t where sent = 1 order by id")).map(({ id }) => Number(id));

  for (const [per, afterRead] of [
    ["row", "update t set sent = sent + 1 where id = :id"],
    ["batch", "update t set sent = sent + 1 where id in (:id)"],
  ] as const) {
    it(`runs it once for each row, ${per === "batch" ? "for many at a time" : "one by one"}, when the flow has finished with the row`, async () => {
      await insert(range(0, 500));
      const { ids } = await bench.open({ ...MARK, afterRead, afterReadPer: per, maxInFlight: 60, batchSize: 50 }, accept);
      await waitFor("all to be marked", async () => (await marked()).length === 500);
      assert.deepEqual(ids(), range(0, 500));
    });
  }

  it("takes deleted rows for finished as well", async () => {
    await insert(range(0, 30));
    const { ids } = await bench.open({ ...MARK, afterRead: "delete from t where id = :id and text = :text", output: "batch", batchSize: 7 }, accept);
    await waitFor("an empty table", async () => (await engine.rows("select id from t")).length === 0);
    assert.deepEqual(ids(), range(0, 30));
  });

  it("does not send a row again that is in the flow, however often it polls", async () => {
    await insert([1, 2]);
    const { sent, ids } = await bench.open(MARK);
    await waitFor("both", () => sent.length === 2);
    await insert([3]);
    await waitFor("the third", () => sent.length === 3);
    accept(sent[1] as Sent);
    await waitFor("it to be marked", async () => (await marked()).length === 1);
    await insert([4]);
    await waitFor("the fourth", () => sent.length === 4);
    assert.deepEqual([ids(), await marked()], [[1, 2, 3, 4], [2]]);
  });

  it("sends what was not marked again after a restart", async () => {
    await insert([1, 2]);
    const first = await bench.open(MARK, (message) => (message.payload as { id: number }).id === 1 && accept(message));
    await waitFor("one to be marked", async () => (await marked()).length === 1);
    await first.close();
    const second = await bench.open(MARK, accept);
    await waitFor("the other", async () => (await marked()).length === 2);
    assert.deepEqual([first.ids(), second.ids()], [[1, 2], [2]]);
  });

  it("runs it again while it fails, says so, and sends none of the rows again meanwhile", async () => {
    await insert(range(0, 20));
    await engine.execute("alter table t rename column sent to done; alter table t add column sent integer default 0");
    await engine.execute("create trigger no before update on t begin select raise(abort, 'not now'); end");
    const { ids, states, errors } = await bench.open({ ...MARK, maxInFlight: 30 }, accept);
    await waitFor("the trouble", () => states.some((state) => state.kind === "failed"));
    assert.match(errors.join(), /: After read: .*not now/);
    await engine.execute("drop trigger no");
    await waitFor("all to be marked", async () => (await marked()).length === 20);
    assert.deepEqual(ids(), range(0, 20));
    await waitFor("a good state", () => states.at(-1)?.kind === "idle" || states.at(-1)?.kind === "reading");
  });

  it("does not send a row again and again that it does not find, and goes on with the others", async () => {
    await insert(range(0, 5));
    const { ids, states, errors } = await bench.open({ ...MARK, afterRead: "update t set sent = 1 where id = :id and id <> 3" }, accept);
    await waitFor("red", () => states.some((state) => state.kind === "failed"));
    assert.match(errors.join(), /finds no row for id 3,/);
    await insert([5]);
    await waitFor("the next", () => ids().includes(5));
    assert.deepEqual(ids(), range(0, 6));
    await engine.execute("update t set text = 'other' where id = 3");
    await waitFor("the changed row", () => ids().length === 7);
    await engine.execute("delete from t where id = 3");
    await waitFor("a good state", () => states.at(-1)?.kind === "idle");
  });

  it("does not let the others wait for one that it does not find", async () => {
    await insert(range(0, 400));
    const { ids, errors } = await bench.open({ ...MARK, afterRead: "update t set sent = 1 where id = :id and id <> 3", maxInFlight: 4 }, accept, { backOff: new BackOff({ initial: 60_000 }) });
    await waitFor("all", () => ids().length === 400);
    assert.equal(errors.length, 1);
  });

  it("stops when it finds none of the rows", async () => {
    await insert(range(0, 50));
    const { ids, errors } = await bench.open({ ...MARK, afterRead: "update t set sent = 1 where id = ':id'", maxInFlight: 5 }, accept);
    await waitFor("the error", () => errors.some((text) => /finds no row for id 0 and others,/.test(text)));
    await remains("no row twice, and no more than are looked after", () => ids().length <= 10 && new Set(ids()).size === ids().length, 300);
  });

  it("marks the others when it fails for one", async () => {
    await insert(range(0, 20));
    await engine.execute("create trigger no before update on t when new.id = 7 begin select raise(abort, 'not this one'); end");
    const { ids } = await bench.open(MARK, accept);
    await waitFor("the others to be marked", async () => (await marked()).length === 19);
    assert.deepEqual(ids(), range(0, 20));
  });

  it("does not let other rows wait for one for which it fails, however long that lasts, and stays red", async () => {
    await insert(range(0, 60));
    await engine.execute("create trigger no before update on t when new.id = 7 begin select raise(abort, 'not this one'); end");
    const { states, poller } = await bench.open({ ...MARK, maxInFlight: 4 }, accept);
    await waitFor("the others to be marked", async () => (await marked()).length === 59);
    assert.equal(states.at(-1)?.kind, "failed");
    await engine.execute("drop trigger no");
    const begun = Date.now();
    await poller.close(30_000);
    assert.deepEqual(await marked(), range(0, 60)); // closing tries once more
    assert.ok(Date.now() - begun < 15_000, `${Date.now() - begun} ms`);
  });

  it("runs it for a row, too, that has gone to the dead letters, when that flow has finished", async () => {
    await insert([1, 2]);
    const { sent } = await bench.open(MARK, (message) => message.output === 0 && settle(message, (message.payload as { id: number }).id === 1 ? "dead-letter" : "accept", refused));
    await waitFor("one to be marked", async () => (await marked()).length === 1);
    const dead = await waitFor("the dead letter", () => sent.find(({ output }) => output === 1));
    assert.deepEqual(await marked(), [2]);
    accept(dead);
    await waitFor("both to be marked", async () => (await marked()).length === 2);
  });

  it("lets the query claim what it reads, which is committed", async () => {
    await insert(range(0, 25));
    const claim = "update t set text = 'claimed' where id in (select id from t where sent = 0 and text <> 'claimed' order by id limit 10) returning id, text";
    const { sent, ids } = await bench.open({ ...MARK, query: claim, maxInFlight: 10 });
    await waitFor("ten", () => sent.length === 10);
    assert.equal((await engine.rows("select id from t where text = 'claimed'")).length, 10);
    for (const message of sent) accept(message);
    await waitFor("ten to be marked", async () => (await marked()).length === 10);
    await waitFor("ten more", () => sent.length === 20);
    for (const message of sent) accept(message);
    await waitFor("all", () => sent.length === 25);
    assert.deepEqual(ids().toSorted((a, b) => Number(a) - Number(b)), range(0, 25));
  });

  it("says that two rows have one key", async () => {
    await insert([1, 2]);
    const { errors } = await bench.open({ ...MARK, query: "select 1 as id, text from t" }, accept);
    await waitFor("the error", () => errors.some((text) => /Two rows have id 1/.test(text)));
  });

  for (const [what, key, text] of [
    ["no value in the key column", "nullif(id, 2)", /has no value in the key column/],
    ["the key of another", "1", /Two rows have id 1/],
  ] as const) {
    it(`undoes a claim of which a row has ${what}: it could not be handed over`, async () => {
      await insert([1, 2]);
      const states: string[] = [];
      const stop = bench.database.onState(({ kind }) => states.push(kind));
      const { sent, errors } = await bench.open({ ...MARK, query: `update t set text = 'claimed' where sent = 0 returning ${key} as id, text` }, accept);
      await waitFor("the error", () => errors.some((error) => text.test(error)));
      stop();
      assert.deepEqual(states, ["connected"], "nothing is wrong with the database");
      assert.deepEqual([sent.length, await engine.rows("select id from t where text = 'claimed'")], [0, []]);
    });
  }

  describe("without one", () => {
    it("sends all rows with each poll, the next when the flow has finished with the last", async () => {
      await insert(range(0, 5));
      const { sent } = await bench.open({ query: "select id from t", progress: "none", maxInFlight: 2 });
      await waitFor("two", () => sent.length === 2);
      for (let at = 0; at < 10; at += 1) accept(await waitFor("the next", () => sent[at]));
      await waitFor("the third time", () => sent.length >= 11);
      assert.deepEqual(sent.slice(0, 11).map(({ payload }) => (payload as { id: number }).id), [...range(0, 5), ...range(0, 5), 0]);
    });

    it("takes rows out with a statement that deletes them", async () => {
      await insert(range(0, 5));
      const { ids } = await bench.open({ query: "delete from t where id < 4 returning id", progress: "none", maxInFlight: 2 }, accept);
      await waitFor("four", () => ids().length === 4);
      assert.equal((await engine.rows("select id from t")).length, 1);
    });
  });
});
