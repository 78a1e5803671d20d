import assert from "node:assert/strict";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { sharedPostgres } from "../../services/shared";
import { SETTINGS } from "./engines";

/** With ten, a cursor of `query` ends the process in every other run. */
const CONNECTIONS = 10;

describe("many short queries at once", function () {
  this.timeout(60_000);

  it("end no process (npm odbc frees the cursor of a query on another thread)", async () => {
    const server = await sharedPostgres();
    const database = new DatabaseClient({ ...SETTINGS, connectionString: server.connectionString, credentials: server, poolSize: CONNECTIONS });
    const poll = async (left: { count: number }): Promise<void> => {
      while (left.count > 0) {
        left.count -= 1;
        const { cursor } = await database.openCursor({ sql: "select i, 'n' || i as name from generate_series(1, 5) i where i <> :n", values: { n: left.count }, fetchSize: 10 });
        await database.fetch(cursor);
        await database.closeCursor(cursor);
      }
    };
    const left = { count: 2000 };
    try {
      await Promise.all(Array.from({ length: CONNECTIONS }, () => poll(left)));
    } finally {
      await database.close();
    }
    assert.equal(left.count, 0);
  });
});
