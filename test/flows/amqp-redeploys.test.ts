import assert from "node:assert/strict";
import { connect } from "amqplib";
import { NodeRed, type FlowNode } from "../services/node-red";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedRabbit } from "../services/shared";
import { pause, waitFor } from "../services/wait";
import { drain, outNode, publishAll } from "./amqp-flow";
import { brokerNode, deadLetters, inNode, messages, publish, tab, untilEmpty } from "./bridge";

const REDEPLOYS = 50;

describe("fifty redeploys under load", function () {
  this.timeout(240_000);
  let rabbit: RabbitMq;
  const nodeRed = new NodeRed();

  before(async () => {
    [rabbit] = await Promise.all([sharedRabbit(), nodeRed.start()]);
  });
  after(() => nodeRed.stop());

  const ours = async (): Promise<string[]> => (await rabbit.listConnections()).map(({ clientName }) => clientName).filter((name) => name.includes("redeployed"));

  it("of nodes, flows and everything lose nothing, keep one connection a purpose and lock no consumer out", async () => {
    const [from, to] = [`redeploys.${process.pid}.from`, `redeploys.${process.pid}.to`];
    /** Each version changes the source, the work, or the broker: what is redeployed differs by it. */
    const flow = (version: number): FlowNode[] =>
      tab(
        { ...brokerNode(rabbit), name: "redeployed", heartbeat: 15 + (version % 3 === 2 ? version : 0) },
        inNode(from, ["work"], { prefetch: 100, name: version % 3 === 0 ? `version ${version}` : "" }),
        { id: "work", type: "function", func: `setTimeout(() => { node.send(msg); node.done(); }, 10); // ${version}`, outputs: 1, wires: [["out"]] },
        outNode(to, []),
      );
    await publish(rabbit, to, []);
    await publish(rabbit, from, []);
    await nodeRed.deploy(flow(0));

    const sent = messages(100_000);
    let published = 0;
    let over = false;
    const load = (async () => {
      while (!over) {
        await publishAll(rabbit, from, sent.slice(published, (published += 50)));
        await pause(50);
      }
    })();
    const most: Record<string, number> = {};
    const watch = (async () => {
      while (!over) {
        const count: Record<string, number> = {};
        for (const name of await ours()) count[name] = (count[name] ?? 0) + 1;
        for (const name in count) most[name] = Math.max(most[name] ?? 0, count[name] ?? 0);
        await pause(200);
      }
    })();
    for (let version = 1; version <= REDEPLOYS; version += 1) await nodeRed.deploy(flow(version), (["nodes", "flows", "full"] as const)[version % 3]);
    over = true;
    await Promise.all([load, watch]);

    assert.ok(published >= 10 * REDEPLOYS, `only ${published} messages for ${REDEPLOYS} redeploys`);
    await untilEmpty(rabbit, from);
    assert.deepEqual([...(await drain(rabbit, to))].sort(), sent.slice(0, published).map(({ id }) => id));
    assert.equal(await deadLetters(rabbit, from), 0);
    assert.deepEqual(Object.values(most), [1, 1], JSON.stringify(most));
    assert.equal((await rabbit.listQueues(from)).find(({ name }) => name === from)?.consumers, 1);
    assert.doesNotMatch(nodeRed.log, /RESOURCE_LOCKED|unknown delivery tag/);
    await nodeRed.deploy(tab());
    await waitFor("no connection to be left", async () => (await ours()).length === 0);
    const connection = await connect(rabbit.url);
    const channel = await connection.createChannel();
    assert.equal((await channel.checkQueue(from)).consumerCount, 0);
    await connection.close();
  });
});
