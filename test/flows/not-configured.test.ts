import assert from "node:assert/strict";
import { NodeRed } from "../services/node-red";
import type { Postgres } from "../services/postgres";
import type { RabbitMq } from "../services/rabbitmq";
import { sharedPostgres, sharedRabbit } from "../services/shared";
import { pause, waitFor } from "../services/wait";
import { assertStored, brokerNode, createTable, deadLetters, inNode, messages, postgresNode, publish, tab, untilEmpty, writeNode } from "./bridge";

describe("a flow whose last node is not configured", function () {
  this.timeout(180_000);
  let postgres: Postgres;
  let rabbit: RabbitMq;
  const nodeRed = new NodeRed();

  before(async () => {
    [postgres, rabbit] = await Promise.all([sharedPostgres(), sharedRabbit(), nodeRed.start()]);
  });
  after(() => nodeRed.stop());

  it("consumes nothing and logs little until the next deploy, and then stores everything at once", async () => {
    const queue = "not_configured";
    const sent = messages(500);
    await createTable(postgres, queue);
    await publish(rabbit, queue, sent);
    const flow = (write: object) => tab(brokerNode(rabbit), inNode(queue, ["write"], { prefetch: 20 }), postgresNode(postgres), writeNode(queue, { ...write }));
    const before = nodeRed.log.length;
    await nodeRed.deploy(flow({ database: "" }));
    const lines = (): string[] => nodeRed.log.slice(before).split("\n").filter((line) => line.includes("NOT_CONFIGURED") || line.includes("No database"));
    const ready = async (): Promise<boolean> => {
      const found = (await rabbit.listQueues(queue)).find(({ name }) => name === queue);
      return found?.consumers === 0 && found.ready === sent.length;
    };
    await waitFor("the node to say so", () => lines().length > 0);
    await waitFor("everything back in the queue, and nobody to take it", ready, { timeout: 60_000 });
    const logged = lines().length;
    await pause(3_000); // longer than the first pauses would be
    assert.ok(await ready());
    assert.equal(lines().length, logged);
    assert.ok(logged <= 41, `${logged} lines`); // one a message that was in the flow, and one of the node itself

    await nodeRed.deploy(flow({}), "nodes");
    await untilEmpty(rabbit, queue);
    await assertStored(postgres, queue, sent);
    assert.equal(await deadLetters(rabbit, queue), 0);
  });
});
