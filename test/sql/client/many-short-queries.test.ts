import assert from "node:assert/strict";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { sharedPostgres } from "../../services/shared";
import { SETTINGS } from "./engines";

describe("many short queries at once", function () {
  this.timeout(60_000);

  it("end no process (a cursor that npm odbc closes can)", async () => {
    const server = await sharedPostgres();
    const database = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: server });
    const query = { sql: "select 1 as one", values: {} };
    try {
      for (let round = 0; round < 10; round += 1) {
        const outcomes = await Promise.all(Array.from({ length: 100 }, () => database.execute({ transactions: [{ statements: [query, query] }], maxRows: 1 })));
        for (const [outcome] of outcomes) assert.ok(outcome && "results" in outcome);
      }
    } finally {
      await database.close();
    }
  });
});
