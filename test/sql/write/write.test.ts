import assert from "node:assert/strict";
import type { NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import { Client } from "pg";
import { Postgres } from "../../services/postgres";
import { waitFor } from "../../services/wait";
import { reading, WriteBench } from "./support";

describe("The sql write node", function () {
  this.timeout(60_000);
  let bench: WriteBench;

  before((done) => void helper.startServer(done));
  after((done) => void helper.stopServer(done));
  beforeEach(() => (bench = new WriteBench()));
  afterEach(() => bench.close());

  it("stores the payload and passes the same message on when it is committed", async () => {
    const node = await bench.deploy();
    let storedWhenPassed: object[] = [];
    helper.getNode("end").on("input", () => (storedWhenPassed = bench.stored()));
    node.receive({ ...reading(1, { value: 1.5, at: null }), topic: "plant", _msgid: "m1" } as NodeMessage);
    await bench.through(1);
    assert.deepEqual(storedWhenPassed, [{ n: 1 }]);
    assert.deepEqual(bench.stored("select * from readings"), [{ id: 1, device: "d1", value: 1.5, at: null }]);
    assert.deepEqual(bench.passed, [{ payload: { id: 1, device: "d1", value: 1.5, at: null }, topic: "plant", _msgid: "m1", sql: { rowsAffected: 1, table: "readings", mode: "insert" } }]);
  });

  it("stores a batch that is larger than one request to the database's process", async () => {
    const node = await bench.deploy();
    for (let id = 1; id <= 40; id += 1) node.receive(reading(id, { device: "d".repeat(1_000_000) }) as NodeMessage);
    await bench.through(40);
    assert.deepEqual(bench.stored("select count(*) as n, sum(length(device)) as size from readings"), [{ n: 40, size: 40_000_000 }]);
    assert.equal(bench.passed.length, 40);
  });

  it("passes on, or fails, a message that cannot be changed", async () => {
    const node = await bench.deploy();
    for (const device of ["d", null]) node.receive(Object.freeze({ payload: { device }, _msgid: String(device) }) as NodeMessage);
    await bench.through(2);
    assert.deepEqual(bench.passed, [{ payload: { device: "d" }, _msgid: "d", sql: { rowsAffected: 1, table: "readings", mode: "insert" } }]);
    assert.equal(bench.caught[0]?.error?.code, "ROW_REFUSED");
  });

  it("maps parts of the message to columns, and leaves missing parts out", async () => {
    const node = await bench.deploy({
      columns: [
        { column: "id", value: "payload.number", valueType: "msg" },
        { column: "device", value: "topic & '!'", valueType: "jsonata" },
        { column: "value", value: "payload.nothing.here", valueType: "msg" },
        { column: "at", value: "fixed", valueType: "str" },
      ],
    });
    node.receive({ payload: { number: 3, other: true }, topic: "plant" } as NodeMessage);
    await bench.through(1);
    assert.deepEqual(bench.stored("select * from readings"), [{ id: 3, device: "plant!", value: 7, at: "fixed" }]);
  });

  it("stores 99 of 100 and fails the bad one, with a code and a reason", async () => {
    const node = await bench.deploy();
    for (let id = 0; id < 100; id += 1) node.receive(reading(id, id === 42 ? { device: null } : {}));
    await bench.through(100);
    assert.equal(bench.passed.length, 99);
    assert.deepEqual(bench.stored(), [{ n: 99 }]);
    assert.equal(bench.caught[0]?.error?.code, "ROW_REFUSED");
    assert.match(bench.caught[0].error.message, /readings.*device/);
    assert.deepEqual((bench.caught[0].payload as { id: number }).id, 42);
  });

  it("fails a message that the flow has frozen, as any other", async () => {
    const node = await bench.deploy();
    node.receive(Object.freeze({ ...reading(1, { device: null }), _msgid: "m1" }) as NodeMessage);
    await bench.through(1);
    assert.equal(bench.caught[0]?.error?.code, "ROW_REFUSED");
  });

  it("keeps the last of several upserts of one key, in order", async () => {
    const node = await bench.deploy({ mode: "upsert", keys: ["id"], batchSize: 7 });
    for (let turn = 0; turn < 20; turn += 1) for (const id of [1, 2, 3]) node.receive(reading(id, { value: turn }));
    await bench.through(60);
    assert.equal(bench.passed.length, 60);
    assert.deepEqual(bench.stored("select id, value from readings order by id"), [1, 2, 3].map((id) => ({ id, value: 19 })));
  });

  it("fails a message without a value for the key, a payload that is no object, and a NUL character", async () => {
    const node = await bench.deploy({ mode: "upsert", keys: ["id"] });
    node.receive({ payload: { device: "x" } } as NodeMessage);
    node.receive({ payload: "text" } as NodeMessage);
    node.receive(reading(1, { at: "a\0b" }));
    node.receive(reading(2));
    await bench.through(4);
    assert.deepEqual(bench.caught.map(({ error }) => error?.code), ["INPUT_INVALID", "INPUT_INVALID", "INPUT_INVALID"]);
    assert.match(bench.caught.map(({ error }) => error?.message).join(), /"id", the key.*not an object.*at: the text contains a NUL/);
    assert.deepEqual(bench.stored(), [{ n: 1 }]);
  });

  it("holds its messages while the table is missing, says so once, and goes on when it is there", async () => {
    const node = await bench.deploy({ table: "later" });
    node.receive(reading(1));
    await waitFor("the status to name the table", () => bench.statuses(node).some((text) => /later/.test(text)));
    assert.equal(bench.passed.length + bench.caught.length, 0);
    bench.database.exec("create table later (id integer primary key, device text)");
    await bench.through(1);
    assert.equal(bench.passed.length, 1);
    assert.equal(bench.errors(node).length, 1);
  });

  it("holds its messages while another program keeps the file locked, and stores all of them when it lets go", async () => {
    const node = await bench.deploy();
    node.receive(reading(100));
    await bench.through(1);
    bench.database.exec("begin immediate");
    for (let id = 0; id < 20; id += 1) node.receive(reading(id));
    await waitFor("the node to say so", () => bench.statuses(node).some((text) => text.startsWith("10 messages in a row failed alike")));
    bench.database.exec("rollback");
    await bench.through(21);
    assert.deepEqual([bench.caught, bench.stored()], [[], [{ n: 21 }]]);
  });

  it("holds its messages while another program keeps the file locked as it is opened", async () => {
    const node = await bench.deploy();
    bench.database.exec("begin immediate");
    node.receive(reading(1));
    await waitFor("the node to wait", () => bench.statuses(node).includes("write.status.waiting"));
    bench.database.exec("rollback");
    await bench.through(1);
    assert.deepEqual([bench.caught, bench.stored()], [[], [{ n: 1 }]]);
  });

  it("stores every message when its process is killed in the middle", async () => {
    const node = await bench.deploy({ mode: "upsert", keys: ["id"], batchSize: 20 });
    node.receive(reading(0));
    await bench.through(1);
    for (let id = 1; id <= 1000; id += 1) node.receive(reading(id));
    await waitFor("the first rows to be stored", () => bench.passed.length > 50);
    const killed = (bench.client.pid ?? 0);
    process.kill(killed, "SIGKILL");
    await bench.through(1001);
    assert.equal(bench.caught.length, 0);
    assert.deepEqual(bench.stored(), [{ n: 1001 }]);
    assert.notEqual((bench.client.pid ?? 0), killed);
  });

  it("finds the one row that crashes the driver, and stores the others", async () => {
    const node = await bench.deploy({ mode: "upsert", keys: ["id"] });
    const { client } = bench;
    const write = client.write.bind(client);
    client.write = (request) => {
      const outcome = write(request);
      if (request.rows.some(({ values }) => values[0] === 7)) process.kill((bench.client.pid ?? 0), "SIGSEGV");
      return outcome;
    };
    for (let id = 0; id < 20; id += 1) node.receive(reading(id));
    await bench.through(20);
    assert.deepEqual(bench.caught.map((msg) => [(msg.payload as { id: number }).id, msg.error?.code]), [[7, "ROW_REFUSED"]]);
    assert.match(bench.caught[0]?.error?.message ?? "", /crashes on this message.*SIGSEGV/);
  });

  it("ends its process with the flow, after storing what it holds", async () => {
    const node = await bench.deploy({ linger: 60_000 });
    for (let id = 0; id < 50; id += 1) node.receive(reading(id));
    await waitFor("the messages to be taken", () => bench.statuses(node).some((text) => /working/.test(text)));
    const { client } = bench;
    await helper.unload();
    assert.deepEqual(bench.stored(), [{ n: 50 }]);
    assert.equal(client.pid, undefined);
  });

  it("fails what it gets while it is not configured", async () => {
    for (const settings of [{ database: "" }, { table: " " }, { mode: "upsert", keys: [] }, { mode: "drop" }]) {
      const node = await bench.deploy(settings);
      node.receive(reading(1));
      await bench.through(1);
      assert.equal(bench.caught[0]?.error?.code, "NOT_CONFIGURED");
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
      const node = await bench.deploy({ mode: "upsert", keys: ["id"] }, { engine: "odbc", connectionString: server.connectionString }, server);
      node.receive(reading(0));
      await bench.through(1);
      await server.halt();
      for (let id = 1; id <= 3000; id += 1) node.receive(reading(id));
      await waitFor("the status to say what it waits for", () => bench.statuses(node).some((text) => /status\.waiting/.test(text)));
      await server.start();
      await bench.through(3001);
      assert.equal(bench.caught.length, 0);
      assert.deepEqual(await server.query("select count(*)::int as n from readings"), [{ n: 3001 }]);
    });

    it("stores the others while one row of a batch is locked, and fails the one that is", async () => {
      await server.query("create table counts (id int primary key, n int)");
      await server.query("insert into counts select id, 0 from generate_series(1, 20) id");
      const other = new Client(server.clientConfig);
      await other.connect();
      await other.query("begin");
      await other.query("update counts set n = -1 where id = 15");
      try {
        const node = await bench.deploy({ mode: "update", table: "counts", keys: ["id"] }, { engine: "odbc", connectionString: server.connectionString, queryTimeout: 500 }, server);
        for (let id = 1; id <= 20; id += 1) node.receive({ payload: { id, n: id } } as never);
        await bench.through(20);
        assert.deepEqual(bench.caught.map(({ payload, error }) => [payload, error?.code]), [[{ id: 15, n: 15 }, "DATABASE_BUSY"]]);
        assert.equal(bench.passed.length, 19);
      } finally {
        await other.end();
      }
    });

    it("shows and logs a wrong password once, and consumes nothing", async () => {
      const node = await bench.deploy({}, { engine: "odbc", connectionString: server.connectionString }, { username: "surewire", password: "wrong" });
      for (let id = 0; id < 10; id += 1) node.receive(reading(id));
      await waitFor("the status to say why", () => bench.statuses(node).some((text) => /authentication failed/.test(text)));
      assert.equal(bench.passed.length + bench.caught.length, 0);
      const logged = bench.errors(helper.getNode("db"));
      assert.equal(logged.length, 1);
      assert.match(logged[0] ?? "", /^DATABASE_REFUSED/);
      assert.doesNotMatch(logged[0] ?? "", /wrong/);
    });
  });
});
