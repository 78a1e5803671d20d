import assert from "node:assert/strict";
import { ConnectorError } from "../../../nodes/common/errors";
import type { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { toData, type WriteMode, type WriteRequest } from "../../../nodes/sql/client/protocol";
import { TableWork } from "../../../nodes/sql/write/table-work";

describe("The rows of a batch", () => {
  /** The ids of rows in the order they were written, and what became of each message. */
  async function written(mode: WriteMode, ids: number[], keys = ["id"]): Promise<{ order: unknown[]; ends: string[] }> {
    const order: unknown[] = [];
    const write = async ({ rows }: WriteRequest): Promise<unknown[]> =>
      rows.map(({ values: [id] }) => {
        order.push(id);
        return id === 2 ? toData(new ConnectorError("ROW_REFUSED", "two")) : null;
      });
    const database = { concurrency: 1, write } as unknown as DatabaseClient;
    const work = new TableWork({ database, mode, table: "t", keys, columns: [], duplicateIsSuccess: false, zeroRowsIsError: false });
    const results = await work.write(ids.map((id) => work.prepare({ payload: { id, name: "n" } }) as never));
    return { order, ends: results.map((result) => (result.ok ? "stored" : result.error.message)) };
  }

  it("are written in the order of their keys where they may go one by one, lest two who write the same ones lock each other out, and each message has its own row's fate", async () => {
    for (const mode of ["update", "delete", "ignore"] as const) assert.deepEqual(await written(mode, [3, 1, 2]), { order: [1, 2, 3], ends: ["stored", "stored", "two"] }, mode);
  });

  it("are else inserted in the order they came", async () => {
    for (const [mode, keys] of [["insert", []], ["upsert", ["id"]], ["ignore", []]] as const) {
      assert.deepEqual(await written(mode, [3, 1, 2], [...keys]), { order: [3, 1, 2], ends: ["stored", "stored", "two"] }, mode);
    }
  });
});
