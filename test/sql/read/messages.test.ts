import assert from "node:assert/strict";
import { rowMessage, rowsMessage } from "../../../nodes/sql/read/messages";
import type { Row, RowValue } from "../../../nodes/sql/client/protocol";

describe("what is read of rows", () => {
  const names = ["id", "bytes"];
  const columns = { names, rowOf: (values: readonly RowValue[]): Row => Object.fromEntries(names.map((name, index) => [name, values[index] as RowValue])) };
  const row = [1, Buffer.from([1, 2, 3, 255])];

  it("is the same for each attempt, though the flow has changed bytes in place", () => {
    for (const payload of [() => rowMessage(columns, row).payload, () => rowsMessage(columns, [row]).payload[0] as Row]) {
      (payload().bytes as Buffer).swap16();
      assert.deepEqual(payload(), { id: 1, bytes: Buffer.from([1, 2, 3, 255]) });
    }
  });
});
