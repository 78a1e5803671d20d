import assert from "node:assert/strict";
import { connect } from "amqplib";
import { type FlowNode, NodeRed } from "../services/node-red";
import type { Postgres } from "../services/postgres";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedPostgres, sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { outNode } from "./amqp-flow";
import { brokerNode, COUNT, postgresNode, publish, readNode, tab } from "./bridge";

/** Rows that are read: 50,000, or ten times what `npm run soak` asks for. */
const ROWS = process.env.SUREWIRE_MESSAGES === undefined ? 50_000 : COUNT * 10;
const scaled = (ms: number): number => ms * Math.max(1, ROWS / 50_000);

/** Rows in the flow at once at most. */
const IN_FLOW = 1000;

/** What reading may add to the memory of an idle Node-RED, in MB. */
const MEMORY = 100;

describe("PostgreSQL to queue, while things break", function () {
  this.timeout(scaled(120_000));
  let rabbit: RabbitMq;
  let postgres: Postgres;
  // V8 lets garbage grow with the memory of the machine: a small heap shows what is really needed
  const first = new NodeRed({ env: { NODE_OPTIONS: "--max-semi-space-size=4 --max-old-space-size=96" } });
  const second = new NodeRed();

  before(async () => {
    [rabbit, postgres] = await Promise.all([sharedRabbit(), sharedPostgres(), first.start(), second.start()]);
  });
  after(() => Promise.all([first.stop(), second.stop()]));

  async function fill(table: string, rows: number): Promise<void> {
    await postgres.query(`drop table if exists ${table}`);
    await postgres.query(`create table ${table} (id integer primary key, at timestamptz not null, claimed timestamptz, note text)`);
    // ten rows of each instant: the key tells them apart
    await postgres.query(`insert into ${table} select n, timestamptz '2026-01-01' + n / 10 * interval '1 ms', null, repeat('x', 200) from generate_series(1, ${rows}) n`);
    await postgres.query(`create index on ${table} (at, id)`);
    await postgres.query(`analyze ${table}`);
    await publish(rabbit, table, []);
  }

  const poll = (query: string, more: Record<string, unknown>): FlowNode => ({
    ...readNode(query, ["out"], { mode: "poll", pollInterval: 50, delayWindow: 0, maxInFlight: IN_FLOW, ...more }),
    wires: [["out"], ["dead"]],
  });
  const flow = (table: string, read: FlowNode): FlowNode[] =>
    tab(brokerNode(rabbit), postgresNode(postgres), read, outNode(table, []), { ...outNode(`${table}.dlq`, []), id: "dead" });
  /** A node of its own for each table: a watermark is kept for the node. */
  const byWatermark = (table: string): FlowNode => poll(`select id, at, note from ${table}`, { id: table, watermarkColumn: "at", keyColumn: "id" });

  const sent = async (queue: string): Promise<number> => (await rabbit.listQueues(queue)).find(({ name }) => name === queue)?.messages ?? 0;

  /** Takes all out of a queue, until every id up to `rows` has come. @returns how many came twice */
  async function allArrive(queue: string, rows: number): Promise<number> {
    const connection = await connect(rabbit.url);
    const channel = await connection.createChannel();
    const found = new Set<number>();
    let repeated = 0;
    await channel.consume(
      queue,
      (message) => {
        const { id } = JSON.parse(message?.content.toString() ?? "{}") as { id: number };
        if (found.has(id)) repeated += 1;
        found.add(id);
      },
      { noAck: true },
    );
    await waitFor(`${rows} rows in ${queue}`, () => found.size >= rows, { timeout: scaled(90_000) });
    await connection.close();
    assert.equal(found.size, rows, "and no others");
    return repeated;
  }

  it(`${ROWS} rows at steady memory, and two deploys in the middle leave no gap`, async () => {
    const table = "read_all";
    await fill(table, ROWS);
    const idle = first.rss;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, first.rss)), 100);
    await first.deploy(flow(table, byWatermark(table)));
    for (const part of [0.25, 0.5]) {
      await waitFor("a part of the rows", async () => (await sent(table)) >= ROWS * part, { timeout: scaled(60_000), interval: 20 });
      assert.ok((await sent(table)) < ROWS, "it was in the middle");
      await first.deploy(flow(table, byWatermark(table)));
    }
    const repeated = await allArrive(table, ROWS);
    clearInterval(watch);
    assert.ok(repeated <= 2 * IN_FLOW, `${repeated} rows were sent again`);
    assert.ok(most < idle + MEMORY, `${Math.round(idle)} MB when idle, ${Math.round(most)} MB at most`);
    if (process.env.SUREWIRE_MESSAGES) console.log(`      ${ROWS} rows: ${Math.round(idle)} MB when idle, ${Math.round(most)} MB at most, ${repeated} rows repeated by two deploys`);
    await first.deploy(tab());
  });

  it("a database that is killed in the middle, and then a Node-RED: the watermark goes on where the flow had finished", async () => {
    const table = "read_killed";
    const rows = Math.min(ROWS, 20_000);
    await fill(table, rows);
    await first.deploy(flow(table, byWatermark(table)));
    await waitFor("the first rows", async () => (await sent(table)) >= 2_000, { interval: 20 });
    await postgres.kill();
    await postgres.start();
    await waitFor("more rows", async () => (await sent(table)) >= 8_000, { interval: 20 });
    await first.kill();
    assert.ok((await sent(table)) < rows, "it was in the middle");
    await first.start();
    await allArrive(table, rows);
    await first.deploy(tab());
  });

  it("two Node-RED share a table by claims: no row is missing, and none is sent twice", async () => {
    const table = "read_shared";
    const rows = 3_000;
    await fill(table, rows);
    const claim =
      `update ${table} set claimed = now() where id in (select id from ${table} where claimed is null or claimed < now() - interval '10 min' ` +
      "order by id limit 100 for update skip locked) returning id, note";
    const read = poll(claim, { progress: "after-read", keyColumn: "id", afterRead: `delete from ${table} where id in (:id)`, afterReadPer: "batch" });
    await Promise.all([first.deploy(flow(table, read)), second.deploy(flow(table, read))]);
    assert.equal(await allArrive(table, rows), 0);
    await waitFor("all rows to be marked", async () => (await postgres.query(`select 1 from ${table} limit 1`)).length === 0);
    await Promise.all([first.deploy(tab()), second.deploy(tab())]);
  });
});
