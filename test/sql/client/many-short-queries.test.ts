import assert from "node:assert/strict";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { SETTINGS } from "./engines";

describe("many short queries at once", function () {
  this.timeout(60_000);

  it("end no process (npm odbc frees the cursor of a query on another thread)", async () => {
    const database = new DatabaseClient({ ...SETTINGS, connectionString: "Driver={SQLite3};Database=:memory:" }); // the quickest there is: most cursors a second
    const poll = async (left: { count: number }): Promise<void> => {
      while (left.count > 0) {
        left.count -= 1;
        const { cursor } = await database.openCursor({ sql: "values (:n)", values: { n: left.count }, fetchSize: 10 });
        await database.fetch(cursor);
        await database.closeCursor(cursor);
      }
    };
    const left = { count: 2000 };
    try {
      await Promise.all(Array.from({ length: SETTINGS.poolSize }, () => poll(left)));
    } finally {
      await database.close();
    }
    assert.equal(left.count, 0);
  });
});
