import assert from "node:assert/strict";
import type { DatabaseConnection } from "../../../../nodes/sql/client/child/backend";
import { dialectNamed } from "../../../../nodes/sql/client/dialect";
import type { WriteRequest } from "../../../../nodes/sql/client/protocol";
import { TableCatalogue } from "../../../../nodes/sql/client/writing/table-catalogue";

describe("The columns of a table", () => {
  it("are understood also when the database makes upper case of every name", async () => {
    const rows = [{ NAME: "ID", TYPE: "INTEGER" }, { NAME: "DEVICE", TYPE: "VARCHAR" }];
    const connection = { query: async () => ({ rows, rowsAffected: -1, columns: [] }) } as unknown as DatabaseConnection;
    const request: WriteRequest = { table: "readings", mode: "update", keys: ["id"], mapped: true, rows: [] };
    const catalogue = new TableCatalogue(dialectNamed("generic"));
    assert.deepEqual(await catalogue.columns(connection, request, ["device", "ID"]), [{ name: "DEVICE", type: "varchar" }, { name: "ID", type: "integer" }]);
    assert.deepEqual((await catalogue.table(connection, request)).keys, ["ID"]);
  });

  it("are looked up again after a minute, because the type of one may have changed", async () => {
    let type = "timestamp with time zone";
    let asked = 0;
    const query = async (): Promise<object> => {
      asked += 1;
      return { rows: [{ name: "at", type }], rowsAffected: -1, columns: [] };
    };
    const connection = { query } as unknown as DatabaseConnection;
    const request: WriteRequest = { table: "readings", mode: "insert", keys: [], mapped: true, rows: [] };
    const catalogue = new TableCatalogue(dialectNamed("postgresql"));
    const typeNow = async (): Promise<unknown> => (await catalogue.columns(connection, request, ["at"]))[0]?.type;
    const now = performance.now.bind(performance);
    try {
      assert.equal(await typeNow(), type);
      type = "timestamp without time zone";
      assert.deepEqual([await typeNow(), asked], ["timestamp with time zone", 1]);
      performance.now = () => now() + 60_000;
      assert.deepEqual([await typeNow(), asked], [type, 2]);
    } finally {
      performance.now = now;
    }
  });
});
