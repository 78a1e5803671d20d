import assert from "node:assert/strict";
import { sharedRabbit } from "./shared";

describe("a private RabbitMQ for tests", function () {
  this.timeout(120_000);

  it("shows its queues and connections", async () => {
    const rabbit = await sharedRabbit();
    await rabbit.evaluate('begin rabbit_amqqueue:declare({resource, <<"/">>, queue, <<"services-test">>}, true, false, [], none, <<"guest">>), ok end');
    const queue = (await rabbit.listQueues("services-test")).find(({ name }) => name === "services-test");
    assert.deepEqual(queue, { name: "services-test", type: "classic", messages: 0, ready: 0, unacknowledged: 0, consumers: 0 });
    assert.equal((await rabbit.listConnections()).filter(({ clientName }) => clientName === "services-test").length, 0);
  });
});
