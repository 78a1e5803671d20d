import assert from "node:assert/strict";
import type { NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import { waitFor } from "../../services/wait";
import { WriteBench } from "./support";

const message = (payload: object): NodeMessage => ({ payload }) as NodeMessage;

describe("The sql write node with own statements", function () {
  this.timeout(60_000);
  let bench: WriteBench;

  before((done) => void helper.startServer(done));
  after((done) => void helper.stopServer(done));
  beforeEach(() => {
    bench = new WriteBench();
    bench.database.exec("create table orders (id integer primary key, customer text not null); create table lines (order_id integer references orders, item text, amount integer)");
  });
  afterEach(() => bench.close());

  const deploy = (sql: (string | { sql: string; run: string })[], more: object = {}) =>
    bench.deploy({ mode: "statements", table: "", statements: sql.map((each) => (typeof each === "string" ? { sql: each } : each)), ...more });

  it("runs them in one transaction a message, and tells what each did", async () => {
    const node = await deploy(["insert into orders (id, customer) values (:id, :customer)", "update readings set value = 1 where id = :id", "select id, customer from orders where id = :id"]);
    node.receive(message({ id: 7, customer: "ACME" }));
    await bench.through(1);
    assert.deepEqual(bench.passed[0]?.sql, {
      mode: "statements",
      rowsAffected: 1,
      results: [{ rowsAffected: 1 }, { rowsAffected: 0 }, { rowsAffected: 0, rows: [{ id: 7, customer: "ACME" }] }],
    });
    assert.deepEqual(bench.stored("select * from orders"), [{ id: 7, customer: "ACME" }]);
  });

  it("leaves nothing of a message whose last statement fails, and says which it was", async () => {
    const node = await deploy(["insert into orders (id, customer) values (:id, 'x')", "insert into orders (id, customer) values (:id + 100, :customer)"]);
    node.receive(message({ id: 1, customer: "a" }));
    node.receive(message({ id: 2, customer: null }));
    node.receive(message({ id: 3, customer: "c" }));
    await bench.through(3);
    assert.deepEqual(bench.stored("select id from orders order by id").map((row) => (row as { id: number }).id), [1, 3, 101, 103]);
    assert.equal(bench.caught.length, 1);
    assert.equal(bench.caught[0]?.error?.code, "ROW_REFUSED");
    assert.match(bench.caught[0].error.message, /: statement 2: .*customer/);
    assert.equal((bench.caught[0].sql as { statement?: number }).statement, 2);
  });

  it("keeps the order of messages", async () => {
    const node = await deploy(["update readings set value = :value where id = 1"], { batchSize: 3 });
    bench.database.exec("insert into readings (id, device) values (1, 'x')");
    for (let value = 1; value <= 50; value += 1) node.receive(message({ value }));
    await bench.through(50);
    assert.deepEqual(bench.stored("select value from readings"), [{ value: 50 }]);
  });

  it("runs them for each item of a list, and once a message where that is wanted, all in one transaction", async () => {
    const statements = [
      { sql: "insert into orders (id, customer) values (:id, :customer)", run: "once" },
      { sql: "insert into lines (order_id, item, amount) values (:order, :item, :amount)", run: "item" },
      { sql: "update lines set amount = amount * 10 where order_id = :order and item = :item", run: "item" },
    ];
    const node = await deploy(statements, { forEach: "payload.lines", forEachType: "msg", parameters: [{ name: "order", value: "payload.id", valueType: "msg" }] });
    node.receive(message({ id: 1, customer: "a", lines: [{ item: "bolt", amount: 1 }, { item: "nut", amount: 2 }] }));
    node.receive(message({ id: 2, customer: "b", lines: [{ item: "bolt", amount: 1 }, { item: "nut" }] }));
    node.receive(message({ id: 3, customer: "c", lines: [] }));
    node.receive(message({ id: 4, customer: "d" }));
    await bench.through(4);
    assert.deepEqual(bench.stored("select * from lines order by item"), [{ order_id: 1, item: "bolt", amount: 10 }, { order_id: 1, item: "nut", amount: 20 }]);
    assert.deepEqual(bench.stored("select id from orders order by id"), [{ id: 1 }, { id: 3 }]);
    assert.deepEqual(bench.caught.map(({ error }) => error?.message).sort(), [
      'INPUT_INVALID: "For each" names nothing, not a list',
      "INPUT_INVALID: statement 2, item 2: :amount has no value",
    ]);
    assert.deepEqual((bench.passed[0]?.sql as { rowsAffected: number }).rowsAffected, 5);
  });

  it("takes parameters from the places that its list names, and lists for in ()", async () => {
    bench.database.exec("insert into readings (id, device) values (1, 'a'), (2, 'b'), (3, 'c')");
    const parameters = [{ name: "text", value: "topic & '!'", valueType: "jsonata" }, { name: "ids", value: "payload", valueType: "msg" }];
    const node = await deploy(["update readings set at = :text where id in (:ids)"], { parameters });
    node.receive({ payload: [1, 3], topic: "seen" } as NodeMessage);
    await bench.through(1);
    assert.deepEqual(bench.stored("select id from readings where at = 'seen!' order by id"), [{ id: 1 }, { id: 3 }]);
  });

  it("never takes a value, a name or a topic for SQL", async () => {
    bench.database.exec("insert into orders values (1, 'safe')");
    const parameters = [{ name: "topic", value: "topic", valueType: "msg" }];
    const node = await deploy(["insert into orders (customer) values (:customer)", "delete from orders where customer = :topic"], { parameters });
    const evil = ["x'); drop table orders; --", "' or '1'='1", '"; delete from orders; --', "\\'; delete from orders; --", ":topic", "?", "$1", "{{payload}}"];
    for (const text of evil) node.receive({ payload: { customer: text, "customer) values ('x'); drop table orders; --": 1, [text]: text }, topic: text } as NodeMessage);
    await bench.through(evil.length);
    assert.equal(bench.caught.length, 0);
    assert.deepEqual(bench.stored("select * from orders"), [{ id: 1, customer: "safe" }]);
  });

  it("holds its messages while a table is missing, and goes on when it is there", async () => {
    const node = await deploy(["insert into later (id) values (:id)"]);
    for (let id = 1; id <= 30; id += 1) node.receive(message({ id }));
    await waitFor("the status to name the table", () => bench.statuses(node).some((text) => /statement 1: .*later/.test(text)));
    assert.equal(bench.passed.length + bench.caught.length, 0);
    bench.database.exec("create table later (id integer primary key)");
    await bench.through(30);
    assert.equal(bench.passed.length, 30);
    assert.equal(bench.errors(node).length, 1);
  });

  it("stops after ten messages that fail alike, rather than fail them all", async () => {
    const node = await deploy(["insert into readings (id, device) valuess (:id, 'x')"]);
    for (let id = 1; id <= 50; id += 1) node.receive(message({ id }));
    await waitFor("the status to say so", () => bench.statuses(node).some((text) => /10 messages in a row failed alike/.test(text)));
    assert.equal(bench.caught.length, 10);
    assert.equal(bench.passed.length, 0);
    assert.match(bench.errors(node).join(), /10 messages in a row failed alike: statement 1: .*syntax/);
  });

  it("fails what it gets while it is not configured", async () => {
    for (const statements of [[], ["  "], ["insert into orders (id) values (1)", "commit"], ["BEGIN TRANSACTION"], ["begin;"], ["-- done\n/* now */ commit"]]) {
      const node = await deploy(statements);
      node.receive(message({ id: 1 }));
      await bench.through(1);
      assert.equal(bench.caught[0]?.error?.code, "NOT_CONFIGURED");
      await helper.unload();
    }
  });
});
