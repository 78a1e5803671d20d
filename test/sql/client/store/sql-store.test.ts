import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { DialectName, ExecuteRequest, TransactionOutcome } from "../../../../nodes/sql/client/protocol";
import { ConnectorError, isConnectorError } from "../../../../nodes/common/errors";
import { Lease } from "../../../../nodes/common/lease";
import type { SharedStore } from "../../../../nodes/common/store";
import { DatabaseClient } from "../../../../nodes/sql/client/database-client";
import { SqlStore } from "../../../../nodes/sql/client/store/sql-store";
import { createTable, STORE_TABLE } from "../../../../nodes/sql/client/store/store-table";
import { entriesOf, itIsShared, itSettlesRaces } from "../../../common/shared-store";
import { remains, waitFor } from "../../../services/wait";
import { ENGINES, SETTINGS, type TestEngine } from "../engines";

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
    /** One in either process, in turn. */
    const open = (): SqlStore => {
      clients.reverse();
      return new SqlStore(clients[0] as DatabaseClient);
    };
    let store: SqlStore;
    let other: SqlStore;

    before(async () => {
      engine = await start();
      await engine.execute(`drop table if exists ${STORE_TABLE}`);
      clients.push(new DatabaseClient(engine.options), new DatabaseClient(engine.options));
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

    it("distinguishes keys that differ only in case, accents, blanks or far behind their beginning", async () => {
      const keys = ["key", "Key", "kéy", "key ", `${"k".repeat(1000)}1`, `${"k".repeat(1000)}2`];
      await Promise.all(keys.map((key, index) => store.write(key, index)));
      assert.deepEqual(await Promise.all(keys.map((key) => other.read(key))), keys.map((_key, index) => index));
    });

    it("keeps one whole value when two processes write the same key at once", async () => {
      for (let turn = 0; turn < 5; turn += 1) await Promise.all([store.write("shared", `one ${turn}`), other.write("shared", `other ${turn}`)]);
      assert.match(String(await store.read("shared")), /^(one|other) 4$/);
    });

    it("forgets what is removed, and can be told twice", async () => {
      await store.write("gone", 1);
      await Promise.all([store.remove("gone"), other.remove("gone")]);
      assert.equal(await store.read("gone"), undefined);
    });

    itIsShared(open);
    itSettlesRaces(open);

    it("returns all entries in pages, each once", async () => {
      const keys = Array.from({ length: 503 }, (_, index) => `page/${index}`);
      await store.write("page", "not one of them");
      await store.write(keys[0] as string, 0); // by the store, the others as many at once as are quick
      const rows = keys.slice(1).map((key, index) => `('${createHash("sha256").update(key).digest("hex")}', '${key}', '${index + 1}', 7, '${"0".repeat(36)}', '')`);
      for (let from = 0; from < rows.length; from += 400) await engine.execute(`insert into ${STORE_TABLE} (id, name, value, fence, stamp, updated) values ${rows.slice(from, from + 400).join(", ")}`);
      const pages: number[] = [];
      const found = new Map<string, unknown>();
      for await (const page of other.entries("page/")) {
        pages.push(page.length);
        for (const { key, value } of page) found.set(key, value);
      }
      assert.deepEqual(pages, [500, 3]);
      assert.deepEqual(keys.map((key) => found.get(key)), keys.map((_key, index) => index));
    });

    it("hands a lease from one process to the other, never to both, and refuses who lost it", async () => {
      const leases: Lease[] = [];
      let atOnce = 0;
      const held = (): (number | undefined)[] => leases.map((lease) => lease.fence);
      const join = (own: SharedStore): void => {
        const onHeld = (): void => void (atOnce = Math.max(atOnce, held().filter((fence) => fence !== undefined).length));
        leases.push(new Lease({ store: own, key: "lease", time: 400, onHeld, onLost: () => undefined, warn: () => undefined }));
        leases.at(-1)?.start();
      };
      let cut = false;
      join(cutOff(store, () => cut));
      const first = await waitFor("the first holder", () => held()[0], { interval: 5 });
      assert.equal(await store.writeFenced("led", "first", first), true);
      join(other);
      cut = true;
      const second = await waitFor("the standby", () => held()[1], { interval: 5 });
      assert.ok(second > first);
      assert.equal(await other.writeFenced("led", "second", second), true);
      assert.equal(await store.writeFenced("led", "first again", first), false);
      cut = false;
      await leases[1]?.close();
      assert.ok((await waitFor("who was cut off", () => held()[0], { interval: 5 })) > second);
      await leases[0]?.close();
      assert.equal(atOnce, 1);
    });

    it("tells when what is there cannot be read", async () => {
      await store.write("broken", 1);
      await engine.execute(`update ${STORE_TABLE} set value = '{' where name = 'broken'`);
      await assert.rejects(store.read("broken"), unavailable);
    });

    it("says what to do with a table that another version has made, and touches nothing in it", async () => {
      await engine.execute(`drop table ${STORE_TABLE}`);
      await engine.execute(`create table ${STORE_TABLE} (id char(64) not null primary key, name varchar(400), value varchar(100) not null, updated varchar(30) not null)`);
      const told = (error: unknown): boolean => unavailable(error) && /drop or rename it/i.test((error as Error).message);
      await assert.rejects(store.read("old"), told);
      await assert.rejects(store.write("old", 1), told);
      await assert.rejects(store.writeFenced("old", 1, 1), told);
      await assert.rejects(store.swap("old", 1, 1, undefined), told);
      await engine.execute(`drop table ${STORE_TABLE}`);
      assert.equal(await store.readFenced("old"), undefined);
      assert.deepEqual(await entriesOf(store, "old"), []);
      assert.equal(await store.swap("old", 1, 1, undefined), true);
    });
  });
}

/** A store that cannot be reached now and then. */
function cutOff(store: SharedStore, isCut: () => boolean): SharedStore {
  return new Proxy(store, {
    get: (target, name) => (isCut() ? () => Promise.reject(new Error("cut off")) : (Reflect.get(target, name) as () => unknown).bind(target)),
  });
}

/** Loses answers: what was asked is done, and nobody hears of it. */
class LosingClient extends DatabaseClient {
  /** Of which calls it loses the answer next: a word that one of their statements begins with. */
  losing: string[] = [];

  override async execute(request: ExecuteRequest): Promise<TransactionOutcome[]> {
    const outcomes = await super.execute(request);
    const verbs = request.transactions[0]?.statements.map(({ sql }) => sql.split(" ")[0]);
    if (!verbs?.includes(this.losing[0] ?? "")) return outcomes;
    this.losing.shift();
    throw new ConnectorError("DATABASE_UNAVAILABLE", "The connection broke");
  }
}

describe("The store in a database that is busy", function () {
  this.timeout(60_000);
  let engine: TestEngine;
  let client: DatabaseClient;
  let store: SqlStore;
  const leases: Lease[] = [];

  async function open(name: string): Promise<void> {
    engine = (await ENGINES.find((one) => one.name === name)?.start()) as TestEngine;
    client = new DatabaseClient({ ...engine.options, poolSize: 1 });
    store = new SqlStore(client);
    await engine.execute(`drop table if exists ${STORE_TABLE}`);
  }
  afterEach(async () => {
    await Promise.all(leases.splice(0).map((lease) => lease.close()));
    await client.close();
    await engine.execute(`drop table if exists ${STORE_TABLE}`);
    engine.close();
  });

  const beat = async (): Promise<number> => Number(((await store.read("lease")) as { beat?: number } | undefined)?.beat ?? -1);

  it("keeps a lease while a statement has the only connection of the pool", async () => {
    await open("PostgreSQL over ODBC");
    const lost: unknown[] = [];
    let isRunning = true;
    const sleep = "select pg_sleep(50) as busy_for_long";
    const running = client.execute({ transactions: [{ statements: [{ sql: sleep, values: {} }] }], maxRows: 1 }).finally(() => (isRunning = false));
    const ids = (): Promise<Record<string, string | null>[]> => engine.rows("select pid from pg_stat_activity where query like '%busy_for_long%' and pid <> pg_backend_pid() and state = 'active'");
    const [busy] = await waitFor("the statement", async () => ((await ids()).length > 0 ? ids() : undefined));
    leases.push(new Lease({ store, key: "lease", time: 4_500, onHeld: () => undefined, onLost: (error) => lost.push(error), warn: () => undefined }));
    leases[0]?.start();
    await waitFor("signs of life", async () => (await beat()) >= 2, { timeout: 30_000 });
    assert.deepEqual([isRunning, lost], [true, []]);
    await engine.rows(`select pg_cancel_backend(${busy?.pid})`);
    await running;
  });

  it("goes before what waits for the one connection of the embedded SQLite", async () => {
    await open("embedded SQLite");
    await store.write("first", 1);
    const order: string[] = [];
    const busy = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000) select count(*) from n";
    const statements = Array.from({ length: 8 }, async (_, index) => {
      await client.execute({ transactions: [{ statements: [{ sql: busy, values: {} }] }], maxRows: 1 });
      order.push(`statement ${index}`);
    });
    const read = store.read("first").then(() => order.push("store"));
    await Promise.all([...statements, read]);
    assert.ok(order.indexOf("store") <= 4, order.join()); // a busy machine may take a while to hand over all of them
  });

  it("waits for another process that writes to the same SQLite, and then has it written", async () => {
    await open("embedded SQLite");
    await store.write("first", 1);
    await engine.execute("begin immediate");
    let isWritten = false;
    const written = store.swap("lease", "beat", 1, undefined).finally(() => (isWritten = true));
    await remains("not written", () => !isWritten, 300);
    await engine.execute("commit");
    assert.equal(await written, true);
  });
});

describe("The store in a database that loses answers", () => {
  const client = new LosingClient({ ...SETTINGS, engine: "sqlite", file: ":memory:" });
  const store = new SqlStore(client);
  before(() => store.write("first", 1));
  after(() => client.close());
  afterEach(() => assert.deepEqual(client.losing, []));

  it("knows a write of its own again, and does not take it for another's", async () => {
    client.losing = ["insert"];
    assert.equal(await store.swap("lease", "one", 1, undefined), true);
    client.losing = ["update"];
    assert.equal(await store.swap("lease", "two", 2, 1), true);
    client.losing = ["update"];
    assert.equal(await store.writeFenced("lease", "three", 3), true);
    client.losing = ["insert"];
    assert.equal(await store.writeFenced("position", "four", 4), true);
    client.losing = ["insert"];
    await store.write("plain", "five");
    assert.deepEqual([await store.read("lease"), await store.read("position"), await store.read("plain")], ["three", "four", "five"]);
  });

  it("says that it does not know, rather than that nothing was written, when it cannot find out", async () => {
    client.losing = ["update", "update"];
    await assert.rejects(store.swap("lease", "six", 6, 3), unavailable);
    assert.deepEqual(await store.readFenced("lease"), { value: "six", fence: 6 });
  });
});

describe("The store in a database", () => {
  it("tells when the database is away, and takes no closed connection for an empty store", async () => {
    const client = new DatabaseClient({ ...SETTINGS, engine: "sqlite", file: "/no/such/folder/x.db" }, { afterRefusal: 0 });
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
