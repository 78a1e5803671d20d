import assert from "node:assert/strict";
import type { DatabaseClient } from "../../../nodes/sql/client/database-client";
import type { RowOutcome, WriteRequest } from "../../../nodes/sql/client/protocol";
import { MessageIds } from "../../../nodes/sql/write/message-ids";
import { TableWork } from "../../../nodes/sql/write/table-work";
import { waitFor } from "../../services/wait";

describe("The parts of a message that all have its id", () => {
  /** A table with an inbox, whose answers come when they are let go. */
  const seen = new Set<string>();
  const held: (() => void)[] = [];
  const database = {
    concurrency: 3,
    write: async ({ rows }: WriteRequest): Promise<RowOutcome[]> => {
      const outcomes = rows.map(({ id = "" }) => (seen.has(id) ? { rowsAffected: 0, duplicate: true as const } : (seen.add(id), null)));
      await new Promise<void>((resolve) => held.push(resolve));
      return outcomes;
    },
  } as unknown as DatabaseClient;
  const ids = new MessageIds((msg) => (msg as { id: string }).id, "msg.id", { table: "inbox", owner: "node", days: 30 });
  const work = new TableWork({ database, mode: "insert", table: "t", keys: [], columns: [], duplicateIsSuccess: false, zeroRowsIsError: false, ids });
  const write = async (delivery: string): Promise<string> => {
    const [result] = await work.write([work.prepare({ id: "whole", delivery: { id: delivery }, payload: { a: 1 } }) as never]);
    return result?.ok ? (result.value.duplicate ? "duplicate" : "stored") : (result?.error.code ?? "none");
  };

  it("are distinguished from copies of it, even if the answer for a later part comes first", async () => {
    const first = write("d1");
    const second = write("d1");
    await waitFor("both to be with the database", () => held.length === 2);
    held[1]?.();
    assert.equal(await second, "INPUT_INVALID");
    held[0]?.();
    assert.equal(await first, "stored");
  });

  it("do not make a copy of it an error", async () => {
    const copy = write("d2");
    const other = write("d3");
    await waitFor("both to be with the database", () => held.length === 4);
    for (const answer of held) answer();
    assert.deepEqual(await Promise.all([copy, other]), ["duplicate", "duplicate"]);
  });
});
