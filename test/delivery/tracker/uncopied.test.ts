import assert from "node:assert/strict";
import amqpIn from "../../../nodes/amqp/in/in";
import { waitFor } from "../../services/wait";
import { nodeBench } from "../../amqp/node-bench";
import { unique } from "../../amqp/support";

describe("a message that Node-RED cannot copy for its second wire, as it is nested some thousand deep", function () {
  this.timeout(60_000);
  const bench = nodeBench([amqpIn]);

  it("fails, rather than stay in the flow until its deadline, and does not hold up others", async () => {
    const queue = unique("deep");
    const source = { id: "in", type: "surewire-amqp-in", broker: "broker", queue, queueType: "classic", retries: 1, retryDelay: 50, wires: [["end", "other"]] };
    await bench.load([bench.broker(), source, { id: "end", type: "test-end" }, { id: "other", type: "test-end" }]);
    await waitFor("the consumer", async () => (await bench.plain.count(queue).catch(() => undefined))?.consumers === 1);
    await bench.plain.send(queue, ["[".repeat(30_000) + "]".repeat(30_000)], { contentType: "application/json" });
    await bench.plain.send(queue, ["behind it"]);
    const dead = await bench.plain.get(`${queue}.dlq`);
    assert.equal(dead.properties.headers?.["x-error-message"], "Maximum call stack size exceeded");
    await waitFor("the other", () => bench.received.length === 2);
    await bench.empty(queue);
  });
});
