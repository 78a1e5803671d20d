import assert from "node:assert/strict";
import type { NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import { rejectionsLeftBy } from "../../services/rejections";
import { reading, WriteBench } from "./support";

describe("Dedupe in the sql write node", function () {
  this.timeout(60_000);
  let bench: WriteBench;

  before((done) => void helper.startServer(done));
  after((done) => void helper.stopServer(done));
  beforeEach(() => (bench = new WriteBench()));
  afterEach(() => bench.close());

  /** A message as amqp in gives it. */
  const from = (messageId: unknown, msg: NodeMessage, delivery?: string): NodeMessage =>
    ({ ...msg, amqp: { properties: { messageId } }, ...(delivery ? { delivery: { id: delivery } } : {}) }) as NodeMessage;
  const codes = (): (string | undefined)[] => bench.caught.map(({ error }) => error?.code);

  it("stores a message that comes again once, and passes it on as done", async () => {
    const node = await bench.deploy({ dedupe: true });
    for (const id of [1, 2, 1]) node.receive(from(`m${id}`, { payload: { device: `d${id}` } } as NodeMessage));
    await bench.through(3);
    node.receive(from("m2", { payload: { device: "again" } } as NodeMessage));
    await bench.through(4);
    assert.deepEqual(bench.stored(), [{ n: 2 }]);
    assert.deepEqual(bench.passed.map(({ sql }) => (sql as { rowsAffected: number }).rowsAffected).sort(), [0, 0, 1, 1]);
    assert.deepEqual(bench.passed[3]?.sql, { mode: "insert", table: "readings", rowsAffected: 0, duplicate: true });
  });

  it("does the statements of a message once, whatever its id looks like", async () => {
    bench.database.exec("insert into readings (id, device, value) values (1, 'x', 0)");
    const node = await bench.deploy({
      mode: "statements", statements: [{ sql: "update readings set value = value + 1 where id = 1" }], dedupe: true, messageId: "payload.key", messageIdType: "msg", inboxTable: "seen",
    });
    const keys = [1, "1", "a b", "a b ", "ü", "x".repeat(500), `${"x".repeat(500)}y`];
    for (const key of [...keys, ...keys]) node.receive({ payload: { key } } as NodeMessage);
    await bench.through(14);
    assert.deepEqual(codes(), []);
    assert.deepEqual(bench.stored("select value from readings"), [{ value: 6 }], "1 and \"1\" are the same id");
    assert.deepEqual(bench.stored("select count(*) as n, max(length(id)) as longest from seen"), [{ n: 6, longest: 71 }]);
  });

  it("fails a message without an id, and says what to do", async () => {
    const node = await bench.deploy({ dedupe: true });
    for (const id of [undefined, null, "", {}]) node.receive(from(id, reading(1)));
    node.receive(reading(2));
    await bench.through(5);
    assert.deepEqual(codes(), new Array(5).fill("INPUT_INVALID"));
    assert.match(bench.caught[4]?.error?.message ?? "", /no id in msg\.amqp\.properties\.messageId.*"Message id"/);
    assert.deepEqual(bench.stored(), [{ n: 0 }]);
  });

  it("fails a message without an id whose values cannot be evaluated either, and leaves no rejection behind, which would end Node-RED", async () => {
    const broken = { value: "$number('none')", valueType: "jsonata" };
    const ways = [
      { columns: [{ column: "id", ...broken }] },
      { mode: "statements", statements: [{ sql: "insert into readings (id) values (:id)" }], parameters: [{ name: "id", ...broken }] },
    ];
    for (const way of ways) {
      const node = await bench.deploy({ dedupe: true, ...way });
      const left = await rejectionsLeftBy(async () => {
        node.receive({ payload: {} } as NodeMessage);
        await bench.through(1);
      });
      assert.deepEqual([codes(), left], [["INPUT_INVALID"], []]);
      await helper.unload();
    }
  });

  it("does not take the parts of one message for copies of each other", async () => {
    const node = await bench.deploy({ dedupe: true, batchSize: 2 });
    for (const id of [1, 2, 3]) node.receive(from("whole", reading(id), "other-process:1"));
    await bench.through(3);
    assert.deepEqual(codes(), ["INPUT_INVALID", "INPUT_INVALID"]);
    assert.match(bench.caught[0]?.error?.message ?? "", /same id.*msg\.parts\.index/);
    node.receive(from("whole", reading(1), "other-process:2"));
    await bench.through(4);
    assert.equal(bench.passed.length, 2, "the same message in its next delivery is a copy");
    assert.deepEqual(bench.stored(), [{ n: 1 }]);
  });

  it("distinguishes what two nodes store of the same message", async () => {
    const node = await bench.deploy({ dedupe: true });
    node.receive(from("m1", reading(1)));
    await bench.through(1);
    bench.database.exec("update surewire_inbox set node = 'another'");
    node.receive(from("m1", reading(2)));
    await bench.through(2);
    assert.deepEqual(bench.stored(), [{ n: 2 }]);
  });
});
