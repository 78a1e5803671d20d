import assert from "node:assert/strict";
import { OdbcBackend } from "../../../../nodes/sql/client/odbc/odbc-backend";
import type { DatabaseConnection } from "../../../../nodes/sql/client/child/backend";

/** A driver whose connection can break without a word: every call goes well. */
const handle = {
  connected: true,
  query: (...given: unknown[]): Promise<object> => {
    assert.equal(given.length, 2, "npm odbc frees the cursor of a query on another thread: only a statement's will do");
    return Promise.resolve(rows([{ id: 1 }]));
  },
  createStatement: (): Promise<object> => Promise.resolve({ ...statement }),
  beginTransaction: () => Promise.resolve(),
  commit: () => Promise.resolve(),
  rollback: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
const statement = {
  prepare: () => Promise.resolve(),
  execute: () => Promise.resolve({ fetch: () => Promise.resolve(rows([])), close: () => Promise.resolve() }),
  close: () => Promise.resolve(),
};
const rows = (found: object[]): object => Object.assign([...found], { count: found.length, columns: [] });

describe("A driver that loses its connection in silence", () => {
  const file = require.resolve("odbc");
  const original = require.cache[file];
  let connection: DatabaseConnection;
  let reading: DatabaseConnection;

  before(async () => {
    require.cache[file] = { exports: { connect: () => Promise.resolve(handle) } } as never;
    const options = { engine: "odbc", connectionString: "", dialect: "postgresql", loginTimeout: 1000, queryTimeout: 1000 } as const;
    const backend = new OdbcBackend(options as never, (reason) => assert.fail(reason));
    [connection, reading] = [await backend.connect(), await backend.connect("read")];
  });
  after(() => {
    if (original) require.cache[file] = original;
    else delete require.cache[file];
  });
  beforeEach(() => (handle.connected = true));

  const lost = { name: "ConnectorError", code: "DATABASE_UNAVAILABLE" };

  it("has not certainly committed anything, whatever its commit says", async () => {
    await connection.begin();
    await connection.query("insert");
    handle.connected = false;
    await assert.rejects(connection.commit(), lost);
  });

  it("has no result worth believing", async () => {
    handle.connected = false;
    await assert.rejects(connection.query("insert"), lost);
  });

  it("has no end of data", async () => {
    const cursor = await reading.cursor("select", [], 10);
    assert.equal((await cursor.fetch()).length, 0);
    handle.connected = false;
    await assert.rejects(cursor.fetch(), lost);
  });

  it("is trusted as long as its connection exists", async () => {
    assert.equal((await connection.query("insert")).rows.length, 1);
    await connection.commit();
  });
});
