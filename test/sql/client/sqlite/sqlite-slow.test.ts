import assert from "node:assert/strict";
import type { ConnectorError } from "../../../../nodes/common/errors";
import { DatabaseClient } from "../../../../nodes/sql/client/database-client";
import { fromData, type Purpose } from "../../../../nodes/sql/client/protocol";
import { SETTINGS } from "../engines";

const counting = (to: string): string => `with recursive n(i) as (select 1 union all select i + 1 from n ${to}) select count(*) from n`;
const FOR_EVER = counting("");
const A_WHILE = counting("where i < 100000");

describe("A statement of the embedded SQLite that never ends", () => {
  /** What became of statements that are asked for at once. */
  async function ask(statements: [sql: string, purpose?: Purpose][]): Promise<string[]> {
    const client = new DatabaseClient({ ...SETTINGS, engine: "sqlite", file: ":memory:", queryTimeout: 300 });
    const run = async ([sql, purpose]: [string, Purpose?]): Promise<string> => {
      const [outcome] = await client.execute({ transactions: [{ statements: [{ sql, values: {} }] }], maxRows: 10, ...(purpose ? { purpose } : {}) });
      return outcome && "error" in outcome ? fromData(outcome.error).code : "done";
    };
    try {
      await client.ping();
      return await Promise.all(statements.map((statement) => run(statement).catch((error: unknown) => (error as ConnectorError).code)));
    } finally {
      await client.close();
    }
  }

  it("is the only one to blame: what came after it, and waits, has only met an outage", async () => {
    assert.deepEqual(await ask([["select 1"], [FOR_EVER], ["select 2"], [A_WHILE]]), ["done", "DATABASE_BUSY", "DATABASE_UNAVAILABLE", "DATABASE_UNAVAILABLE"]);
  });

  it("is also the only one to blame if it has overtaken earlier ones", async () => {
    const [, , earlier, slow] = await ask([[A_WHILE], [A_WHILE], [A_WHILE], [FOR_EVER, "store"]]);
    assert.equal(slow, "DATABASE_BUSY");
    assert.notEqual(earlier, slow);
  });
});
