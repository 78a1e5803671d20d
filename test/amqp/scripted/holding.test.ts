import assert from "node:assert/strict";
import type { QueueMessage } from "../../../nodes/amqp/client/consuming/queue-message";
import type { Delivery } from "../../../nodes/delivery/delivery";
import { registry } from "../../../nodes/delivery/tracker/registry";
import type { ScriptedBroker } from "./broker";
import { refused, soon, Stage, type Opened } from "./support";

const letters = ["a", "b", "c", "d", "e"];
const payloads = (messages: QueueMessage[]): unknown[] => messages.map(({ payload }) => payload);

/** The broker's consumer timeout is half an hour; what a message may be kept for is less. */
describe("a queue source whose messages wait for a system that stays away", () => {
  const stage = new Stage();
  afterEach(() => stage.clear());

  /** A sink behind it that waits for its system with each message, until that is back. */
  async function waiting(version: string, contents = letters): Promise<{ broker: ScriptedBroker; opened: Opened; isBack(refusing?: string): void }> {
    const broker = await stage.plays({ version });
    broker.makeQueue("orders", { "x-queue-type": "quorum", "x-delivery-limit": 20 });
    broker.send("orders", contents);
    let away = true;
    let refuses: string | undefined;
    const waits: QueueMessage[] = [];
    const work = (message: QueueMessage, settle: Opened["settle"]): void => (message.payload === refuses ? settle(message, "dead-letter", refused) : settle(message, "accept"));
    const answer = (message: QueueMessage, settle: Opened["settle"]): void => {
      if (!away) return work(message, settle);
      (registry.find((message.delivery as { id: string }).id) as Delivery).hold("the database is away");
      waits.push(message);
    };
    const isBack = (refusing?: string): void => {
      away = false;
      refuses = refusing;
      for (const message of waits) work(message, opened.settle); // those that went back are closed
    };
    const opened = await stage.consuming({ queue: "orders", declare: "existing", prefetch: 4 }, answer, undefined, { longest: 300 });
    await soon("what it takes at once", () => opened.messages.length >= (contents === letters ? 4 : 1));
    return { broker, opened, isBack };
  }

  it("gives them back before the broker does so, and takes one at a time until the system is back", async () => {
    const { broker, opened, isBack } = await waiting("4.2.3");
    const { messages, states } = opened;
    await soon("the first alone, twice", () => messages.length >= 6);
    assert.deepEqual(payloads(messages.slice(0, 6)), ["a", "b", "c", "d", "a", "a"]);
    assert.deepEqual(broker.queue("orders").ready.filter(({ place }) => place > 1).map(({ deliveryCount }) => deliveryCount), [1, 1, 1, 0], "the others were not given out again");
    await soon("the state", () => states.at(-1)?.kind === "holding");
    isBack();
    await soon("an empty queue", () => broker.queue("orders").size === 0);
    assert.deepEqual([payloads(messages.slice(-5)), broker.dropped.length], [letters, 0]);
    assert.equal(states.filter(({ kind }) => kind === "waiting").length, 0, "its channel was never lost");
    assert.deepEqual(new Set(broker.seen("basic.qos").map(({ fields }) => fields.prefetchCount as number)), new Set([4, 1]));
    await soon("as many at once as before", () => broker.seen("basic.qos").at(-1)?.fields.prefetchCount === 4);
  });

  it("gives those back, too, that wait for their turn behind large ones", async () => {
    const large = letters.map((letter) => letter.repeat(100_000));
    const { broker, opened, isBack } = await waiting("4.3.1", large);
    await soon("the first again", () => opened.messages.length >= 3);
    const begins = opened.messages.map(({ payload }) => String(payload)[0]).join("");
    assert.match(begins, /^ab?a+$/, "the second, where it was read already, once");
    isBack();
    await soon("an empty queue", () => broker.queue("orders").size === 0);
  });

  it("goes on with the others, too, where the first fails that gets through, and there is no queue for dead letters", async () => {
    const { broker, opened, isBack } = await waiting("4.3.1");
    await soon("the first alone", () => opened.messages.length >= 5);
    isBack("a");
    await soon("the others", () => broker.queue("orders").size === 1);
    assert.equal(stage.broker.dropped.length, 0);
  });

  it("says that it takes messages when the wait is over in the turn it began in", async () => {
    const broker = await stage.plays();
    const { messages, states } = await stage.consuming({ queue: "orders" }, (message) => {
      const delivery = registry.find((message.delivery as { id: string }).id) as Delivery;
      delivery.hold("the database is away");
      delivery.resume();
    });
    broker.send("orders", ["a"]);
    await soon("the message", () => messages.length === 1 && states.some(({ kind }) => kind === "holding"));
    await soon("the state", () => states.at(-1)?.kind === "consuming");
  });

  it("says that it has paused when that was asked of it while it waited", async () => {
    const broker = await stage.plays();
    const held: Delivery[] = [];
    const { source, states } = await stage.consuming({ queue: "orders" }, (message) => {
      const delivery = registry.find((message.delivery as { id: string }).id) as Delivery;
      delivery.hold("the database is away");
      held.push(delivery);
    });
    broker.send("orders", ["a"]);
    await soon("the wait", () => states.at(-1)?.kind === "holding" && broker.queue("orders").takers.length === 0);
    source.pause("asked");
    held.forEach((delivery) => delivery.resume());
    await soon("the state", () => states.at(-1)?.kind === "paused");
  });

  it("leaves them to others while it waits", async () => {
    const { broker } = await waiting("4.3.1");
    const other = stage.source({ queue: "orders", declare: "existing" }, (message, settle) => settle(message, "accept"));
    await soon("an empty queue", () => broker.queue("orders").size === 0);
    assert.deepEqual(payloads(other.messages).sort(), letters);
  });
});
