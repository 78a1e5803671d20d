import assert from "node:assert/strict";
import { ConnectorError } from "../../../../nodes/common/errors";
import type { DatabaseConnection } from "../../../../nodes/sql/client/child/backend";
import { dialectNamed } from "../../../../nodes/sql/client/dialect";
import { TableWriter } from "../../../../nodes/sql/client/writing/table-writer";

/** A PostgreSQL table of one column that has these keys already, and the statements it was asked to run. */
class KeyTable {
  readonly asked: string[] = [];

  constructor(private readonly keys: Set<number>) {}

  get connection(): DatabaseConnection {
    const ask = (what: string) => () => Promise.resolve(void this.asked.push(what));
    return {
      alive: true,
      query: (sql, parameters = []) => (sql.startsWith("select") ? Promise.resolve({ rows: [{ name: "id", type: "integer" }], rowsAffected: -1, columns: [] }) : this.insert(sql, parameters[0] as string)),
      cursor: () => assert.fail("nothing is read"),
      begin: ask("begin"),
      commit: ask("commit"),
      rollback: ask("rollback"),
      close: ask("close"),
    };
  }

  private insert(sql: string, json: string): ReturnType<DatabaseConnection["query"]> {
    const rows = (JSON.parse(json) as { id: number }[]).map(({ id }) => id);
    const lenient = sql.includes("on conflict do nothing");
    this.asked.push(`${lenient ? "unless there" : "insert"} ${rows.length}`);
    const fresh = rows.filter((id) => !this.keys.has(id));
    if (lenient || fresh.length === rows.length) return Promise.resolve({ rows: [], rowsAffected: fresh.length, columns: [] });
    return Promise.reject(new ConnectorError("ROW_REFUSED", "duplicate key", { details: { state: "23505" } }));
  }
}

describe("A batch of inserts with duplicates that count as success", () => {
  const insert = async (there: number[], rows: number[]): Promise<string> => {
    const table = new KeyTable(new Set(there));
    const columns = ["id"];
    const request = { table: "t", mode: "insert", keys: [], mapped: true, duplicateIsSuccess: true, rows: rows.map((id) => ({ columns, values: [id] })) } as const;
    const outcomes = await new TableWriter(dialectNamed("postgresql")).write(table.connection, request);
    assert.deepEqual(outcomes, rows.map((id) => (there.includes(id) ? { rowsAffected: 0, duplicate: true } : null)));
    return table.asked.join(", ");
  };

  it("takes one statement when none is there", async () => {
    assert.equal(await insert([], [1, 2, 3, 4]), "insert 4");
  });

  it("takes one more when all are, as after a crash", async () => {
    assert.equal(await insert([1, 2, 3, 4], [1, 2, 3, 4]), "insert 4, rollback, begin, unless there 4, commit");
  });

  it("goes row by row when some of few are, since only so each tells", async () => {
    assert.equal(
      await insert([2], [1, 2, 3]),
      "insert 3, rollback, begin, unless there 3, rollback, begin, unless there 1, unless there 1, unless there 1, commit",
    );
  });

  it("halves more of them until they are few", async () => {
    const rows = Array.from({ length: 40 }, (_, id) => id);
    assert.equal(
      await insert(rows.slice(0, 20), rows),
      "insert 40, rollback, begin, unless there 40, rollback, begin, unless there 20, commit, begin, unless there 20, commit",
    );
  });
});
