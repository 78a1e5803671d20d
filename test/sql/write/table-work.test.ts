import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import type { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { toData, type WriteMode, type WriteRequest } from "../../../nodes/sql/client/protocol";
import { TableWork } from "../../../nodes/sql/write/table-work";

describe("The rows of a batch", () => {
  /** The ids of rows in the order they were written, and what became of each message. */
  async function written(mode: WriteMode, ids: number[]): Promise<{ order: unknown[]; ends: string[] }> {
    const order: unknown[] = [];
    const write = async ({ rows }: WriteRequest): Promise<unknown[]> =>
      rows.map(({ values: [id] }) => {
        order.push(id);
        return id === 2 ? toData(new ConnectorError("ROW_REFUSED", "two")) : null;
      });
    const database = { concurrency: 1, write } as unknown as DatabaseClient;
    const work = new TableWork({ database, mode, table: "t", keys: mode === "insert" ? [] : ["id"], columns: [], duplicateIsSuccess: false, zeroRowsIsError: false });
    const results = await work.write(ids.map((id) => work.prepare({ payload: { id, name: "n" } }) as never));
    return { order, ends: results.map((result) => (result.ok ? "stored" : result.error.message)) };
  }

  it("are changed in the order of their keys, lest two who change the same ones lock each other out, and each message has its own row's fate", async () => {
    for (const mode of ["update", "delete"] as const) assert.deepEqual(await written(mode, [3, 1, 2]), { order: [1, 2, 3], ends: ["stored", "stored", "two"] }, mode);
  });

  it("are inserted in the order they came", async () => {
    for (const mode of ["insert", "upsert", "ignore"] as const) assert.deepEqual(await written(mode, [3, 1, 2]), { order: [3, 1, 2], ends: ["stored", "stored", "two"] }, mode);
  });
});
