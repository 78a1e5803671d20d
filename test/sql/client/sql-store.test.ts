import assert from "node:assert/strict";
import type { DialectName } from "../../../nodes/sql/client/protocol";
import { isConnectorError } from "../../../nodes/common/errors";
import { DatabaseClient } from "../../../nodes/sql/client/database-client";
import { createTable, SqlStore, STORE_TABLE } from "../../../nodes/sql/client/sql-store";
import { ENGINES, SETTINGS, type TestEngine } from "./engines";

const unavailable = (error: unknown): true => {
  assert.ok(isConnectorError(error), String(error));
  assert.deepEqual([error.code, error.scope], ["STORE_UNAVAILABLE", "system"]);
  return true;
};

for (const { name, start } of ENGINES) {
  describe(`The store in ${name}`, function () {
    this.timeout(60_000);
    let engine: TestEngine;
    const clients: DatabaseClient[] = [];
    const open = (): SqlStore => {
      const client = new DatabaseClient(engine.options);
      clients.push(client);
      return new SqlStore(client);
    };
    let store: SqlStore;
    let other: SqlStore;

    before(async () => {
      engine = await start();
      await engine.execute(`drop table if exists ${STORE_TABLE}`);
      store = open();
      other = open();
    });
    after(async () => {
      await Promise.all(clients.map((client) => client.close()));
      await engine.execute(`drop table if exists ${STORE_TABLE}`);
      engine.close();
    });

    it("knows nothing at first, and makes no table to find that out", async () => {
      assert.equal(await store.read("a"), undefined);
      await store.remove("a");
      await assert.rejects(engine.rows(`select * from ${STORE_TABLE}`));
    });

    it("makes its table when two processes write at once, and loses neither", async () => {
      await Promise.all([store.write("one", 1), other.write("two", 2)]);
      assert.deepEqual([await other.read("one"), await store.read("two")], [1, 2]);
    });

    it("gives back what was written, to another process as well", async () => {
      const value = { offset: 7, text: "quote ' \" \\ é 🙂", big: "9007199254740993", list: [null, true, 1.5], long: "x".repeat(20_000) };
      await store.write("sql-read/a b/Tä", value);
      assert.deepEqual(await store.read("sql-read/a b/Tä"), value);
      assert.deepEqual(await other.read("sql-read/a b/Tä"), value);
    });

    it("keeps the last of many writes, and reads it while it is still being written", async () => {
      const writes = Array.from({ length: 50 }, (_, index) => store.write("a", index));
      assert.equal(await store.read("a"), 49);
      await Promise.all(writes);
      assert.equal(await other.read("a"), 49);
    });

    it("takes no two keys for one that differ in case, accents, blanks or only far behind", async () => {
      const keys = ["key", "Key", "kéy", "key ", `${"k".repeat(1000)}1`, `${"k".repeat(1000)}2`];
      await Promise.all(keys.map((key, index) => store.write(key, index)));
      assert.deepEqual(await Promise.all(keys.map((key) => other.read(key))), keys.map((_key, index) => index));
    });

    it("keeps one whole value when two processes write the same key at once", async () => {
      for (let turn = 0; turn < 5; turn += 1) await Promise.all([store.write("shared", `one ${turn}`), other.write("shared", `other ${turn}`)]);
      assert.match(String(await store.read("shared")), /^(one|other) 4$/);
    });

    it("forgets what is removed, and may be told so twice", async () => {
      await store.write("gone", 1);
      await Promise.all([store.remove("gone"), other.remove("gone")]);
      assert.equal(await store.read("gone"), undefined);
    });

    it("tells when what is there cannot be read", async () => {
      await store.write("broken", 1);
      await engine.execute(`update ${STORE_TABLE} set value = '{' where name = 'broken'`);
      await assert.rejects(store.read("broken"), unavailable);
    });
  });
}

describe("The store in a database", () => {
  it("tells when the database is away, and takes no closed connection for an empty store", async () => {
    const client = new DatabaseClient({ ...SETTINGS, engine: "sqlite", file: "/no/such/folder/x.db" }, 0);
    const store = new SqlStore(client);
    await assert.rejects(store.read("a"), unavailable);
    await assert.rejects(store.write("a", 1), unavailable);
    await client.close();
    await assert.rejects(store.read("a"), unavailable);
  });

  it("has text for long values in every dialect", () => {
    const types = Object.fromEntries(
      (["sqlserver", "oracle", "db2", "generic"] satisfies DialectName[]).map((dialect) => [dialect, /value (.*?) not null/.exec(createTable(dialect))?.[1]]),
    );
    assert.deepEqual(types, { sqlserver: "nvarchar(max)", oracle: "clob", db2: "clob(16M)", generic: "varchar(4000)" });
  });
});
