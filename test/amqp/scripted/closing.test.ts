import assert from "node:assert/strict";
import { Broker } from "../../../nodes/amqp/client/broker";
import { refused, soon, Stage } from "./support";

describe("a redeploy on a scripted broker that blocks publishing, while copies wait", function () {
  this.timeout(60_000);
  const stage = new Stage();
  afterEach(() => stage.clear());

  it("gives back by nack what could not be copied, and closes the connections after their users", async () => {
    const broker = await stage.plays();
    const config = new Broker({ urls: [broker.url] });
    const user = {};
    const link = config.acquire(user);
    const { source, messages, settle } = await stage.consuming({ queue: "orders" }, undefined, { link, lines: [] });
    broker.send("orders", ["first", "a", "b"]);
    await soon("all", () => messages.length === 3);
    settle(messages[0], "dead-letter", refused); // opens the connection that is blocked next
    await soon("its dead letter", () => broker.queue("orders.dlq").size === 1);
    broker.block("low on memory");
    await soon("the block", () => link.publish.state.kind === "blocked");
    for (const message of messages.slice(1)) settle(message, "dead-letter", refused);
    const closed: string[] = [];
    // in one pass, as Node-RED does
    await Promise.all([
      source.close().then(() => {
        closed.push("source");
        return config.release(user);
      }),
      config.close().then(() => closed.push("broker")),
    ]);
    assert.deepEqual(closed, ["source", "broker"]);
    assert.deepEqual(broker.queue("orders").contents, ["a", "b"]);
    assert.deepEqual(broker.queue("orders").ready.map(({ deliveryCount }) => deliveryCount), [0, 0], "a message that is lost with its connection has failed, for 4.3");
    assert.equal(broker.seen("basic.nack").length, 1);
  });
});
