import assert from "node:assert/strict";
import { Client } from "pg";
import { Untyped } from "../../../../nodes/sql/client/child/backend";
import { DatabaseClient } from "../../../../nodes/sql/client/database-client";
import { namedValue } from "../../../../nodes/sql/client/named-values";
import { ParameterTypes } from "../../../../nodes/sql/client/odbc/parameter-types";
import type { Postgres } from "../../../services/postgres";
import { sharedPostgres } from "../../../services/shared";
import { waitFor } from "../../../services/wait";
import { SETTINGS } from "../engines";

describe("The types of PostgreSQL's parameters", function () {
  this.timeout(60_000);

  it("are asked for by a name that no failure has left taken", async () => {
    const taken = new Set<string>();
    let cancelled = true;
    const ask = async (sql: string): Promise<Record<string, unknown>[]> => {
      const [, verb, name] = /(prepare|name =|deallocate) '?(\w+)/.exec(sql) ?? [];
      if (verb === "prepare" && taken.has(name ?? "")) throw new Error(`prepared statement "${name}" already exists`);
      if (verb === "prepare") taken.add(name ?? "");
      if (verb === "deallocate") taken.delete(name ?? "");
      if (verb === "name =" && cancelled) throw new Error("canceling statement due to user request");
      return [{ types: "{25}" }];
    };
    const types = new ParameterTypes();
    const statement = { sql: "select ?", parameters: [new Untyped("a", "x")] };
    await assert.rejects(types.resolve(statement, ask), /canceling/);
    cancelled = false;
    assert.deepEqual(await types.resolve(statement, ask), { sql: "select cast(? as text)", parameters: ["a"], recalled: false });
  });

  it("are not taken for unknown where a pooler gives each statement another session: values would be changed", async () => {
    const types = new ParameterTypes();
    const ask = async (): Promise<Record<string, unknown>[]> => [];
    const statement = { sql: "insert into t values (?)", parameters: [new Untyped("2026-11-21T12:11:12+02:00", "at")] };
    await assert.rejects(types.resolve(statement, ask), { code: "NOT_CONFIGURED", message: /pooler.*session/ });
    await assert.rejects(types.resolve(statement, ask), { code: "NOT_CONFIGURED" });
  });

  it("are asked for again when a statement has failed: its table may have been made anew", async () => {
    const server = await sharedPostgres();
    const client = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: server, poolSize: 1 });
    const statement = { sql: "insert into made_anew (at) values (:at)", values: { at: "2026-11-21T10:11:12Z" } };
    const run = async (): Promise<boolean> => {
      const [outcome] = await client.execute({ transactions: [{ statements: [statement] }], maxRows: 1 });
      return outcome !== undefined && "results" in outcome;
    };
    try {
      await server.query("drop table if exists made_anew");
      await server.query("create table made_anew (at timestamptz)");
      assert.equal(await run(), true);
      await server.query("drop table made_anew");
      await server.query("create table made_anew (at integer, other integer)");
      assert.equal(await run(), false);
      await server.query("drop table made_anew");
      await server.query("create table made_anew (at varchar(40))");
      assert.equal(await run(), true);
      assert.deepEqual(await server.query("select at from made_anew"), [{ at: "2026-11-21T10:11:12Z" }]);
    } finally {
      await client.close();
      await server.query("drop table made_anew");
    }
  });

  it("are asked for again when a text has become a time, which would be stored without its time of day: the statement is tried again", async () => {
    const server = await sharedPostgres();
    const client = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: server, poolSize: 1 });
    const values = { at: "2026-11-21T12:11:12.5+02:00" };
    const run = async (sql: string): Promise<string> => {
      const [outcome] = await client.execute({ transactions: [{ statements: [{ sql, values }] }], maxRows: 1 });
      return outcome && "error" in outcome ? outcome.error.code : "done";
    };
    try {
      await server.query("create schema was_text");
      for (const type of ["text", "varchar", "char(40)"]) {
        const table = `was_text.${type.slice(0, 4)}`;
        await server.query(`create table ${table} (at ${type})`);
        const statements = [`delete from ${table} where at = :at`, `insert into ${table} (at) values (:at)`, `update ${table} set at = :at`];
        for (const sql of statements) assert.equal(await run(sql), "done", sql);
        await server.query(`alter table ${table} alter at type timestamptz using cast(at as timestamptz)`);
        for (const sql of statements.slice(1)) assert.deepEqual([await run(sql), await run(sql)], ["DATABASE_BUSY", "done"], sql);
        assert.deepEqual(await server.query(`select distinct cast(at as text) as at from ${table}`), [{ at: "2026-11-21 10:11:12.5+00" }]);
        assert.deepEqual([await run(statements[0] as string), await run(statements[0] as string)], ["DATABASE_BUSY", "done"]);
      }
    } finally {
      await client.close();
      await server.query("drop schema if exists was_text cascade");
    }
  });

  it("are asked for again by each of the statements that wait on several connections while a text is made a time", async () => {
    const server = await sharedPostgres();
    const client = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: server, poolSize: 3 });
    const admin = new Client(server.clientConfig);
    const statement = { sql: "insert into all_wait (at) values (:at)", values: { at: "2026-11-21T12:11:12.5+02:00" } };
    const run = async (): Promise<string> => {
      const [outcome] = await client.execute({ transactions: [{ statements: [statement] }], maxRows: 1 });
      return outcome && "error" in outcome ? outcome.error.code : "done";
    };
    try {
      await admin.connect();
      await server.query("create table all_wait (at text)");
      assert.equal(await run(), "done");
      await admin.query("begin");
      await admin.query("alter table all_wait alter at type timestamptz using cast(at as timestamptz)");
      const runs = [run(), run(), run()];
      await waitFor("all to wait", async () => (await server.query("select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%all_wait%'")).length === 3);
      await admin.query("commit");
      assert.deepEqual(await Promise.all(runs), ["DATABASE_BUSY", "DATABASE_BUSY", "DATABASE_BUSY"]);
      assert.equal(await run(), "done");
    } finally {
      await client.close();
      await admin.end();
      await server.query("drop table if exists all_wait");
    }
  });

  it("are those under a domain, and under a domain over another: a timestamp keeps its instant, bytes stay what they are", async () => {
    const server = await sharedPostgres();
    const client = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: server });
    const columns = ["id", "moment", "later", "day", "raw", "count"];
    const values = { id: 1, moment: "2026-11-21T01:11:12.5+02:00", later: "2026-11-21T01:11:12.5+02:00", day: "2026-11-21T01:11:12.5+02:00", raw: Buffer.from([0, 255, 92]), count: true };
    const stored = { moment: "2026-11-20 23:11:12.5", later: "2026-11-20 23:11:12.5", day: "2026-11-20", raw: "\\x00ff5c", count: 1 };
    try {
      await server.query("drop schema if exists domains cascade");
      await server.query("create schema domains");
      const domains = { moment: "timestamp", later: "domains.moment", day: "date", raw: "bytea", count: "integer" };
      for (const [name, type] of Object.entries(domains)) await server.query(`create domain domains.${name} as ${type}`);
      await server.query("create table domains.t (id integer, moment domains.moment, later domains.later, day domains.day, raw domains.raw, count domains.count)");
      const sql = `insert into domains.t (${columns.join(", ")}) values (${columns.map((name) => `:${name}`).join(", ")})`;
      assert.ok("results" in (await client.execute({ transactions: [{ statements: [{ sql, values }] }], maxRows: 1 }))[0]!);
      const row = { columns, values: [2, ...Object.values(values).slice(1)] };
      assert.deepEqual(await client.write({ table: "domains.t", mode: "insert", keys: [], mapped: true, rows: [row] }), [null]);
      const rows = await server.query("select id, cast(moment as text) as moment, cast(later as text) as later, cast(day as text) as day, cast(raw as text) as raw, count from domains.t order by id");
      assert.deepEqual(rows, [{ id: 1, ...stored }, { id: 2, ...stored }]);
    } finally {
      await client.close();
      await server.query("drop schema if exists domains cascade");
    }
  });

  it("are asked of who wrote the statement, by name, where it does not tell them", async () => {
    const server = await sharedPostgres();
    const client = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: server });
    const run = async (sql: string): Promise<string> => {
      const [outcome] = await client.execute({ transactions: [{ statements: [{ sql, values: { who: "me", name: "postgres" } }] }], maxRows: 10 });
      return outcome && "error" in outcome ? `${outcome.error.code}: ${outcome.error.text}` : "done";
    };
    try {
      assert.match(await run("select 1 as n from pg_database where datname = :name and :who is null"), /^ROW_REFUSED: :who: .* write cast\(:who as text\)/);
      assert.equal(await run("select 1 as n from pg_database where datname = :name and cast(:who as text) is null"), "done");
    } finally {
      await client.close();
    }
  });

  describe("of a procedure", () => {
    const at = "2026-11-21T12:11:12.5+02:00";
    const INSTANT = "2026-11-21 10:11:12.5+00";
    let server: Postgres;
    let client: DatabaseClient;

    before(async () => {
      server = await sharedPostgres();
      client = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: server });
      await server.query("drop schema if exists called cascade");
      await server.query("create schema called create table called.t (at timestamptz, local timestamp, day date, note text, b bytea, n integer)");
      const body = "language sql as $$ insert into called.t values (at, local, day, note, b, n) $$";
      await server.query(`create procedure called.once(at timestamptz, local timestamp, day date, note text, b bytea, n integer) ${body}`);
      await server.query("create procedure called.twice(at timestamptz) language sql as $$ insert into called.t (at) values (at) $$");
      await server.query("create procedure called.twice(note text) language sql as $$ insert into called.t (note) values (note) $$");
    });
    beforeEach(() => server.query("delete from called.t"));
    after(async () => {
      await client.close();
      await server.query("drop schema called cascade");
    });

    const call = async (sql: string, given: Record<string, unknown>): Promise<string> => {
      const values = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, namedValue(value, name)]));
      const [outcome] = await client.execute({ transactions: [{ statements: [{ sql, values }] }], maxRows: 1 });
      return outcome && "error" in outcome ? `${outcome.error.code}: ${outcome.error.text}` : "done";
    };
    const stored = async (): Promise<unknown[]> =>
      (await server.query("select at::text, local::text, day::text, note, encode(b, 'escape') as b, n from called.t")).map((row) => Object.values(row).join(" | "));

    it("are those of its arguments: a timestamp keeps its time of day", async () => {
      const sql = "call called.once(:at, :local, :day, :note, :b, :n)";
      assert.equal(await call(sql, { at, local: at, day: at, note: at, b: Buffer.from("hi"), n: true }), "done");
      assert.equal(await call(sql, { at: new Date(at), local: new Date(at), day: new Date(at), note: "x", b: "hi", n: 2 }), "done");
      assert.deepEqual(await stored(), [
        `${INSTANT} | 2026-11-21 10:11:12.5 | 2026-11-21 | ${at} | hi | 1`,
        `${INSTANT} | 2026-11-21 10:11:12.5 | 2026-11-21 | x | hi | 2`,
      ]);
    });

    it("are unknown where there are several of its name: text that may be a timestamp is refused, with what to write", async () => {
      assert.match(await call("call called.twice(:at)", { at }), /^INPUT_INVALID: :at: .*cast\(cast\(:at as text\) as timestamptz\)/);
      assert.equal(await call("call called.twice(cast(cast(:at as text) as timestamptz))", { at }), "done");
      assert.equal(await call("call called.twice(cast(:note as text))", { note: at }), "done");
      assert.deepEqual(await stored(), [`${INSTANT} |  |  |  |  | `, ` |  |  | ${at} |  | `]);
    });
  });

  it("make text of what is no text where bytes are expected, and not digits of it", async () => {
    const server = await sharedPostgres();
    const client = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: server });
    try {
      for (const [value, expected] of [[new Date(0), "1970-01-01T00:00:00.000Z"], [true, "true"]] as const) {
        const [outcome] = await client.execute({ transactions: [{ statements: [{ sql: "select encode(cast(:b as bytea), 'escape') as b", values: { b: value } }] }], maxRows: 1 });
        assert.deepEqual(outcome && "results" in outcome && outcome.results[0]?.rows, [{ b: expected }]);
      }
    } finally {
      await client.close();
    }
  });
});
