import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Plain, text } from "../amqp/support";
import type { RabbitMq } from "../services/rabbitmq";
import { NodeRed } from "../services/node-red";
import { sharedRabbit } from "../services/shared";
import { waitFor } from "../services/wait";
import { brokerNode, deadLetters, inNode, messages, publish, tab, untilEmpty } from "./bridge";

describe("a message that ends Node-RED", function () {
  this.timeout(120_000);
  let rabbit: RabbitMq;
  // a folder of its own: one that the service makes would go away with a start that fails
  const folder = mkdtempSync(path.join(tmpdir(), "surewire-poison-"));
  const nodeRed = new NodeRed({ folder });

  before(async () => {
    [rabbit] = await Promise.all([sharedRabbit(), nodeRed.start()]);
  });
  after(async () => {
    await nodeRed.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is dead-lettered when it has done so twice, as asked for, and all others go through", async () => {
    const sent = messages(60);
    await publish(rabbit, "poisoned", sent);
    await publish(rabbit, "poisoned_out", []);
    await nodeRed.deploy(
      tab(
        brokerNode(rabbit),
        inNode("poisoned", ["work"], { poisonLimit: 2 }),
        // an unhandled rejection, which no node can catch, ends the process
        { id: "work", type: "function", func: "if (msg.payload.value === 42) Promise.reject(new Error('poison')); return msg;", outputs: 1, wires: [["out"]] },
        { id: "out", type: "surewire-amqp-out", name: "", broker: "broker", exchange: "", exchangeType: "str", routingKey: "poisoned_out", routingKeyType: "str", format: "json", wires: [[]] },
      ),
    );
    for (;;) {
      await waitFor("Node-RED to end or the message to be put away", async () => !nodeRed.isRunning || (await deadLetters(rabbit, "poisoned")) === 1);
      if (nodeRed.isRunning) break;
      await nodeRed.start().catch(() => undefined); // it may end before it has said that it started, and then that is tried once more
    }
    assert.equal(nodeRed.log.split("Welcome to Node-RED").length - 1, 3, "two have ended");
    await untilEmpty(rabbit, "poisoned");
    await nodeRed.deploy(tab());
    const plain = await Plain.to(rabbit);
    const ids = new Set<string>();
    for (let { messages: left } = await plain.count("poisoned_out"); left > 0; left -= 1) {
      ids.add((JSON.parse(text(await plain.get("poisoned_out"))) as { id: string }).id);
    }
    assert.deepEqual([...ids].sort(), sent.filter(({ value }) => value !== 42).map(({ id }) => id));
    const dead = await plain.get("poisoned.dlq");
    assert.equal(dead.properties.headers?.["x-error-code"], "POISON");
    assert.match(text(dead), /"value":42/);
    await plain.close();
  });
});
