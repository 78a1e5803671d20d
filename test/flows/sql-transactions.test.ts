import assert from "node:assert/strict";
import { connect, type GetMessage } from "amqplib";
import { type FlowNode, NodeRed } from "../services/node-red";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { ENGINES, type TestEngine } from "../sql/client/engines";
import { outNode } from "./amqp-flow";
import { brokerNode, inNode, publish, readNode, tab, untilEmpty, writeNode } from "./bridge";

/** The three transactions of a bridge between queues and databases, each as a user wires it. */
describe("A bridge between queues and databases", function () {
  this.timeout(60_000);
  const nodeRed = new NodeRed();
  let rabbit: RabbitMq;

  before(async () => {
    [rabbit] = await Promise.all([sharedRabbit(), nodeRed.start()]);
  });
  after(() => nodeRed.stop());

  for (const each of ENGINES) describe(each.name, () => connects(each));

  function connects({ name, start }: (typeof ENGINES)[number]): void {
    let engine: TestEngine;
    const word = name.replaceAll(" ", "_").toLowerCase();
    const orders = `orders_${word}`;
    const totals = `totals_${word}`;

    before(async () => {
      engine = await start();
    });
    after(() => engine.close());
    beforeEach(async () => {
      for (const table of [orders, totals]) await engine.execute(`drop table if exists ${table}`);
      await engine.execute(`create table ${orders} (id varchar(40) primary key, device varchar(80) not null, amount integer not null check (amount >= 0))`);
      await engine.execute(`create table ${totals} (device varchar(80) primary key, amount integer not null)`);
    });

    function databaseNode(): FlowNode {
      const { credentials, ...settings } = engine.options;
      const { username = "", password = "" } = credentials;
      return { id: "database", type: "surewire-sql-database", name: "", ...settings, credentials: { username, password } };
    }

    /** Sends one message when the flow has started. */
    const go = (wires: string[], payload: unknown = {}): FlowNode => ({
      ...{ id: "go", type: "inject", once: true, onceDelay: 0.1, repeat: "", crontab: "", wires: [wires] },
      props: [{ p: "payload", v: JSON.stringify(payload), vt: "json" }],
    });
    const out = (id: string, queue: string, more: Record<string, unknown> = {}): FlowNode => ({ ...outNode(queue, []), id, ...more });

    /** Both tables in one transaction: the order itself, and what its device has ordered so far. */
    const statements = [
      { sql: `insert into ${orders} (id, device, amount) values (:id, :device, :amount)`, run: "message" },
      { sql: `delete from ${totals} where device = :device`, run: "message" },
      { sql: `insert into ${totals} (device, amount) select device, sum(amount) from ${orders} where device = :device group by device`, run: "message" },
    ];
    const store = (wires: string[]): FlowNode => writeNode("", { mode: "statements", statements, parameters: [], columns: [], keys: [], forEach: "", forEachType: "msg", wires: [wires] });
    const stored = (): Promise<Record<string, string | null>[]> => engine.rows(`select id, amount from ${orders} order by id`);
    const sums = (): Promise<Record<string, string | null>[]> => engine.rows(`select device, amount from ${totals} order by device`);

    /** Takes `count` messages out of a queue. */
    async function taken(queue: string, count: number): Promise<GetMessage[]> {
      const connection = await connect(rabbit.url);
      const channel = await connection.createChannel();
      await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
      const found: GetMessage[] = [];
      await waitFor(`${count} messages in ${queue}`, async () => {
        for (let next = await channel.get(queue, { noAck: true }); next; next = await channel.get(queue, { noAck: true })) found.push(next);
        return found.length >= count;
      });
      assert.equal(await channel.get(queue, { noAck: true }), false, "no more than that");
      await connection.close();
      return found;
    }
    const texts = async (queue: string, count: number): Promise<string[]> => (await taken(queue, count)).map(({ content }) => content.toString());
    const causeOf = ({ properties }: GetMessage): unknown => properties.headers?.["x-error-code"];

    it("selects and sends: a message a row as JSON, a batch as delimited text, all as XML", async () => {
      const queue = `select_${word}`;
      await engine.execute(`insert into ${orders} values ('a1', 'press "1"', 3), ('a2', 'Säge;2', 0), ('a3', 'press "1"', 12), ('b1', 'other', 5)`);
      for (const kind of ["row", "batch", "all"]) await publish(rabbit, `${queue}.${kind}`, []);
      const query = `select id, device, amount from ${orders} where id in (:ids) order by id`;
      const read = (id: string, wires: string[], more: Record<string, unknown>): FlowNode => ({ ...readNode(query, wires, more), id });
      await nodeRed.deploy(
        tab(
          brokerNode(rabbit),
          databaseNode(),
          go(["rows", "batches", "all"], { ids: ["a1", "a2", "a3"] }),
          read("rows", ["json"], { output: "row" }),
          read("batches", ["csv"], { output: "batch", batchSize: 2 }),
          read("all", ["xml"], { output: "all" }),
          out("json", `${queue}.row`),
          out("csv", `${queue}.batch`, { format: "delimited", formatOptions: { delimiter: ";", quote: '"', header: true } }),
          out("xml", `${queue}.all`, { format: "xml", formatOptions: { rootElement: "orders", rowElement: "order" } }),
        ),
      );
      assert.deepEqual((await texts(`${queue}.row`, 3)).map((text) => JSON.parse(text) as object), [
        { id: "a1", device: 'press "1"', amount: 3 },
        { id: "a2", device: "Säge;2", amount: 0 },
        { id: "a3", device: 'press "1"', amount: 12 },
      ]);
      assert.deepEqual(
        (await texts(`${queue}.batch`, 2)).map((text) => text.trimEnd().split(/\r?\n/)),
        [["id;device;amount", 'a1;"press ""1""";3', 'a2;"Säge;2";0'], ["id;device;amount", 'a3;"press ""1""";12']],
      );
      const [xml] = await texts(`${queue}.all`, 1);
      assert.match(xml ?? "", /<orders>\s*<order>\s*<id>a1<\/id>\s*<device>press "1"<\/device>\s*<amount>3<\/amount>\s*<\/order>/);
      assert.equal(xml?.match(/<order>/g)?.length, 3);
    });

    it("gets and writes when asked: success, failure and an empty queue are told apart", async () => {
      const queue = `get_${word}`;
      for (const kind of ["", ".done", ".failed", ".empty"]) await publish(rabbit, queue + kind, []);
      await publish(rabbit, queue, [{ id: "g1", device: "saw", amount: 4 }, { id: "g2", device: "saw", amount: -1 }, { id: "g3", device: "saw", amount: 6 }]);
      const settling = { settle: "flow", deadline: 1_500_000, retries: 5, retryDelay: 1000, retryMaxDelay: 300_000, deadLetterQueue: "" };
      const get: FlowNode = {
        ...{ id: "get", type: "surewire-amqp-get", name: "", broker: "broker", queue, declare: "declare", queueType: "quorum", arguments: {} },
        ...{ count: 10, countType: "num", format: "json", ...settling, wires: [["write"], ["empty"]] },
      };
      const flow = tab(
        brokerNode(rabbit),
        databaseNode(),
        go(["get"]),
        get,
        store(["done"]),
        out("done", `${queue}.done`),
        { id: "catch", type: "catch", scope: ["write"], uncaught: false, wires: [["failed"]] },
        out("failed", `${queue}.failed`),
        out("empty", `${queue}.empty`, { format: "auto" }),
      );
      await nodeRed.deploy(flow);
      assert.deepEqual((await texts(`${queue}.done`, 2)).map((text) => (JSON.parse(text) as { id: string }).id), ["g1", "g3"]);
      assert.deepEqual((await texts(`${queue}.failed`, 1)).map((text) => (JSON.parse(text) as { id: string }).id), ["g2"]);
      assert.equal(causeOf((await taken(`${queue}.dlq`, 1))[0] as GetMessage), "ROW_REFUSED");
      await untilEmpty(rabbit, queue);
      await nodeRed.deploy(flow);
      assert.equal((await texts(`${queue}.empty`, 1)).length, 1);
      assert.deepEqual(await stored(), [{ id: "g1", amount: "4" }, { id: "g3", amount: "6" }]);
      assert.deepEqual(await sums(), [{ device: "saw", amount: "10" }]);
    });

    it("subscribes and writes for as long as it runs: bad content and failed transactions are dead letters with the cause, the rest is stored", async () => {
      const queue = `subscribe_${word}`;
      await publish(rabbit, queue, []);
      await nodeRed.deploy(tab(brokerNode(rabbit), inNode(queue, ["write"]), databaseNode(), store([])));
      const good = Array.from({ length: 60 }, (_, index) => ({ id: `s${String(index).padStart(2, "0")}`, device: index % 2 ? "odd" : "even", amount: 1 }));
      await publish(rabbit, queue, [...good.slice(0, 30), "<no json>", { id: "x1", device: "odd", amount: -5 }, { id: "x2", device: "odd" }, ...good.slice(30)]);
      const letters = await taken(`${queue}.dlq`, 3);
      await untilEmpty(rabbit, queue);
      assert.deepEqual(letters.map(causeOf).sort(), ["FORMAT_INVALID", "INPUT_INVALID", "ROW_REFUSED"]);
      assert.deepEqual((await stored()).map(({ id }) => id), good.map(({ id }) => id));
      assert.deepEqual(await sums(), [{ device: "even", amount: "30" }, { device: "odd", amount: "30" }]);
    });
  }
});
