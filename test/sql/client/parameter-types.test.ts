import assert from "node:assert/strict";
import { Untyped } from "../../../nodes/sql/client/backend";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { ParameterTypes } from "../../../nodes/sql/client/parameter-types";
import { sharedPostgres } from "../../services/shared";
import { SETTINGS } from "./engines";

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
    assert.deepEqual(await types.resolve(statement, ask), { sql: "select ?", parameters: ["a"] });
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
});
