import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Node, NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import databaseNode = require("../../../nodes/sql/database/database");
import type { DatabaseHolder } from "../../../nodes/sql/client/database-node";
import writeNode = require("../../../nodes/sql/write/write");
import { Postgres } from "../../services/postgres";
import { waitFor } from "../../services/wait";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const catchNode = require("@node-red/nodes/core/common/25-catch.js") as typeof writeNode;

type Passed = NodeMessage & { sql?: unknown; error?: { code?: string; message: string } };
interface Spy {
  args: unknown[][];
}

helper.init(require.resolve("node-red"));

describe("The sql write node", function () {
  this.timeout(60_000);
  let folder: string;
  let file: string;
  let database: DatabaseSync;
  let passed: Passed[];
  let caught: Passed[];

  before((done) => void helper.startServer(done));
  after((done) => void helper.stopServer(done));
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "surewire-write-"));
    file = path.join(folder, "test.db");
    database = new DatabaseSync(file);
    database.exec("pragma busy_timeout = 5000; create table readings (id integer primary key, device text not null, value real default 7, at text)");
  });
  afterEach(async () => {
    await helper.unload();
    database.close();
    rmSync(folder, { recursive: true });
  });

  /** Deploys database, write, catch and two ends, and returns the write node. */
  async function deploy(settings: object = {}, db: object = { engine: "sqlite", file }, credentials: object = {}): Promise<Node> {
    const flow = [
      { id: "tab", type: "tab" },
      { id: "db", type: "surewire-sql-database", connectionString: "", dialect: "auto", ...db },
      { id: "write", z: "tab", x: 1, y: 1, type: "surewire-sql-write", database: "db", mode: "insert", table: "readings", columns: [], keys: [], batchSize: 200,
        linger: 20, wires: [["end"]], ...settings },
      { id: "catch", z: "tab", x: 1, y: 1, type: "catch", scope: ["write"], wires: [["errors"]] },
      { id: "end", z: "tab", x: 1, y: 1, type: "helper" },
      { id: "errors", z: "tab", x: 1, y: 1, type: "helper" },
    ];
    await helper.load([databaseNode, writeNode, catchNode], flow as never, { db: credentials } as never);
    passed = [];
    caught = [];
    helper.getNode("end").on("input", (msg) => void passed.push(msg));
    helper.getNode("errors").on("input", (msg) => void caught.push(msg));
    return helper.getNode("write");
  }

  const reading = (id: number, more: object = {}): NodeMessage => ({ payload: { id, device: `d${id}`, ...more } }) as NodeMessage;
  const through = (count: number) => waitFor(`${count} messages to be through`, () => passed.length + caught.length >= count);
  const stored = (sql = "select count(*) as n from readings"): object[] => database.prepare(sql).all().map((row) => ({ ...row }));
  /** As texts, or as their keys: the helper loads no catalogues. */
  const statuses = (node: Node): string[] => (node.status as unknown as Spy).args.map(([status]) => (status as { text?: string }).text ?? "");
  const pid = (): number => (helper.getNode("db") as unknown as DatabaseHolder).client.pid ?? 0;

  it("stores the payload and passes the same message on when it is committed", async () => {
    const node = await deploy();
    let storedWhenPassed: object[] = [];
    helper.getNode("end").on("input", () => (storedWhenPassed = stored()));
    node.receive({ ...reading(1, { value: 1.5, at: null }), topic: "plant", _msgid: "m1" } as NodeMessage);
    await through(1);
    assert.deepEqual(storedWhenPassed, [{ n: 1 }]);
    assert.deepEqual(stored("select * from readings"), [{ id: 1, device: "d1", value: 1.5, at: null }]);
    assert.deepEqual(passed, [{ payload: { id: 1, device: "d1", value: 1.5, at: null }, topic: "plant", _msgid: "m1", sql: { rowsAffected: 1, table: "readings", mode: "insert" } }]);
  });

  it("maps parts of the message to columns, and leaves out what is not there", async () => {
    const node = await deploy({
      columns: [
        { column: "id", value: "payload.number", valueType: "msg" },
        { column: "device", value: "topic & '!'", valueType: "jsonata" },
        { column: "value", value: "payload.nothing.here", valueType: "msg" },
        { column: "at", value: "fixed", valueType: "str" },
      ],
    });
    node.receive({ payload: { number: 3, other: true }, topic: "plant" } as NodeMessage);
    await through(1);
    assert.deepEqual(stored("select * from readings"), [{ id: 3, device: "plant!", value: 7, at: "fixed" }]);
  });

  it("stores 99 of 100 and fails the bad one, with a code and a reason", async () => {
    const node = await deploy();
    for (let id = 0; id < 100; id += 1) node.receive(reading(id, id === 42 ? { device: null } : {}));
    await through(100);
    assert.equal(passed.length, 99);
    assert.deepEqual(stored(), [{ n: 99 }]);
    assert.equal(caught[0]?.error?.code, "ROW_REFUSED");
    assert.match(caught[0].error.message, /readings.*device/);
    assert.deepEqual((caught[0].payload as { id: number }).id, 42);
  });

  it("keeps the last of several upserts of one key, in order", async () => {
    const node = await deploy({ mode: "upsert", keys: ["id"], batchSize: 7 });
    for (let turn = 0; turn < 20; turn += 1) for (const id of [1, 2, 3]) node.receive(reading(id, { value: turn }));
    await through(60);
    assert.equal(passed.length, 60);
    assert.deepEqual(stored("select id, value from readings order by id"), [1, 2, 3].map((id) => ({ id, value: 19 })));
  });

  it("fails a message without a value for the key, a payload that is no object, and a NUL character", async () => {
    const node = await deploy({ mode: "upsert", keys: ["id"] });
    node.receive({ payload: { device: "x" } } as NodeMessage);
    node.receive({ payload: "text" } as NodeMessage);
    node.receive(reading(1, { at: "a\0b" }));
    node.receive(reading(2));
    await through(4);
    assert.deepEqual(caught.map(({ error }) => error?.code), ["INPUT_INVALID", "INPUT_INVALID", "INPUT_INVALID"]);
    assert.match(caught.map(({ error }) => error?.message).join(), /"id", the key.*not an object.*at: the text contains a NUL/);
    assert.deepEqual(stored(), [{ n: 1 }]);
  });

  it("holds its messages while the table is missing, says so once, and goes on when it is there", async () => {
    const node = await deploy({ table: "later" });
    node.receive(reading(1));
    await waitFor("the status to name the table", () => statuses(node).some((text) => /later/.test(text)));
    assert.equal(passed.length + caught.length, 0);
    database.exec("create table later (id integer primary key, device text)");
    await through(1);
    assert.equal(passed.length, 1);
    assert.equal((node.error as unknown as Spy).args.length, 1);
  });

  it("stores every message when its process is killed in the middle", async () => {
    const node = await deploy({ mode: "upsert", keys: ["id"], batchSize: 20 });
    node.receive(reading(0));
    await through(1);
    for (let id = 1; id <= 1000; id += 1) node.receive(reading(id));
    await waitFor("the first rows to be stored", () => passed.length > 50);
    const killed = pid();
    process.kill(killed, "SIGKILL");
    await through(1001);
    assert.equal(caught.length, 0);
    assert.deepEqual(stored(), [{ n: 1001 }]);
    assert.notEqual(pid(), killed);
  });

  it("finds the one row that crashes the driver, and stores the others", async () => {
    const node = await deploy({ mode: "upsert", keys: ["id"] });
    const { client } = helper.getNode("db") as unknown as DatabaseHolder;
    const write = client.write.bind(client);
    client.write = (request) => {
      const outcome = write(request);
      if (request.rows.some(({ values }) => values[0] === 7)) process.kill(pid(), "SIGSEGV");
      return outcome;
    };
    for (let id = 0; id < 20; id += 1) node.receive(reading(id));
    await through(20);
    assert.deepEqual(caught.map((msg) => [(msg.payload as { id: number }).id, msg.error?.code]), [[7, "ROW_REFUSED"]]);
    assert.match(caught[0]?.error?.message ?? "", /crashes on this message.*SIGSEGV/);
  });

  it("ends its process with the flow, after what it holds is stored", async () => {
    const node = await deploy({ linger: 60_000 });
    for (let id = 0; id < 50; id += 1) node.receive(reading(id));
    await waitFor("the messages to be taken", () => statuses(node).some((text) => /working/.test(text)));
    const { client } = helper.getNode("db") as unknown as DatabaseHolder;
    await helper.unload();
    assert.deepEqual(stored(), [{ n: 50 }]);
    assert.equal(client.pid, undefined);
  });

  it("fails what it gets while it is not configured", async () => {
    for (const settings of [{ database: "" }, { table: " " }, { mode: "upsert", keys: [] }, { mode: "drop" }]) {
      const node = await deploy(settings);
      node.receive(reading(1));
      await through(1);
      assert.equal(caught[0]?.error?.code, "NOT_CONFIGURED");
      await helper.unload();
    }
  });

  describe("on PostgreSQL", () => {
    const server = new Postgres();

    before(async () => {
      await server.start();
      await server.query("create table readings (id bigint primary key, device varchar(50), value numeric)");
    });
    after(() => server.stop());

    it("loses nothing when the server is stopped and started under load", async () => {
      const node = await deploy({ mode: "upsert", keys: ["id"] }, { engine: "odbc", connectionString: server.connectionString }, server);
      node.receive(reading(0));
      await through(1);
      await server.halt();
      for (let id = 1; id <= 3000; id += 1) node.receive(reading(id));
      await waitFor("the status to say what it waits for", () => statuses(node).some((text) => /status\.waiting/.test(text)));
      await server.start();
      await through(3001);
      assert.equal(caught.length, 0);
      assert.deepEqual(await server.query("select count(*)::int as n from readings"), [{ n: 3001 }]);
    });

    it("shows and logs a wrong password once, and consumes nothing", async () => {
      const node = await deploy({}, { engine: "odbc", connectionString: server.connectionString }, { username: "surewire", password: "wrong" });
      for (let id = 0; id < 10; id += 1) node.receive(reading(id));
      await waitFor("the status to say why", () => statuses(node).some((text) => /authentication failed/.test(text)));
      assert.equal(passed.length + caught.length, 0);
      const logged = (helper.getNode("db").error as unknown as Spy).args.map(String);
      assert.equal(logged.length, 1);
      assert.match(logged[0] ?? "", /^DATABASE_REFUSED/);
      assert.doesNotMatch(logged[0] ?? "", /wrong/);
    });
  });
});
