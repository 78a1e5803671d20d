import assert from "node:assert/strict";
import type { DatabaseConnection } from "../../../../nodes/sql/client/child/backend";
import { postgresqlExact } from "../../../../nodes/sql/client/exact/postgresql";
import { lexed } from "../../../../nodes/sql/client/child/statement";

/** A server whose queries have one column of text. */
const connection = {
  query: async (sql: string) => ({
    rows: sql.includes("pg_typeof") ? [{ types: "{25}" }] : [{ oid: "25", base: "25", name: "text" }],
    columns: [{ name: "words" }],
  }),
} as unknown as DatabaseConnection;

describe("Rows of PostgreSQL, as JSON", () => {
  it("are read also where all of a page is longer than a string can be", async () => {
    const exact = await postgresqlExact(connection, { sql: "select words from t", parameters: [] }, lexed("select words from t", "postgresql"));
    const row = [`["x"${" ".repeat(10_000_000)}]`];
    assert.deepEqual(exact?.decode(new Array<string[]>(60).fill(row), []), new Array<string[]>(60).fill(["x"]));
  });
});
