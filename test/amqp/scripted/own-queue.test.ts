import assert from "node:assert/strict";
import { soon, Stage } from "./support";

/** What the real broker of the tests cannot show: it is older. */
describe("a queue of one's own on a scripted broker", () => {
  const stage = new Stage();
  afterEach(() => stage.clear());

  for (const [version, how] of [["4.2.3", "closes the channel"], ["4.3.1", "ends the consumer"]] as const) {
    it(`is taken by ${version}, and lives on with what is in it when a timeout ${how}`, async () => {
      const broker = await stage.plays({ version });
      const { source, messages, settle, warnings } = await stage.consuming({ queue: "", declare: "temporary", deadLetterQueue: "own.dlq", bindings: [{ exchange: "plant", exchangeType: "fanout" }] });
      const name = source.queue;
      const [declared] = broker.seen("queue.declare").filter(({ fields }) => fields.queue === name && !fields.passive);
      assert.deepEqual([declared?.fields.exclusive, declared?.fields.durable, declared?.fields.autoDelete], [true, false, false]);
      broker.send(name, ["kept"]);
      await soon("the message", () => messages.length === 1);
      broker.timeOutConsumers(name);
      await soon("it again", () => messages.length === 2);
      assert.equal(source.queue, name);
      settle(messages[1], "accept");
      await soon("an empty queue", () => broker.queue(name).size === 0);
      assert.deepEqual([warnings, broker.faults], [[], []]);
    });
  }
});
