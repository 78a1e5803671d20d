import assert from "node:assert/strict";
import { isConnectorError } from "../../../nodes/common/errors";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import type { NamedStatement, RowValue } from "../../../nodes/sql/client/protocol";
import { waitFor } from "../../services/wait";
import { ENGINES, SETTINGS, type TestEngine } from "./engines";

type Values = NamedStatement["values"];

/** All rows of a query, a fetch at a time. */
async function readAll(client: DatabaseClient, sql: string, values: Values = {}, fetchSize = 500): Promise<RowValue[][]> {
  const { cursor } = await client.openCursor({ sql, values, fetchSize });
  const rows: RowValue[][] = [];
  for (;;) {
    const fetched = await client.fetch(cursor);
    rows.push(...fetched.rows);
    if (fetched.done) return rows;
    assert.ok(fetched.rows.length > 0 && fetched.rows.length <= fetchSize);
  }
}

function failsWith(code: string, text = /./): (error: unknown) => boolean {
  return (error) => isConnectorError(error) && error.code === code && text.test(error.message);
}

for (const { name, types, start } of ENGINES) {
  describe(`sql read on ${name}`, function () {
    this.timeout(60_000);
    const table = `cursors_${process.pid}`;
    const postgres = name.startsWith("PostgreSQL");
    let engine: TestEngine;
    let client: DatabaseClient;
    const read = (sql: string, values?: Values, fetchSize?: number): Promise<RowValue[][]> => readAll(client, sql, values, fetchSize);

    before(async () => {
      engine = await start();
      client = new DatabaseClient({ ...engine.options, poolSize: 2, queryTimeout: 20_000 });
      await engine.execute(`create table ${table} (id bigint primary key, name ${types.text}, exact ${types.decimal}, at ${types.instant}, yes ${types.boolean})`);
      const rows = Array.from({ length: 2000 }, (_, id) => `(${id}, 'n${id}', '${id}.000000001', '2026-11-21 10:00:${String(id % 60).padStart(2, "0")}', ${id % 2 ? "true" : "false"})`);
      await engine.execute(`insert into ${table} values ${rows.join(", ")}`);
    });
    after(async () => {
      await client.close();
      await engine.execute(`drop table ${table}`);
      engine.close();
    });

    it("brings every row once, in order, a fetch at a time", async () => {
      const rows = await read(`select id, name, exact from ${table} order by id desc`, {}, 300);
      assert.equal(rows.length, 2000);
      assert.deepEqual(rows.map(([id]) => id), Array.from({ length: 2000 }, (_, index) => 1999 - index));
      assert.deepEqual(rows[1], [1998, "n1998", "1998.000000001"]);
    });

    it("keeps the order, limits, unions, brackets, comments and WITH of a query as they are", async () => {
      const ids = async (sql: string): Promise<unknown[]> => (await read(sql)).map(([id]) => id);
      assert.deepEqual(await ids(`select id, exact from ${table} order by id desc limit 3`), [1999, 1998, 1997]);
      assert.deepEqual(await ids(`select id, exact from ${table} where id < 2 union all select 7, exact from ${table} where id = 3 order by 1 desc`), [7, 1, 0]);
      assert.deepEqual(await ids(`with few as (select id, exact from ${table} where id < 3) select * from few order by id desc -- the last\n;`), [2, 1, 0]);
      assert.deepEqual(await ids(`with few as (select id from ${table}) select * from few order by id desc limit 2`), [1999, 1998]);
      assert.deepEqual(await ids(`select id from ${table} where id = -1`), []);
    });

    it("takes numbers, text, booleans, dates, lists and empty lists as parameters", async () => {
      const count = async (where: string, values: Values): Promise<unknown> => (await read(`select count(*) as n from ${table} where ${where}`, values))[0]?.[0];
      assert.equal(await count("id = :id and name = :name", { id: 7, name: "n7" }), 1);
      assert.equal(await count("id in (:ids)", { ids: [1, 2n, 3] }), 3);
      assert.equal(await count("id in (:ids)", { ids: [] }), 0);
      assert.equal(await count("id not in (:ids)", { ids: [] }), 2000);
      assert.equal(await count("not (id in (:ids))", { ids: [] }), 2000);
      assert.equal(await count("yes = :yes", { yes: true }), 1000);
      if (name.includes("SQLite")) return; // dates are text there
      assert.equal(await count("at = :at", { at: new Date("2026-11-21T10:00:07Z") }), 34);
      assert.equal(await count("exact = :exact", { exact: "7.000000001" }), 1);
      if (postgres) {
        assert.equal(await count("at = :at", { at: "2026-11-21T12:00:07+02:00" }), 34);
        assert.equal(await count("at > :at", { at: "-infinity" }), 2000);
      } else {
        await assert.rejects(count("at = :at", { at: "2026-11-21T12:00:07+02:00" }), failsWith("INPUT_INVALID", /:at: .*offset/));
      }
    });

    it("tells the names and types of the columns", async () => {
      const { cursor, columns } = await client.openCursor({ sql: `select id, name as "Full Name" from ${table}`, values: {}, fetchSize: 1 });
      await client.closeCursor(cursor);
      assert.deepEqual(columns.map((column) => column.name), ["id", "Full Name"]);
      assert.ok(columns.every(({ type }) => type !== ""));
    });

    it("refuses two columns of one name, and says which", async () => {
      await assert.rejects(read(`select id, name, id from ${table}`), failsWith("NOT_CONFIGURED", /id.*as/));
      await assert.rejects(read("select 1 as a, 2 as b, 3 as a"), failsWith("NOT_CONFIGURED", /a\b.*as/));
    });

    it("refuses a statement that returns nothing before it does anything", async () => {
      await assert.rejects(read(`delete from ${table}`), failsWith("NOT_CONFIGURED", /returns no rows/));
      assert.equal((await read(`select count(*) as n from ${table}`))[0]?.[0], 2000);
    });

    it("reads expressions without a name", async () => {
      assert.deepEqual(await read(`select min(${table}.id), upper(${table}.name) from ${table} where id = 7 group by ${table}.name`), [[7, "N7"]]);
    });

    it("gives no value the name of another column, though the table is altered between two reads", async () => {
      await engine.execute(`create table ${table}_a (id int, old ${types.text}, exact ${types.decimal})`);
      await engine.execute(`insert into ${table}_a values (1, 'old', '1.5')`);
      const row = async (): Promise<Record<string, RowValue>> => {
        const { cursor, columns } = await client.openCursor({ sql: `select * from ${table}_a`, values: {}, fetchSize: 10 });
        const { rows } = await client.fetch(cursor);
        await client.closeCursor(cursor);
        return Object.fromEntries(columns.map((column, index) => [column.name, rows[0]?.[index] ?? null]));
      };
      assert.equal((await row())["old"], "old");
      await engine.execute(`alter table ${table}_a add column young ${types.text}`);
      await engine.execute(`update ${table}_a set young = 'young'`);
      await engine.execute(`alter table ${table}_a drop column old`);
      const [first, second] = [await row().catch(() => undefined), await row()]; // the first may notice it by failing
      for (const found of [first, second]) assert.ok(found === undefined || (found["old"] === undefined && found["young"] === "young"), JSON.stringify(found));
      await engine.execute(`drop table ${table}_a`);
    });

    it("reads on after an error, whatever it was", async () => {
      for (const wrong of ["select * from no_such_table", `select no_such_column from ${table}`, "selec 1", "select 1 +", `select id from ${table} where`]) {
        await assert.rejects(read(wrong), (error) => isConnectorError(error) && error.code !== "DATABASE_UNAVAILABLE", wrong);
        assert.deepEqual(await read(`select id from ${table} where id = 1`), [[1]], wrong);
      }
    });

    it("lets others wait when all readers are at work, while writers go on", async () => {
      const open = (): Promise<{ cursor: number }> => client.openCursor({ sql: `select id from ${table} order by id`, values: {}, fetchSize: 10 });
      const [first, second] = await Promise.all([open(), open()]);
      let opened = false;
      const third = open().then((cursor) => {
        opened = true;
        return cursor;
      });
      await client.fetch(first.cursor);
      const outcomes = await client.write({ table, mode: "insert", keys: [], mapped: false, rows: [{ columns: ["id", "name"], values: [5000, "new"] }] });
      assert.deepEqual(outcomes, [null]);
      assert.equal(opened, false);
      await client.closeCursor(first.cursor);
      await client.closeCursor((await third).cursor);
      const { rows } = await client.fetch(second.cursor);
      assert.deepEqual(rows[0], [0]);
      await client.closeCursor(second.cursor);
      await client.closeCursor(second.cursor);
      await assert.rejects(client.fetch(second.cursor), failsWith("DATABASE_UNAVAILABLE"));
      await engine.execute(`delete from ${table} where id = 5000`);
    });

    it("fetches fewer rows at a time where they are large", async () => {
      const million = name.includes("SQLite") ? "replace(hex(zeroblob(500000)), '00', 'xx')" : "repeat('x', 1000000)";
      await engine.execute(`create table ${table}_l (id bigint primary key, large ${name.startsWith("MariaDB") ? "longtext" : types.text})`);
      await engine.execute(`insert into ${table}_l select id, ${million} from ${table} where id < 40`);
      const { cursor } = await client.openCursor({ sql: `select id, large from ${table}_l order by id`, values: {}, fetchSize: 500 });
      const ids: unknown[] = [];
      for (let fetched = await client.fetch(cursor); !fetched.done; fetched = await client.fetch(cursor)) {
        assert.ok(fetched.rows.length <= 17, `${fetched.rows.length} rows of a million bytes`);
        assert.ok(fetched.rows.every(([, large]) => (large as string).length === 1_000_000));
        ids.push(...fetched.rows.map(([id]) => id));
      }
      assert.deepEqual(ids, Array.from({ length: 40 }, (_, id) => id));
      await engine.execute(`drop table ${table}_l`);
    });

    if (name.startsWith("MariaDB")) {
      it("gives a value as it is, though the one before it in its place was of another kind", async () => {
        const found = async (x: string | number | null): Promise<unknown> => (await read(`select if(1, :x, id) as found from (select cast(1 as int) as id) one`, { x }))[0]?.[0];
        for (const x of [null, 7, "abc", "12abc", "007", "2026-11-21", 7, null]) assert.equal(await found(x), x);
        await engine.execute(`create table ${table}_k (code int unsigned)`);
        await engine.execute(`insert into ${table}_k values (12)`);
        assert.deepEqual(await read(`select code from ${table}_k`), [[12]]);
        await engine.execute(`alter table ${table}_k modify code varchar(10)`);
        await engine.execute(`update ${table}_k set code = '12abc'`);
        assert.deepEqual(await read(`select code from ${table}_k`), [["12abc"]]);
        await engine.execute(`drop table ${table}_k`);
      });
    }

    if (name === "embedded SQLite") {
      it("lets others write while the rows of a change are fetched", async () => {
        await engine.execute(`create table ${table}_c (id integer primary key, claimed integer default 0)`);
        await engine.execute(`insert into ${table}_c (id) select id from ${table} where id < 1000`);
        const { cursor } = await client.openCursor({ sql: `update ${table}_c set claimed = 1 where claimed = 0 returning id`, values: {}, fetchSize: 10 });
        const claimed = (await client.fetch(cursor)).rows.length;
        const outcomes = await client.write({ table: `${table}_c`, mode: "insert", keys: [], mapped: false, rows: [{ columns: ["id"], values: [5000] }] });
        assert.deepEqual(outcomes, [null]);
        await client.closeCursor(cursor);
        assert.ok(claimed > 0);
        assert.deepEqual(await engine.rows(`select count(*) as n from ${table}_c where claimed = 1`), [{ n: "1000" }]);
        await assert.rejects(read(`update ${table}_c set claimed = 2 returning id, claimed as id`), failsWith("NOT_CONFIGURED", /id.*as/));
        assert.deepEqual(await engine.rows(`select count(*) as n from ${table}_c where claimed = 2`), [{ n: "0" }]);
        await engine.execute(`drop table ${table}_c`);
      });
    }

    if (!name.includes("SQLite")) {
      it("keeps no lock of the session that a query takes", async () => {
        const lock = postgres ? "select pg_try_advisory_lock(4712) as got" : `select get_lock('${table}', 0) as got`;
        const other = new DatabaseClient({ ...engine.options, poolSize: 1 });
        try {
          for (const each of [client, other, client]) await waitFor("the lock", async () => Number((await readAll(each, lock))[0]?.[0]) === 1);
          if (!postgres) return;
          // a query that fails then, and a claim, which runs on another connection
          await assert.rejects(readAll(client, "select 1 / (pg_try_advisory_lock(4712)::int - 1) as got"), failsWith("ROW_REFUSED"));
          await waitFor("the lock of one that failed", async () => (await readAll(other, lock))[0]?.[0] === true);
          const claim = `update ${table} set name = name where id = 7 and pg_try_advisory_lock(4712) returning id`;
          for (const each of [client, other, client]) await waitFor("the lock of a claim", async () => (await readAll(each, claim)).length === 1);
        } finally {
          await other.close();
        }
      });
    }

    if (name === "embedded SQLite" || postgres) {
      it("undoes a change that gives more rows than may be taken, or not the column by which they are known", async () => {
        await engine.execute(`create table ${table}_m (id integer primary key, claimed integer default 0)`);
        await engine.execute(`insert into ${table}_m (id) select id from ${table} where id < 20`);
        const open = (most: number, key: string): Promise<unknown> => client.openCursor({ sql: `update ${table}_m set claimed = 1 where claimed = 0 returning id`, values: {}, fetchSize: 7, claim: { most, key } });
        const claimed = async (): Promise<unknown> => (await engine.rows(`select cast(sum(claimed) as ${types.text}) as n from ${table}_m`))[0]?.["n"];
        await assert.rejects(open(19, "id"), failsWith("PAYLOAD_TOO_LARGE", /more than 19 rows/));
        await assert.rejects(open(20, "key"), failsWith("NOT_CONFIGURED", /no column key: it gives id/));
        assert.equal(await claimed(), "0");
        await open(20, "id");
        assert.equal(await claimed(), "20");
        await engine.execute(`drop table ${table}_m`);
      });
    }

    it("tells that its process was killed, and reads again", async () => {
      const { cursor } = await client.openCursor({ sql: `select id from ${table}`, values: {}, fetchSize: 10 });
      process.kill(client.pid ?? 0, "SIGKILL");
      await assert.rejects(client.fetch(cursor), failsWith("DATABASE_UNAVAILABLE"));
      assert.deepEqual(await read(`select id from ${table} where id = 1`), [[1]]);
    });

    if (postgres) {
      it("ends a query that takes too long", async () => {
        const hurried = new DatabaseClient({ ...engine.options, queryTimeout: 1_500 });
        await assert.rejects(readAll(hurried, "select pg_sleep(20) as slept"), failsWith("DATABASE_BUSY"));
        const { pid } = hurried;
        const late = "select case when id = 1500 then pg_sleep(20)::text end as slept from generate_series(1, 2000) id";
        await assert.rejects(readAll(hurried, late), failsWith("DATABASE_BUSY"));
        assert.equal(hurried.pid, pid, "whatever else the process had in hand went with it");
        assert.deepEqual(await readAll(hurried, "select 1 as one"), [[1]]);
        await hurried.close();
      });

      it("is not ended by the server while it waits for the flow", async () => {
        const settings = ["idle_in_transaction_session_timeout", "statement_timeout"].map((setting) => `current_setting('${setting}')`).join(", ");
        await engine.execute("alter role surewire set idle_in_transaction_session_timeout = '1s'");
        const fresh = new DatabaseClient(engine.options);
        try {
          assert.deepEqual(await readAll(fresh, `select array_to_string(array[${settings}], ' ') as a`), [["0 1min"]]);
        } finally {
          await fresh.close();
          await engine.execute("alter role surewire reset idle_in_transaction_session_timeout");
        }
      });

      it("rounds nothing though a column has been given another type between two reads", async () => {
        const altered = `${table}_altered`;
        await engine.execute(`create table ${altered} as select cast(1.5 as double precision) as a, 7 as b, cast('x' as varchar) as c, cast('y' as char(3)) as d, date '2026-11-21' as e`);
        const query = `select * from ${altered}`;
        assert.deepEqual(await read(query), [[1.5, 7, "x", "y  ", "2026-11-21"]]);
        await engine.execute(`alter table ${altered} alter a type numeric, alter b type bigint`);
        await engine.execute(`update ${altered} set a = 12345678901234567890.123456789, b = 9007199254740993`);
        await assert.rejects(read(query), failsWith("DATABASE_BUSY", /altered/));
        assert.deepEqual(await read(query), [["12345678901234567890.123456789", "9007199254740993", "x", "y  ", "2026-11-21"]]);
        await engine.execute(`drop table ${altered}`);
      });

      it("says which function a function of the query looks for, and not that a table was altered", async () => {
        await engine.execute(`create function ${table}_fn(a int) returns int language plpgsql as $$ begin return nowhere(a); end $$`);
        const query = `select ${table}_fn(1) as a`;
        for (let time = 0; time < 2; time += 1) await assert.rejects(read(query), failsWith("ROW_REFUSED", /function nowhere\(integer\) does not exist/));
        await engine.execute(`drop function ${table}_fn`);
      });

      it("stores times and bytes of own statements as PostgreSQL reads them, and not as the driver does", async () => {
        await engine.execute(`create table ${table}_p (id int, at timestamptz, local timestamp, day date, raw bytea, words text, exact numeric, yes boolean, one int)`);
        const at = "2026-11-21T12:11:12.123456+02:00";
        const sql = `insert into ${table}_p values (:id, :at, :at, :day, :raw, :words, :exact, :yes, :yes)`;
        const values = { id: 1, at, day: new Date("2026-11-21T10:00:00Z"), raw: "abc", words: at, exact: 0.1, yes: true };
        const [outcome] = await client.execute({ transactions: [{ statements: [{ sql, values }] }], maxRows: 0 });
        assert.ok(outcome && "results" in outcome, JSON.stringify(outcome));
        const [row] = await read(`select at, local, day, raw, words, exact, yes, one from ${table}_p`);
        assert.deepEqual(row, ["2026-11-21T10:11:12.123456Z", "2026-11-21T10:11:12.123456", "2026-11-21", Buffer.from("abc"), at, "0.1", true, 1]);
        await engine.execute(`drop table ${table}_p`);
      });

      it("returns the rows of a statement that changes some", async () => {
        await engine.execute(`create table ${table}_w (id int)`);
        assert.deepEqual(await read(`update ${table}_w set id = 1 where id = :id returning id`, { id: 7 }), []);
        assert.deepEqual(await read(`delete from ${table}_w returning id`), []);
        assert.deepEqual(await read(`insert into ${table}_w values (:id) returning id`, { id: 7 }), [[7]]);
        assert.deepEqual(await read(`with new as (insert into ${table}_w values (:id) returning id) select id + 1 as next from new`, { id: 8 }), [[9]]);
        assert.deepEqual(await read(`with few as (select id from ${table}_w where id < :id for update skip locked) update ${table}_w w set id = w.id + 10 from few where w.id = few.id returning w.id`, { id: 8 }), [[17]]);
        assert.deepEqual(await read(`with none as (delete from ${table}_w where id = 0 returning id) select id from none`), []);
        await assert.rejects(read(`with new as (insert into ${table}_w values (9) returning id) select id, id from new`), failsWith("NOT_CONFIGURED", /id.*as/));
        assert.deepEqual(await engine.rows(`select id from ${table}_w order by id`), [{ id: "8" }, { id: "17" }]);
        await assert.rejects(read(`update ${table}_w set id = 3 returning id, 123456789012345678901.5 as large`), failsWith("VALUE_TRUNCATED", /large/));
        assert.deepEqual(await engine.rows(`select id from ${table}_w order by id`), [{ id: "8" }, { id: "17" }]);
        await assert.rejects(read("select :x is null as x", { x: "a" }), failsWith("ROW_REFUSED", /type/));
        await engine.execute(`drop table ${table}_w`);
      });

      it("reads more columns than a function takes arguments", async () => {
        const list = Array.from({ length: 250 }, (_, index) => `${index} as c_${index}`).join(", ");
        assert.deepEqual(await read(`select ${list}`), [Array.from({ length: 250 }, (_, index) => index)]);
      });
    }
  });
}

describe("sql read of a database in memory", () => {
  it("sees what was written there, and reads all of it at once", async () => {
    const client = new DatabaseClient({ ...SETTINGS, engine: "sqlite", file: ":memory:" });
    const statements = ["create table t (id integer)", "insert into t values (1), (2), (3)"].map((sql) => ({ sql, values: {} }));
    for (const statement of statements) await client.execute({ transactions: [{ statements: [statement] }], maxRows: 0 });
    assert.deepEqual(await readAll(client, "select id from t order by id", {}, 2), [[1], [2], [3]]);
    const endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n";
    await assert.rejects(readAll(client, endless, {}, 5000), { code: "PAYLOAD_TOO_LARGE", scope: "system", message: /more than 100000 rows: .* in memory/ }); // whatever asks for them, the query gives no fewer
    await client.close();
  });
});
