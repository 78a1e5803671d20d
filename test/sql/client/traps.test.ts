import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { RowMapper } from "../../../nodes/sql/client/row-mapper";
import { ENGINES, type TestEngine } from "./engines";

/** What npm odbc and its drivers do to those who use them plainly, and what must not come of it here. Others of these stand with what they are about. */
for (const { name, start } of ENGINES) {
  describe(`Traps of drivers, on ${name}`, function () {
    this.timeout(60_000);
    let engine: TestEngine;
    let client: DatabaseClient;
    const table = `traps_${process.pid}`;

    before(async () => {
      engine = await start();
      client = new DatabaseClient(engine.options);
      await engine.execute(`create table ${table} (id bigint primary key, n bigint, m bigint)`);
    });
    after(async () => {
      await client.close();
      await engine.execute(`drop table ${table}`);
      engine.close();
    });
    beforeEach(() => engine.execute(`delete from ${table}`));

    it("a number behind a NULL in the same place is stored (a statement used again keeps the NULL, IBM/node-odbc #334)", async () => {
      const insert = (id: number, n: number | null) => ({ statements: [{ sql: `insert into ${table} (id, n) values (:id, :n)`, values: { id, n } }] });
      const outcomes = await client.execute({ transactions: [insert(1, null), insert(2, 42), insert(3, null), insert(4, 43)], maxRows: 1 });
      assert.ok(outcomes.every((outcome) => "results" in outcome), JSON.stringify(outcomes));
      assert.deepEqual((await engine.rows(`select n from ${table} order by id`)).map(({ n }) => n), [null, "42", null, "43"]);
    });

    it("a batch with more values than a statement may have ends no process (above 32,767 npm odbc aborts)", async () => {
      const mapper = new RowMapper({ table, mode: "insert", keys: [], columns: [] });
      const rows = Array.from({ length: 12_000 }, (_, id) => mapper.row({ payload: { id, n: id, m: 1 } }) as never);
      await client.ping();
      const { pid } = client;
      const outcomes = await client.write({ table, mode: "insert", keys: [], mapped: false, rows });
      assert.ok(outcomes.every((outcome) => outcome === null));
      assert.deepEqual(await engine.rows(`select count(*) as n, sum(m) as m from ${table}`), [{ n: "12000", m: "12000" }]);
      assert.equal(client.pid, pid);
    });

    const sleep = name.startsWith("PostgreSQL") ? "select 1 as n from pg_sleep(1)" : name.startsWith("MariaDB") ? "select sleep(1) as n" : undefined;
    if (sleep) {
      it("long statements on every connection keep nothing else waiting (each holds a thread, and files are read on the same)", async () => {
        await client.ping();
        const long = Array.from({ length: engine.options.poolSize }, () => client.execute({ transactions: [{ statements: [{ sql: sleep, values: {} }] }], maxRows: 1 }));
        let over = false;
        void Promise.race(long).finally(() => (over = true));
        await readFile(__filename);
        assert.ok(!over, "a file was read meanwhile");
        const { cursor } = await client.openCursor({ sql: `select id from ${table}`, values: {}, fetchSize: 10 });
        await client.closeCursor(cursor);
        const outcomes = await Promise.all(long);
        assert.ok(outcomes.flat().every((outcome) => "results" in outcome), JSON.stringify(outcomes));
      });
    }
  });
}
