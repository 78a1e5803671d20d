import assert from "node:assert/strict";
import { soon, Stage, type Opened } from "./support";

const ofTheCount = (warning: string): boolean => /x-delivery-count/.test(warning);

describe("a queue of a scripted broker that counts deliveries", () => {
  const stage = new Stage();
  afterEach(() => stage.clear());

  /** Two messages were in the flow as an `amqp in` was closed; the next one has them. */
  async function deployedTwice(def: Parameters<Stage["source"]>[0]): Promise<Opened> {
    const broker = await stage.plays({ version: "4.2.3" });
    broker.makeQueue(def.queue, { "x-queue-type": "quorum", "x-delivery-limit": 20 });
    broker.send(def.queue, ["a", "b"]);
    const first = await stage.consuming(def);
    await soon("both", () => first.messages.length === 2);
    await first.close();
    assert.deepEqual(first.warnings.filter(ofTheCount), []);
    const second = await stage.consuming(def);
    await soon("both again", () => second.messages.length === 2);
    return second;
  }

  it("is warned of, once, where the node may not say what becomes of a message that was given back too often", async () => {
    const { warnings } = await deployedTwice({ queue: "orders", declare: "existing" });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^Queue orders counts how often a message comes back \(x-delivery-count\).*delivery limit.*dead-letter exchange/);
  });

  it("is not warned of a second time where looking at the queue has told what differs", async () => {
    const { warnings } = await deployedTwice({ queue: "orders", retries: 0 });
    assert.match(warnings.join(), /^Queue orders exists with other properties/);
    assert.deepEqual(warnings.filter(ofTheCount), []);
  });

  it("is not warned of for a count that the sender has written", async () => {
    const broker = await stage.plays();
    broker.makeQueue("orders", { "x-queue-type": "classic" });
    broker.send("orders", ["a"], { "x-delivery-count": 7 });
    const { messages, warnings } = await stage.consuming({ queue: "orders", declare: "existing" });
    await soon("it", () => messages.length === 1);
    assert.deepEqual(warnings, []);
  });
});
