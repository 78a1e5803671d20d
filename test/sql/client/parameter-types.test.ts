import assert from "node:assert/strict";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { sharedPostgres } from "../../services/shared";
import { SETTINGS } from "./engines";

describe("The types of PostgreSQL's parameters", function () {
  this.timeout(60_000);

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
