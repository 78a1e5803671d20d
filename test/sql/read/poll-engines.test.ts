import assert from "node:assert/strict";
import type { ReadDef } from "../../../nodes/sql/read/settings";
import { ENGINES, type TestEngine } from "../client/engines";
import { PollBench, range, settle, waitFor, type Sent } from "./poll-support";

const accept = (message: Sent): void => settle(message, "accept");

/** Kinds of watermark: how each product calls the type, and how a value of it is made of a number that rises. */
const KINDS: Record<string, { types: Record<string, string>; value(n: number): string }> = {
  "a time to the microsecond": {
    types: { postgresql: "timestamptz", mariadb: "datetime(6)", sqlite: "timestamp" },
    value: (n) => `'2026-11-21 10:11:${String(10 + Math.floor(n / 10)).padStart(2, "0")}.00000${n % 10}'`,
  },
  "a time without a zone": {
    types: { postgresql: "timestamp", mariadb: "timestamp(6)", sqlite: "text" },
    value: (n) => `'2026-11-21 10:11:12.1234${String(n).padStart(2, "0")}'`,
  },
  "a number beyond what JavaScript holds": {
    types: { postgresql: "bigint", mariadb: "bigint unsigned", sqlite: "bigint" },
    value: (n) => String(9_007_199_254_740_990n + BigInt(n)),
  },
  "a number of few digits": {
    types: { postgresql: "real", mariadb: "float", sqlite: "real" },
    value: (n) => String(16777 + n / 1000),
  },
  "a long decimal": {
    types: { postgresql: "numeric(30, 9)", mariadb: "decimal(30, 9)", sqlite: "text" },
    value: (n) => `12345678901.${String(n).padStart(9, "0")}`,
  },
  "a text": {
    types: { postgresql: "varchar(40)", mariadb: "varchar(40)", sqlite: "text" },
    value: (n) => `'2026-11-21T10:11:12.0000${String(n).padStart(2, "0")}Z'`,
  },
};

for (const { name, start } of ENGINES) {
  describe(`sql read polling ${name}`, function () {
    this.timeout(60_000);
    let engine: TestEngine;
    let bench: PollBench;
    let dialect = "";
    let table = "";
    let tables = 0;

    before(async () => {
      engine = await start();
      bench = new PollBench(engine);
      ({ dialect } = await bench.database.ping());
    });
    after(async () => {
      await bench.end();
      engine.close();
    });
    // what is known of a table's types is kept as long as the process
    beforeEach(() => void (table = `polled_${(tables += 1)}`));
    afterEach(async () => {
      await bench.closeAll();
      await engine.execute(`drop table if exists ${table}`);
    });

    for (const [kind, { types, value }] of Object.entries(KINDS)) {
      it(`reads on exactly behind ${kind}, with ties and over a restart`, async () => {
        const key = dialect === "sqlite" ? "text" : "varchar(10)";
        await engine.execute(`create table ${table} (id ${key} primary key, "changed at" ${types[dialect]})`.replaceAll('"', dialect === "mariadb" ? "`" : '"'));
        const ids = range(0, 20).map((n) => `k${String(n).padStart(2, "0")}`);
        // four rows have one watermark
        await engine.execute(`insert into ${table} values ${ids.map((id, n) => `('${id}', ${value(n - (n % 4))})`).join(", ")}`);
        const def: Partial<ReadDef> = { query: `select * from ${table} where id <> ':no'`, watermarkColumn: "changed at", keyColumn: "id", maxInFlight: 3, delayWindow: 1 };
        const first = await bench.open(def, (message) => (message.payload as { id: string }).id < "k10" && accept(message));
        await waitFor("the first half", () => first.ids().length >= 11 || assert.equal([...first.warnings, ...first.errors].join(), ""));
        await first.close();
        const second = await bench.open(def, accept);
        await waitFor("the second half", () => second.ids().length >= 10);
        await engine.execute(`insert into ${table} values ('k99', ${value(16)})`);
        await waitFor("a late tie", () => second.ids().length >= 11);
        assert.deepEqual([first.ids().slice(0, 11), second.ids()], [ids.slice(0, 11), [...ids.slice(10), "k99"]]);
      });
    }

    it("says that a row of the future is read: those with the right time are behind it", async () => {
      const type = KINDS["a time to the microsecond"]?.types[dialect];
      await engine.execute(`create table ${table} (id integer primary key, changed ${type})`);
      await engine.execute(`insert into ${table} values (1, '2020-11-20 10:00:00')`);
      const def = { query: `select * from ${table}`, watermarkColumn: "changed", keyColumn: "id" };
      const ahead = (warnings: string[]): boolean => warnings.some((text) => /changed 2099-01-01.*lies in the future/.test(text));
      const { ids, warnings, close } = await bench.open(def, accept);
      await waitFor("the row of the past", () => ids().length === 1);
      assert.deepEqual(warnings, []);
      await engine.execute(`insert into ${table} values (2, '2099-01-01 10:00:00')`);
      await waitFor("the warning", () => ahead(warnings));
      await close();
      const again = await bench.open(def, accept);
      await waitFor("the warning after a restart", () => ahead(again.warnings));
      assert.deepEqual(again.ids(), []);
    });

    it("takes no more than is asked for of a large table, and marks by lists", async () => {
      await engine.execute(`create table ${table} (id integer primary key, sent integer default 0)`);
      for (let at = 0; at < 3000; at += 1000) await engine.execute(`insert into ${table} (id) values ${range(at, at + 1000).map((id) => `(${id})`).join(", ")}`);
      const def: Partial<ReadDef> = {
        query: `select id from ${table} where sent = 0 order by id`, keyColumn: "id", afterRead: `update ${table} set sent = sent + 1 where id in (:id)`, afterReadPer: "batch", batchSize: 500,
      };
      const { ids } = await bench.open(def, accept);
      await waitFor("all to be marked", async () => (await engine.rows(`select count(*) as n from ${table} where sent = 1`))[0]?.["n"] === "3000");
      assert.deepEqual(ids(), range(0, 3000));
    });
  });
}

describe("sql read polling PostgreSQL, two workers at one table", function () {
  this.timeout(60_000);
  let engine: TestEngine;
  const benches: PollBench[] = [];

  before(async () => {
    engine = await (ENGINES.find(({ name }) => name.startsWith("PostgreSQL")) as (typeof ENGINES)[0]).start();
    benches.push(new PollBench(engine), new PollBench(engine));
    await Promise.all(benches.map(({ database }) => database.ping())); // whose process starts first would do all of it
  });
  after(async () => {
    for (const bench of benches) await bench.closeAll();
    for (const bench of benches) await bench.end();
  });

  it("share the rows, each of which is sent once, when the query claims what it reads", async () => {
    await engine.execute("drop table if exists shared_work");
    await engine.execute("create table shared_work (id integer primary key, sent integer default 0, claimed_at timestamptz)");
    await engine.execute("insert into shared_work (id) select generate_series(0, 399)");
    const query = `update shared_work set claimed_at = now() where id in (
      select id from shared_work where sent = 0 and (claimed_at is null or claimed_at < now() - interval '30 minutes') order by id limit 50 for update skip locked
    ) returning *;`;
    const def: Partial<ReadDef> = { query, keyColumn: "id", afterRead: "update shared_work set sent = sent + 1 where id = :id", maxInFlight: 50 };
    const held: Sent[] = [];
    let share = false; // before both have some, or the one that is ready first could do all of it
    const workers = await Promise.all(benches.map((bench) => bench.open(def, (message) => (share ? accept(message) : held.push(message)))));
    await waitFor("rows of both", () => workers.every((worker) => worker.ids().length > 0));
    share = true;
    held.forEach(accept);
    await waitFor("all to be marked", async () => (await engine.rows("select count(*) as n from shared_work where sent = 1"))[0]?.["n"] === "400");
    const all = workers.flatMap((worker) => worker.ids() as number[]);
    assert.deepEqual(all.toSorted((a, b) => a - b), range(0, 400));
    await engine.execute("insert into shared_work (id) values (400)"); // by now both have claimed and found nothing
    await waitFor("the late one", () => workers.some((worker) => worker.ids().includes(400)));
    assert.deepEqual(workers.flatMap(({ warnings, errors }) => [...warnings, ...errors]), []);
  });
});
