import assert from "node:assert/strict";
import type { DatabaseConnection } from "../../../nodes/sql/client/backend";
import { dialectNamed } from "../../../nodes/sql/client/dialect";
import type { WriteRequest } from "../../../nodes/sql/client/protocol";
import { TableCatalogue } from "../../../nodes/sql/client/table-catalogue";

describe("The columns of a table", () => {
  it("are understood also when the database makes upper case of every name", async () => {
    const rows = [{ NAME: "ID", TYPE: "INTEGER" }, { NAME: "DEVICE", TYPE: "VARCHAR" }];
    const connection = { query: async () => ({ rows, rowsAffected: -1, columns: [] }) } as unknown as DatabaseConnection;
    const request: WriteRequest = { table: "readings", mode: "update", keys: ["id"], mapped: true, rows: [] };
    const catalogue = new TableCatalogue(dialectNamed("generic"));
    assert.deepEqual(await catalogue.columns(connection, request, ["device", "ID"]), [{ name: "DEVICE", type: "varchar" }, { name: "ID", type: "integer" }]);
    assert.deepEqual((await catalogue.table(connection, request)).keys, ["ID"]);
  });
});
