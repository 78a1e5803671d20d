import assert from "node:assert/strict";
import type { DialectName } from "../../../../nodes/sql/client/protocol";
import { changesSession, endsTransaction } from "../../../../nodes/sql/client/child/side-effects";
import { lex } from "../../../../nodes/sql/client/sql-lexer";

/** What statements do beside their work. The executor's tests run them where a server is at hand. */
describe("A statement of own", () => {
  const which = (what: typeof endsTransaction, dialect: DialectName, statements: string[]): string[] => statements.filter((sql) => what(lex(sql, dialect), dialect));

  it("is known to commit what came before it", () => {
    const commits: Partial<Record<DialectName, [does: string[], doesNot: string[]]>> = {
      mariadb: [["truncate table t", "start transaction", "create table t (temporary int)"], ["create temporary table t (id int)", "insert into t values ('truncate')", "/* drop */ delete from t"]],
      oracle: [["create global temporary table t (id int)", "truncate table t", "alter table t add c int"], ["create private temporary table ora$ptt_t (id int)", "alter session set nls_date_format = 'YYYY'", "begin null; end;"]],
      postgresql: [["commit", "end"], ["truncate t", "create table t (id int)", "begin"]],
      sqlite: [["commit", "end transaction"], ["create table t (id)", "drop table t"]],
    };
    for (const [dialect, [does, doesNot]] of Object.entries(commits) as [DialectName, [string[], string[]]][]) {
      assert.deepEqual(which(endsTransaction, dialect, [...does, ...doesNot]), does);
    }
  });

  it("is known to leave the session other than it was", () => {
    const changes: Partial<Record<DialectName, [does: string[], doesNot: string[]]>> = {
      postgresql: [
        ["set timezone = 'Asia/Tokyo'", "reset all", "create temp table t (a int)", "create temporary table t as select 1", "select a into temp t from s", "select pg_advisory_lock(:k)", "select pg_try_advisory_lock_shared(1)", "select set_config('a.b', :v, false)", "select set_config('a.b', f(:v, true), false), g(1, true)"],
        [
          "set local timezone = 'UTC'", "/* x */ set transaction read only", "update t set a = 1", "select 'set x'", "create temp table t (a int) on commit drop", "create table temporary_data (temp int)",
          "select pg_advisory_xact_lock(:k)", "select pg_advisory_unlock(:k)", "select set_config('a.b', :v, true), 1",
          "select set_config('a.b', coalesce(:v, ''), true)", "select set_config('a.b', :v, is_local => true)", "insert into temp (temp) values (1)", "select temp from t",
        ],
      ],
      mariadb: [["set names latin1", "set @@session.sql_mode = ''", "use archive", "lock tables t write", "create temporary table t (a int)", "select get_lock(:k, 10)"], ["drop temporary table t", "do release_lock(:k)", "set @a = 1", "set statement max_statement_time = 1 for select 1", "alter table t add c int"]],
      sqlserver: [["set identity_insert t on", "use archive"], ["set @a = 1"]],
      oracle: [["alter session set nls_date_format = 'YYYY'", "set role none"], ["set transaction read write", "set constraints all deferred"]],
      sqlite: [[], ["attach 'x.db' as x"]],
    };
    for (const [dialect, [does, doesNot]] of Object.entries(changes) as [DialectName, [string[], string[]]][]) {
      assert.deepEqual(which(changesSession, dialect, [...does, ...doesNot]), does);
    }
  });
});
