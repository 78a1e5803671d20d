import assert from "node:assert/strict";
import fs, { mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ConnectorError } from "../../../../nodes/common/errors";
import { DatabaseClient } from "../../../../nodes/sql/client/database-client";
import { fromData } from "../../../../nodes/sql/client/protocol";
import { SqliteBackend } from "../../../../nodes/sql/client/sqlite/sqlite-backend";
import { SETTINGS } from "../engines";

/** What an operator does to the file while it is open. */
const DEEDS: Record<string, (file: string) => void> = {
  "deletes it, to begin anew": (file) => rmSync(file),
  "deletes it and what stands beside it": (file) => ["", "-wal", "-shm"].forEach((ending) => rmSync(file + ending)),
  "puts a backup in its place": (file) => {
    make(`${file}.backup`);
    renameSync(`${file}.backup`, file);
  },
};

function make(file: string): void {
  const database = new DatabaseSync(file);
  database.exec("create table t (id integer primary key, name text)");
  database.close();
}

describe("The file of the embedded SQLite", function () {
  let folder: string;
  let file: string;
  let client: DatabaseClient;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "surewire-file-"));
    file = path.join(folder, "plant.db");
    make(file);
    client = new DatabaseClient({ ...SETTINGS, engine: "sqlite", file });
  });
  afterEach(async () => {
    await client.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const insert = (ids: number[]): Promise<unknown> =>
    client.write({ table: "t", mode: "insert", keys: [], mapped: false, rows: ids.map((id) => ({ columns: ["id", "name"], values: [id, `n${id}`] })) });
  async function run(...statements: string[]): Promise<void> {
    const [outcome] = await client.execute({ transactions: [{ statements: statements.map((sql) => ({ sql, values: {} })) }], maxRows: 10 });
    if (outcome && "error" in outcome) throw fromData(outcome.error);
  }
  const isLeft = ({ code, message }: ConnectorError): boolean => code === "DATABASE_UNAVAILABLE" && message.includes(`${file} was deleted or replaced`);
  async function read(): Promise<unknown[]> {
    const { cursor } = await client.openCursor({ sql: "select id from t", values: {}, fetchSize: 10 });
    const { rows } = await client.fetch(cursor);
    await client.closeCursor(cursor);
    return rows;
  }
  function inTheFile(name = file): unknown[] {
    const database = new DatabaseSync(name);
    try {
      assert.equal(Object.values(database.prepare("pragma integrity_check").get() ?? {})[0], "ok");
      return database.prepare("select id from t order by id").all().map(({ id }) => id);
    } finally {
      database.close();
    }
  }

  for (const [deed, does] of Object.entries(DEEDS)) {
    it(`is opened anew when somebody ${deed}: nothing is said to be stored in the one that is gone`, async () => {
      await insert([1, 2]);
      does(file);
      await assert.rejects(insert([3]), isLeft);
      await run("create table if not exists t (id integer primary key, name text)");
      await insert([3]);
      assert.deepEqual(inTheFile(), [3]);
    });
  }

  it("is opened anew without the log of the one before, which is kept for whom it was moved away by", async () => {
    await insert([1, 2]);
    const moved = path.join(folder, "moved.db");
    renameSync(file, moved);
    const error = await insert([3]).catch((thrown: unknown) => thrown as ConnectorError);
    const log = /is kept as (.*)$/.exec((error as ConnectorError).message)?.[1] ?? "";
    renameSync(log, `${moved}-wal`);
    assert.deepEqual(inTheFile(moved), [1, 2, 3]);
  });

  it("is opened anew without the log of the one before, though it is found by a link", async () => {
    const link = path.join(folder, "link.db");
    symlinkSync(file, link);
    await client.close();
    client = new DatabaseClient({ ...SETTINGS, engine: "sqlite", file: link });
    await insert([1, 2]);
    DEEDS["puts a backup in its place"]?.(file);
    await assert.rejects(insert([3]), /write-ahead log of the one before is kept as .*plant\.db-wal\.\d+$/);
    await insert([3]);
    assert.deepEqual(inTheFile(), [3]);
  });

  it("is opened anew though another process has not noticed yet", async () => {
    await insert([1, 2]);
    const other = new DatabaseSync(file);
    try {
      other.exec("insert into t values (3, 'x')");
      DEEDS["puts a backup in its place"]?.(file);
      await assert.rejects(insert([4]), isLeft);
      await insert([4]);
    } finally {
      other.close();
    }
    assert.deepEqual(inTheFile(), [4]);
  });

  it("is not opened anew while the log of the one before is in the way: its pages would go into the new one", async () => {
    const backend = new SqliteBackend({ file });
    const connection = await backend.connect();
    await connection.query("insert into t values (1, 'a')");
    DEEDS["puts a backup in its place"]?.(file);
    const { renameSync: rename } = fs;
    const stays = { code: "DATABASE_UNAVAILABLE", message: /in the way: EACCES/ };
    try {
      fs.renameSync = () => {
        throw new Error("EACCES");
      };
      await assert.rejects(connection.query("insert into t values (2, 'b')"), stays);
      await assert.rejects(backend.connect(), stays);
    } finally {
      fs.renameSync = rename;
    }
    const next = await backend.connect();
    await next.query("insert into t values (2, 'b')");
    await next.close();
    assert.deepEqual(inTheFile(), [2]);
  });

  it("is opened anew by a transaction that ends in the one before", async () => {
    await insert([1]);
    DEEDS["puts a backup in its place"]?.(file);
    await assert.rejects(run("insert into t values (2, 'a')", "insert into t values (3, 'b')"), isLeft);
    await run("insert into t values (2, 'a')", "insert into t values (3, 'b')");
    assert.deepEqual(inTheFile(), [2, 3]);
  });

  it("is opened again by a reader", async () => {
    await insert([1]);
    await read();
    DEEDS["puts a backup in its place"]?.(file);
    await assert.rejects(read(), isLeft);
    await insert([7]);
    assert.deepEqual(inTheFile(), [7]);
  });

  for (const [engine, options] of Object.entries({ "the embedded SQLite": () => ({ engine: "sqlite" as const, file }), "SQLite over ODBC": () => ({ connectionString: `Driver={SQLite3};Database=${file}` }) })) {
    it(`is opened anew when it may not be written to, since somebody may have given the right by then: ${engine}`, async () => {
      await client.close();
      client = new DatabaseClient({ ...SETTINGS, ...options() });
      await run("pragma query_only = on"); // as of a file that could only be read when it was opened
      await assert.rejects(insert([1]), { code: "DATABASE_REFUSED" });
      await insert([1]);
      await run("pragma query_only = on");
      await assert.rejects(run("insert into t values (2, 'a')"), { code: "DATABASE_REFUSED" });
      await run("insert into t values (2, 'a')");
      assert.deepEqual(inTheFile(), [1, 2]);
    });
  }
});
