import assert from "node:assert/strict";
import { SqliteBackend } from "../../../../nodes/sql/client/sqlite/sqlite-backend";

describe("A connection of the embedded SQLite", () => {
  it("blames no row for having been closed", async () => {
    const connection = await new SqliteBackend({ file: ":memory:" }).connect();
    await connection.query("create table t (a)");
    await connection.close();
    for (const call of [() => connection.query("insert into t values (?)", [1]), () => connection.begin(), () => connection.commit(), () => connection.rollback()]) {
      await assert.rejects(call, { code: "DATABASE_UNAVAILABLE", scope: "system" });
    }
  });

  it("lets its process give signs of life, however many statements follow each other", async () => {
    const connection = await new SqliteBackend({ file: ":memory:" }).connect();
    let beats = 0;
    const beat = setInterval(() => (beats += 1), 10);
    for (const end = performance.now() + 10_000; beats < 2 && performance.now() < end; ) await connection.query("select 1");
    clearInterval(beat);
    await connection.close();
    assert.ok(beats >= 2);
  });
});
