import assert from "node:assert/strict";
import { SqliteBackend } from "../../../nodes/sql/client/sqlite-backend";

describe("A connection of the embedded SQLite", () => {
  it("blames no row for having been closed", async () => {
    const connection = await new SqliteBackend({ file: ":memory:" }).connect();
    await connection.query("create table t (a)");
    await connection.close();
    for (const call of [() => connection.query("insert into t values (?)", [1]), () => connection.begin(), () => connection.commit(), () => connection.rollback()]) {
      await assert.rejects(call, { code: "DATABASE_UNAVAILABLE", scope: "system" });
    }
  });
});
