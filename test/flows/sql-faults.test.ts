import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type FlowNode, NodeRed } from "../services/node-red";
import type { MariaDb } from "../services/mariadb";
import type { Postgres } from "../services/postgres";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedMariaDb, sharedPostgres, sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { brokerNode, COUNT, deadLetters, inNode, messages, publish, scaled, tab, untilEmpty, writeNode } from "./bridge";

/** Messages a test sends: 2,000, or as many as `npm run soak` asks for. */
const SENT = process.env.SUREWIRE_MESSAGES === undefined ? 2_000 : COUNT;

/** Rows that are stored before something breaks. */
const EARLY = 300;

const SERVERS: { name: string; start: () => Promise<Postgres | MariaDb> }[] = [
  { name: "PostgreSQL", start: sharedPostgres },
  { name: "MariaDB", start: sharedMariaDb },
];

for (const { name, start } of SERVERS) {
  describe(`queue to ${name} with an inbox, while things break`, function () {
    this.timeout(scaled(120_000));
    let rabbit: RabbitMq;
    let server: Postgres | MariaDb;
    const first = new NodeRed();
    const second = new NodeRed();
    const sent = messages(SENT);

    before(async () => {
      [rabbit, server] = await Promise.all([sharedRabbit(), start(), first.start(), second.start()]);
    });
    after(() => Promise.all([first.stop(), second.stop()]));

    /** The table has no key: that nothing is doubled is the inbox's work alone. The batches are small, so that there is time to break something. */
    function flow(queue: string, writer: string): FlowNode[] {
      const { username, password, connectionString } = server;
      const limits = { poolSize: 4, loginTimeout: 10_000, queryTimeout: 60_000 };
      const columns = [
        { column: "id", value: "payload.id", valueType: "msg" },
        { column: "writer", value: writer, valueType: "str" },
      ];
      const dedupe = { dedupe: true, messageId: "payload.id", messageIdType: "msg", inboxTable: `${queue}_inbox`, inboxDays: 30 };
      return tab(
        brokerNode(rabbit),
        inNode(queue, ["write"], { prefetch: 100 }),
        { id: "database", type: "surewire-sql-database", name: "", engine: "odbc", connectionString, file: "", dialect: "auto", ...limits, credentials: { username, password } },
        writeNode(queue, { mode: "insert", keys: [], columns, batchSize: 20, linger: 5, ...dedupe }),
      );
    }

    const rows = async (table: string): Promise<number> => Number(Object.values((await server.query(`select count(*) as n from ${table}`))[0] ?? {})[0]);

    async function createTable(queue: string): Promise<void> {
      await server.query(`drop table if exists ${queue}`);
      await server.query(`drop table if exists ${queue}_inbox`);
      await server.query(`create table ${queue} (id varchar(40), writer varchar(10))`);
    }

    /** Deploys it, and resolves when some rows are stored and more messages come: what is done at once breaks something in the middle. */
    async function midway(queue: string): Promise<{ publishing: Promise<void> }> {
      await createTable(queue);
      await publish(rabbit, queue, sent.slice(0, SENT / 2));
      await first.deploy(flow(queue, "first"));
      await waitFor("the first rows", async () => (await rows(queue)) >= EARLY, { interval: 5 });
      return { publishing: publish(rabbit, queue, sent.slice(SENT / 2)) };
    }

    /** Each id is there exactly once, and nothing was dead-lettered. */
    async function assertOnce(queue: string): Promise<void> {
      await untilEmpty(rabbit, queue);
      const stored = (await server.query(`select id from ${queue} order by id`)) as { id: string }[];
      assert.deepEqual(stored.map(({ id }) => id), sent.map(({ id }) => id));
      assert.equal(await deadLetters(rabbit, queue), 0);
    }

    it("a database that is killed and comes back finds each message once", async () => {
      const queue = `killed_${name.toLowerCase()}`;
      const { publishing } = await midway(queue);
      await server.kill();
      await server.start();
      await publishing;
      await assertOnce(queue);
    });

    it("a database that is restarted: the same", async () => {
      const queue = `restarted_${name.toLowerCase()}`;
      const { publishing } = await midway(queue);
      await server.halt();
      await server.start();
      await publishing;
      await assertOnce(queue);
    });

    it("a database process killed in a batch is started again, and its messages are stored once", async () => {
      const queue = `child_${name.toLowerCase()}`;
      const { publishing } = await midway(queue);
      const killed = databaseProcess(first);
      process.kill(killed, "SIGKILL");
      assert.ok((await rows(queue)) < SENT, "it was killed in the middle");
      await publishing;
      await assertOnce(queue);
      assert.notEqual(databaseProcess(first), killed);
    });

    it("two workers share a queue and a table, and one that is killed leaves its share to the other", async () => {
      const queue = `shared_${name.toLowerCase()}`;
      await createTable(queue);
      await publish(rabbit, queue, []);
      await Promise.all([first.deploy(flow(queue, "first")), second.deploy(flow(queue, "second"))]);
      await waitFor("two consumers", async () => (await rabbit.listQueues(queue)).find((each) => each.name === queue)?.consumers === 2);
      await publish(rabbit, queue, sent.slice(0, SENT / 2));
      await waitFor("rows of both", async () => (await server.query(`select distinct writer from ${queue}`)).length === 2);
      const publishing = publish(rabbit, queue, sent.slice(SENT / 2));
      await waitFor("the next rows", async () => (await rows(queue)) > SENT / 2, { interval: 5 });
      await first.kill();
      await publishing;
      await assertOnce(queue);
    });
  });
}

/** The process that a Node-RED runs its database in. */
function databaseProcess(nodeRed: NodeRed): number {
  const children = readFileSync(`/proc/${nodeRed.pid}/task/${nodeRed.pid}/children`, "utf8").trim().split(/\s+/).map(Number);
  const found = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("sql/client/child"));
  return found ?? assert.fail("no database process");
}
