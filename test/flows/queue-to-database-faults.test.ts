import assert from "node:assert/strict";
import { NodeRed } from "../services/node-red";
import type { Postgres } from "../services/postgres";
import { RabbitMq } from "../services/rabbitmq";
import { sharedPostgres } from "../services/shared";
import { pause, waitFor } from "../services/wait";
import {
  assertStored, brokerNode, COUNT, createTable, deadLetters, inNode, lockTable, messages, postgresNode, publish, scaled, tab, untilEmpty, untilUnsettled, writeNode,
} from "./bridge";

describe("queue to database, while things break", function () {
  this.timeout(scaled(120_000));
  let postgres: Postgres;
  const rabbit = new RabbitMq();
  const nodeRed = new NodeRed();
  const sent = messages(COUNT);

  before(async () => {
    postgres = await sharedPostgres();
    await Promise.all([rabbit.start(), nodeRed.start()]);
  });
  after(async () => {
    await nodeRed.stop();
    await rabbit.stop();
  });

  const flow = (queue: string, more: Record<string, unknown> = {}) => tab(brokerNode(rabbit), inNode(queue, ["write"], more), postgresNode(postgres), writeNode(queue));

  /** Fills `queue`, deploys, and resolves with at least 100 messages taken and none stored; call what it gives to let them be stored. */
  async function midway(queue: string, more: Record<string, unknown> = {}): Promise<() => Promise<void>> {
    await createTable(postgres, queue);
    await publish(rabbit, queue, sent);
    const unlock = await lockTable(postgres, queue);
    await nodeRed.deploy(flow(queue, more));
    await untilUnsettled(rabbit, queue);
    return unlock;
  }

  const attempts = async (table: string): Promise<unknown> =>
    ((await postgres.query(`select max(attempt)::int as attempt from ${table}`)) as { attempt: number }[])[0]?.attempt;

  it("a killed broker loses nothing", async () => {
    const unlock = await midway("killed_broker");
    await rabbit.writeDown(); // the node's delay queues, too
    await rabbit.kill();
    await unlock();
    await rabbit.start();
    await untilEmpty(rabbit, "killed_broker");
    await assertStored(postgres, "killed_broker", sent);
    assert.equal(await deadLetters(rabbit, "killed_broker"), 0);
  });

  it("a database that is away for 5 s loses nothing, dead-letters nothing, counts no attempt", async () => {
    const unlock = await midway("database_5s");
    await postgres.halt();
    await unlock();
    await pause(5000);
    await postgres.start();
    await untilEmpty(rabbit, "database_5s");
    await assertStored(postgres, "database_5s", sent);
    assert.equal(await deadLetters(rabbit, "database_5s"), 0);
    assert.equal(await attempts("database_5s"), 1);
  });

  it("a database that is away longer than all retry steps and the deadline together: the same", async () => {
    // steps of 100, 200 and 300 ms and a deadline of 8 s, which runs while the table is locked: together 8.6 s
    const unlock = await midway("database_long", { retries: 3, retryDelay: 100, retryMaxDelay: 300, deadline: 8000 });
    await postgres.kill();
    await unlock();
    await pause(10_000);
    await postgres.start();
    await untilEmpty(rabbit, "database_long");
    await assertStored(postgres, "database_long", sent);
    assert.equal(await deadLetters(rabbit, "database_long"), 0);
    assert.equal(await attempts("database_long"), 1);
  });

  it("a killed Node-RED loses nothing, and with upsert doubles nothing", async () => {
    const unlock = await midway("killed_node_red");
    await nodeRed.kill();
    await unlock();
    await nodeRed.start();
    await untilEmpty(rabbit, "killed_node_red");
    await assertStored(postgres, "killed_node_red", sent);
  });

  it("five full redeploys with Delay, Join and two functions on the way lose nothing, and leave no connection behind", async () => {
    const queue = "redeployed";
    await createTable(postgres, queue);
    await publish(rabbit, queue, sent);
    const join = { mode: "custom", build: "array", property: "payload", propertyType: "msg", count: "10", timeout: "1", joiner: "\\n", joinerType: "str" };
    const nodes = (version: number) =>
      tab(
        brokerNode(rabbit),
        inNode(queue, ["first"]),
        { id: "first", type: "function", func: `return msg; // ${version}`, outputs: 1, wires: [["delay"]] },
        { id: "delay", type: "delay", pauseType: "delay", timeout: "20", timeoutUnits: "milliseconds", outputs: 1, wires: [["join"]] },
        { id: "join", type: "join", ...join, wires: [["second"]] },
        { id: "second", type: "function", func: "return [msg.payload.map((payload) => ({ payload }))];", outputs: 1, wires: [["write"]] },
        postgresNode(postgres),
        writeNode(queue, { columns: [], linger: 5 }),
      );
    await nodeRed.deploy(nodes(0));
    for (let version = 1; version <= 5; version += 1) {
      const unlock = await lockTable(postgres, queue);
      await untilUnsettled(rabbit, queue);
      const deployed = nodeRed.deploy(nodes(version));
      await unlock();
      await deployed;
    }
    await untilEmpty(rabbit, queue);
    await assertStored(postgres, queue, sent);
    assert.equal(await deadLetters(rabbit, queue), 0);
    await waitFor("one connection to consume and at most one to publish", async () => (await rabbit.listConnections()).length <= 2);
    await nodeRed.deploy(tab());
    await waitFor("no connection to be left", async () => (await rabbit.listConnections()).length === 0);
  });
});
