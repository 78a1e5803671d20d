import assert from "node:assert/strict";
import { ConnectorError, isConnectorError } from "../../../../nodes/common/errors";
import type { DatabaseConnection } from "../../../../nodes/sql/client/child/backend";
import { DatabaseClient } from "../../../../nodes/sql/client/database-client";
import { dialectNamed } from "../../../../nodes/sql/client/dialect";
import { Executor } from "../../../../nodes/sql/client/child/executor";
import type { ExecuteRequest, NamedStatement, RowOutcome, Transaction, TransactionOutcome } from "../../../../nodes/sql/client/protocol";
import { ENGINES, type TestEngine } from "../engines";
import { pause } from "../../../services/wait";

let tables = 0;
/** One array for all rows: those go in one statement. */
const COLUMNS = ["id", "name"];

/** What became of each transaction: the rows affected by its statements, "dup", or the code of its error and its statement. */
const told = (outcomes: TransactionOutcome[]): unknown[] =>
  outcomes.map((outcome) => ("error" in outcome ? [outcome.error.code, outcome.statement] : outcome.duplicate ? "dup" : outcome.results.map(({ rowsAffected }) => rowsAffected)));

for (const { name, start } of ENGINES) {
  describe(`Own statements on ${name}`, function () {
    this.timeout(60_000);
    let engine: TestEngine;
    let client: DatabaseClient;
    let table: string;

    before(async () => {
      engine = await start();
      client = new DatabaseClient(engine.options);
    });
    beforeEach(async () => {
      tables += 1;
      table = `own_${process.pid}_${tables}`;
      await engine.execute(`create table ${table} (id bigint primary key, name varchar(20) not null, n integer)`);
      await engine.execute(`insert into ${table} (id, name, n) values (1, 'one', 10), (2, 'two', 20)`);
    });
    after(async () => {
      await client.close();
      engine.close();
    });

    const insert = (id: number, called: string | null = `n${id}`): NamedStatement => ({ sql: `insert into ${table} (id, name) values (:id, :name)`, values: { id, name: called } });
    const update = (id: number, n: number): NamedStatement => ({ sql: `update ${table} set n = :n where id = :id`, values: { id, n } });
    const execute = (transactions: Transaction[], more: Partial<ExecuteRequest> = {}): Promise<TransactionOutcome[]> => client.execute({ transactions, maxRows: 100, ...more });
    const ids = async (): Promise<string> => (await engine.rows(`select id from ${table} order by id`)).map(({ id }) => id).join(" ");

    it("commits the statements of each transaction together, one transaction after the other", async () => {
      const outcomes = await execute([{ statements: [insert(3), update(3, 5)] }, { statements: [update(3, 6)] }, { statements: [] }]);
      assert.deepEqual(told(outcomes), [[1, 1], [1], []]);
      assert.deepEqual(await engine.rows(`select n from ${table} where id = 3`), [{ n: "6" }]);
    });

    it("rolls back the transaction whose statement fails, says which it was, and goes on with the next", async () => {
      const outcomes = await execute([{ statements: [insert(3), insert(4, null), insert(5)] }, { statements: [insert(6)] }, { statements: [insert(1)] }]);
      assert.deepEqual(told(outcomes), [["ROW_REFUSED", 1], [1], ["ROW_REFUSED", 0]]);
      assert.equal(await ids(), "1 2 6");
    });

    it("takes as long a list as its driver can, refuses a longer one, and goes on", async () => {
      const most = name.startsWith("PostgreSQL") ? 7_498 : 32_000;
      const find = (count: number): Transaction => ({ statements: [{ sql: `delete from ${table} where id in (:ids)`, values: { ids: Array.from({ length: count }, (_, index) => index + 2) } }] });
      assert.deepEqual(told(await execute([find(most), find(most + 1), { statements: [insert(3)] }])), [[1], ["INPUT_INVALID", 0], [1]]);
      assert.equal(await ids(), "1 3");
    });

    if (!name.includes("SQLite")) {
      it("runs a query that changes something as it is read once, not to describe it", async () => {
        await engine.execute(`create sequence ${table}_s`);
        const next = name.startsWith("MariaDB") ? `nextval(${table}_s)` : `nextval('${table}_s')`;
        for (const expected of [1, 2]) {
          const [outcome] = await execute([{ statements: [{ sql: `select ${next} as n`, values: {} }] }]);
          assert.deepEqual(outcome && "results" in outcome && outcome.results[0]?.rows, [{ n: expected }]);
        }
      });
    }

    if (name.includes("SQLite")) {
      it("begins anew where a statement that failed has ended the transaction by itself", async () => {
        const ending = { sql: `insert or rollback into ${table} (id, name) values (1, 'there')`, values: {} };
        assert.deepEqual(told(await execute([{ statements: [insert(3), ending] }])), [["ROW_REFUSED", 1]]);
        assert.deepEqual(told(await execute([{ statements: [insert(4), insert(4)] }])), [["ROW_REFUSED", 1]]);
        assert.deepEqual(told(await execute([{ statements: [insert(5), update(5, 1)] }])), [[1, 1]]);
        assert.equal(await ids(), "1 2 5");
      });

      it("lets one transaction follow the other where both read before they write: each would wait for the other", async () => {
        const read = { sql: `select n from ${table} where id = 1`, values: {} };
        const raise = { sql: `update ${table} set n = n + 1 where id = 1`, values: {} };
        await Promise.all(Array.from({ length: 40 }, () => execute([{ statements: [read, raise] }])));
        assert.deepEqual(await engine.rows(`select n from ${table} where id = 1`), [{ n: "50" }]);
      });
    }

    it("leaves no transaction open behind an error", async () => {
      for (let turn = 0; turn < 6; turn += 1) await execute([{ statements: [update(1, turn), insert(2)] }]);
      await engine.execute(`update ${table} set n = 99 where id = 1`); // would wait for ever for a lock
      assert.deepEqual(await engine.rows(`select n from ${table} where id = 1`), [{ n: "99" }]);
    });

    it("reads the rows of a query exactly, within the transaction that changed them", async () => {
      const { types } = ENGINES.find((each) => each.name === name) as (typeof ENGINES)[number];
      await engine.execute(`create table ${table}_exact (id bigint primary key, amount ${types.decimal}, at ${types.instant})`);
      const values = { id: 9007199254740993n, amount: "123456789012345678.123456789", at: "2026-11-21T10:11:12.123Z" };
      const stored = name.startsWith("MariaDB") ? { ...values, at: "2026-11-21 10:11:12.123" } : values;
      const change = { sql: `insert into ${table}_exact (id, amount, at) values (:id, :amount, :at)`, values: stored };
      const read = { sql: `select id, amount, at from ${table}_exact`, values: {} };
      const behindWith = { sql: `with q as (${read.sql}) select id, amount, at, replace('a', 'b', 'c') as word from q`, values: {} };
      const [outcome] = await execute([{ statements: [change, read, behindWith] }]);
      assert.ok(outcome && "results" in outcome, JSON.stringify(outcome));
      for (const { rows: [found] = [] } of outcome.results.slice(1)) {
        const { word, ...row } = found ?? {};
        assert.ok(word === undefined || word === "a");
        assert.deepEqual({ ...row, at: new Date(`${String(row?.["at"]).replace("Z", "")}Z`).toISOString() }, { ...values, id: String(values.id) });
      }
    });

    it("returns the rows of a statement, and no more than allowed", async () => {
      const query = { sql: `select id, name from ${table} where id in (:ids) order by id`, values: { ids: [1, 2] } };
      const [outcome] = await execute([{ statements: [query, update(1, 5)] }]);
      assert.deepEqual(outcome, { results: [{ rowsAffected: 0, rows: [{ id: 1, name: "one" }, { id: 2, name: "two" }] }, { rowsAffected: 1 }] });
      assert.deepEqual(told(await execute([{ statements: [insert(3), query] }], { maxRows: 1 })), [["PAYLOAD_TOO_LARGE", 1]]);
      assert.equal(await ids(), "1 2");
    });

    it("gives each value of a row to its own column, whatever that is called", async () => {
      const query = { sql: `select name as b, 'x' as "1" from ${table} where id = 1`.replaceAll('"', name.startsWith("MariaDB") ? "`" : '"'), values: {} };
      const [outcome] = await execute([{ statements: [query] }]);
      assert.deepEqual(outcome, { results: [{ rowsAffected: 0, rows: [{ b: "one", 1: "x" }] }] });
    });

    if (name !== "SQLite over ODBC") {
      it("distinguishes no rows from no answer if a change that returns its rows finds none", async () => {
        const change = { sql: name.startsWith("MariaDB") ? `delete from ${table} where id = 77 returning id` : `update ${table} set n = 0 where id = 77 returning id`, values: {} };
        assert.deepEqual(await execute([{ statements: [change] }]), [{ results: [{ rowsAffected: 0, rows: [] }] }]);
        assert.deepEqual(told(await execute([{ statements: [change] }], { zeroRowsIsError: true })), [["ROW_MISSING", 0]]);
      });

      it("undoes a change that returns more rows than allowed", async () => {
        const change = name.startsWith("MariaDB") ? `delete from ${table} returning id` : `update ${table} set n = 0 returning id`;
        assert.deepEqual(told(await execute([{ statements: [{ sql: change, values: {} }] }], { maxRows: 1 })), [["PAYLOAD_TOO_LARGE", 0]]);
        assert.deepEqual(await engine.rows(`select sum(n) as n from ${table}`), [{ n: "30" }]);
      });
    }

    it("makes an error of an update or delete that finds no row when it is asked to, and undoes the others", async () => {
      const outcomes = await execute([{ statements: [insert(3), update(77, 1)] }, { statements: [update(1, 10)] }], { zeroRowsIsError: true });
      assert.deepEqual(told(outcomes), [["ROW_MISSING", 1], [1]], "row 1 is found, though it stays as it is");
      assert.equal(await ids(), "1 2");
      assert.deepEqual(told(await execute([{ statements: [{ sql: `delete from ${table} where id = 77`, values: {} }] }])), [[0]]);
    });

    if (!name.startsWith("MariaDB")) {
      it("makes an error of an update or delete behind a with clause that finds no row, too", async () => {
        const behind = (change: string): NamedStatement => ({ sql: `with q as (select 77 as id) ${change} where id in (select id from q)`, values: {} });
        const outcomes = await execute([`update ${table} set n = 1`, `delete from ${table}`].map((change) => ({ statements: [behind(change)] })), { zeroRowsIsError: true });
        assert.deepEqual(told(outcomes), [["ROW_MISSING", 0], ["ROW_MISSING", 0]]);
        const insert = { sql: `with q as (select id, name from ${table} where id = 77) insert into ${table} (id, name) select id, name from q`, values: {} };
        assert.deepEqual(told(await execute([{ statements: [insert] }], { zeroRowsIsError: true })), [[0]]);
      });
    }

    it("refuses a name without a value, and several statements in one", async () => {
      const missing = { sql: `update ${table} set n = :n where id = :id`, values: { id: 1 } };
      const several = { sql: `update ${table} set n = 0; delete from ${table}`, values: {} };
      assert.deepEqual(told(await execute([{ statements: [missing] }, { statements: [several] }])), [["INPUT_INVALID", 0], ["NOT_CONFIGURED", 0]]);
      assert.deepEqual(await engine.rows(`select sum(n) as n from ${table}`), [{ n: "30" }]);
    });

    it("treats everything in a value as a value", async () => {
      const nasty = `x'); drop table ${table}; --`.slice(0, 20);
      const outcomes = await execute([{ statements: [{ sql: `insert into ${table} (id, name) values (:id, :name) -- :name`, values: { id: 3, name: nasty } }] }]);
      assert.deepEqual(told(outcomes), [[1]]);
      assert.deepEqual(await engine.rows(`select name from ${table} where id = 3`), [{ name: nasty }]);
      assert.deepEqual(told(await execute([{ statements: [{ sql: `delete from ${table} where name = :name`, values: { name: "' or '1'='1" } }] }])), [[0]]);
    });

    it("says that a missing table concerns every message", async () => {
      const [outcome] = await execute([{ statements: [{ sql: "insert into no_such_table (id) values (:id)", values: { id: 1 } }] }]);
      assert.ok(outcome && "error" in outcome);
      assert.equal(outcome.error.code, "TABLE_UNKNOWN");
      assert.equal(outcome.error.scope, "system");
    });

    if (name.startsWith("MariaDB")) {
      it("refuses with dedupe what would commit the message's id before its work is done, and does nothing of it", async () => {
        const inbox = { table: `${table}_inbox`, owner: "node", days: 30 };
        const truncate = { sql: `/* anew */ truncate table ${table}`, values: {} };
        const outcomes = await execute([{ statements: [insert(3), truncate, insert(1), insert(1)], id: "m1" }], { inbox });
        assert.deepEqual(told(outcomes), [["NOT_CONFIGURED", 1]]);
        assert.equal(await ids(), "1 2");
        assert.deepEqual(told(await execute([{ statements: [insert(3)], id: "m1" }], { inbox })), [[1]]);
        assert.deepEqual(told(await execute([{ statements: [{ sql: `create temporary table ${table}_t (id int)`, values: {} }, insert(4)], id: "m2" }], { inbox })), [[0, 1]]);
        assert.deepEqual(told(await execute([{ statements: [truncate, insert(5)] }])), [[0, 1]]);
      });
    }

    it("refuses with dedupe to commit in the middle: what fails behind it would count as done", async () => {
      const inbox = { table: `${table}_inbox`, owner: "node", days: 30 };
      const outcomes = await execute([{ statements: [insert(3), { sql: "commit", values: {} }, insert(1)], id: "m1" }], { inbox });
      assert.deepEqual(told(outcomes), [["NOT_CONFIGURED", 1]]);
      assert.deepEqual(told(await execute([{ statements: [insert(3)], id: "m1" }], { inbox })), [[1]]);
    });

    if (!name.includes("SQLite")) {
      it("does not let what a statement sets for its session affect other messages", async () => {
        const [set, ask] = name.startsWith("MariaDB") ? ["set time_zone = '+05:00'", "select @@time_zone as zone"] : ["set timezone = 'Asia/Tokyo'", "select current_setting('timezone') as zone"];
        const single = new DatabaseClient({ ...engine.options, poolSize: 1 });
        const zone = { sql: ask, values: {} };
        const zones = async (transactions: Transaction[]): Promise<unknown[]> =>
          (await single.execute({ transactions, maxRows: 1 })).flatMap((outcome) => ("error" in outcome ? outcome.error.code : outcome.results.flatMap(({ rows = [] }) => rows.map((row) => row["zone"]))));
        try {
          const [before] = await zones([{ statements: [zone] }]);
          const strange = { statements: [{ sql: set, values: {} }, zone] };
          const [inside, behind, again, last, failed, end] = await zones([strange, { statements: [zone] }, strange, { statements: [zone] }, { statements: [{ sql: set, values: {} }, insert(1)] }, { statements: [zone] }]);
          assert.match(String(inside), /05:00|Tokyo/);
          assert.deepEqual([behind, again, last, failed, end], [before, inside, before, "ROW_REFUSED", before]);
          assert.deepEqual(await zones([{ statements: [zone] }]), [before]);
        } finally {
          await single.close();
        }
      });

      it("lets a temporary table, or a lock, of one message be in the way of no other", async () => {
        const lock = name.startsWith("MariaDB") ? `select get_lock('${table}', 20) as got` : "select case when pg_advisory_lock(4711)::text is not null then 1 end as got"; // a session that was left ends in its own time
        const message: Transaction = { statements: [lock, `create temporary table ${table}_t (id bigint)`, `insert into ${table}_t values (1)`].map((sql) => ({ sql, values: {} })) };
        const others = new DatabaseClient(engine.options);
        try {
          for (const one of [client, others]) {
            for (const outcome of await one.execute({ transactions: [message, message], maxRows: 1 })) {
              assert.ok("results" in outcome, "error" in outcome ? outcome.error.text : "");
              assert.equal(Number(outcome.results[0]?.rows?.[0]?.["got"]), 1);
            }
          }
        } finally {
          await others.close();
        }
      });
    }

    if (name.startsWith("PostgreSQL")) {
      it("fails only the message for which a function or trigger looks for a table that does not exist", async () => {
        await engine.execute(`create function ${table}_f() returns trigger language plpgsql as $$ begin execute format('insert into %I (id, name) values ($1, $2)', new.name) using -new.id, new.name; return new; end $$`);
        await engine.execute(`create table ${table}_r (id bigint, name text)`);
        await engine.execute(`create trigger routed before insert on ${table}_r for each row execute function ${table}_f()`);
        const errorOf = (outcome: RowOutcome | TransactionOutcome | undefined): unknown => {
          const error = outcome && "error" in outcome ? outcome.error : outcome && "code" in outcome ? outcome : undefined;
          return error && [error.code, error.scope, error.retryable, error.text.includes("in a function or trigger")];
        };
        const rows = [table, "nowhere", table].map((called, index) => ({ columns: COLUMNS, values: [index + 10, called] }));
        const missing = ["TABLE_UNKNOWN", "message", false, true];
        assert.deepEqual((await client.write({ table: `${table}_r`, mode: "insert", keys: [], mapped: true, rows })).map(errorOf), [undefined, missing, undefined]);
        const route = (called: string): Transaction => ({ statements: [{ sql: `insert into ${table}_r values (:id, :name)`, values: { id: 20, name: called } }] });
        assert.deepEqual((await execute([route("nowhere"), route(table)])).map(errorOf), [missing, undefined]);
        assert.deepEqual((await execute([{ statements: [{ sql: "insert into nowhere values (:id)", values: { id: 1 } }] }])).map(errorOf), [["TABLE_UNKNOWN", "system", true, false]]);
      });
    }

    it("does nothing for a message that is in the inbox, and forgets the id of one that failed", async () => {
      const inbox = { table: `${table}_inbox`, owner: "node", days: 30 };
      assert.deepEqual(told(await execute([{ id: "a", statements: [insert(3), insert(4)] }, { id: "b", statements: [insert(1)] }], { inbox })), [[1, 1], ["ROW_REFUSED", 0]]);
      assert.deepEqual(told(await execute([{ id: "a", statements: [insert(3)] }, { id: "b", statements: [insert(5)] }, { id: "b", statements: [insert(6)] }], { inbox })), ["dup", [1], "dup"]);
      assert.equal(await ids(), "1 2 3 4 5");
    });

    it("holds what is left over when its process is killed, and doubles nothing with an inbox", async () => {
      const inbox = { table: `${table}_inbox`, owner: "node", days: 30 };
      const transactions = Array.from({ length: 100 }, (_, index): Transaction => ({ id: `m${index}`, statements: [{ sql: `update ${table} set n = n + 1 where id = 1`, values: {} }] }));
      await execute([], { inbox });
      const running = execute(transactions, { inbox });
      await pause(20);
      process.kill(client.pid ?? 0, "SIGKILL");
      await assert.rejects(running, (error) => isConnectorError(error) && error.scope === "system");
      await execute(transactions, { inbox });
      assert.deepEqual(await engine.rows(`select n from ${table} where id = 1`), [{ n: "110" }]);
    });
  });
}

describe("Own statements of which one waits in vain", () => {
  const clock = performance.now;
  afterEach(() => (performance.now = clock));

  it("let those behind it wait for the next request, rather than each for as long", async () => {
    const asked: string[] = [];
    const nothing = (): Promise<void> => Promise.resolve();
    const connection: DatabaseConnection = {
      alive: true, begin: nothing, commit: nothing, rollback: nothing, close: nothing, cursor: () => assert.fail(),
      query(sql) {
        asked.push(sql);
        if (sql.includes("taken")) return Promise.reject(new ConnectorError("DATABASE_BUSY", "nowait", { details: { state: "55P03", database: "postgresql" } }));
        if (sql.includes("locked")) {
          performance.now = () => clock.call(performance) + 60_000;
          return Promise.reject(new ConnectorError("DATABASE_BUSY", "canceled", { details: { state: "57014", database: "postgresql" } }));
        }
        if (sql.includes("dead")) return Promise.reject(new ConnectorError("DATABASE_BUSY", "deadlock", { details: { state: "40P01", database: "postgresql" } }));
        return Promise.resolve({ rows: [], rowsAffected: 1, columns: [] });
      },
    };
    const deletes = (table: string): Transaction => ({ statements: [{ sql: `delete from ${table}`, values: {} }] });
    const outcomes = await new Executor(dialectNamed("postgresql"), false).execute(connection, { transactions: ["a", "dead", "taken", "b", "locked", "c", "d"].map(deletes), maxRows: 1 });
    assert.deepEqual(told(outcomes), [[1], ["DATABASE_BUSY", 0], ["DATABASE_BUSY", 0], [1], ["DATABASE_BUSY", 0], ["DATABASE_UNAVAILABLE", undefined], ["DATABASE_UNAVAILABLE", undefined]]);
    assert.equal(asked.length, 5);
  });
});
