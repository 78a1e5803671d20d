import assert from "node:assert/strict";
import type { Message } from "amqplib";
import { AckWindow } from "../../../nodes/amqp/client/consuming/ack-window";
import { QueueAnswers } from "../../../nodes/amqp/client/consuming/queue-answers";
import type { Taken } from "../../../nodes/amqp/client/consuming/taking-channel";
import type { Delivery } from "../../../nodes/delivery/delivery";
import { refused, soon, Stage } from "./support";

describe("what a message that the broker wants an answer for is kept for", () => {
  const stage = new Stage();
  afterEach(() => stage.clear());

  /** One message taken from a queue whose retries wait in the process, each of which fails, too. @param longest ms that it may be kept for */
  async function failing(delay: number, longest: number): Promise<{ attempts: number[]; answered: string[]; warnings: string[] }> {
    const { connection } = stage.connection();
    const attempts: number[] = [];
    const answered: string[] = [];
    const warnings: string[] = [];
    const window = new AckWindow({ ack: (tag) => answered.push(`ack ${tag}`), nack: (tag) => answered.push(`nack ${tag}`) });
    const taken: Taken = { window, at: performance.now(), message: { content: Buffer.from("x"), fields: { deliveryTag: 1, exchange: "", routingKey: "orders" }, properties: {} } as unknown as Message };
    window.take(1);
    const answers: QueueAnswers = new QueueAnswers({
      from: { queue: "orders", queueType: "classic", deadLetterQueue: "orders.dlq", declare: false, waitsIn: "process" },
      node: { id: "source" },
      publish: connection,
      again: (_taken, attempt) => fail(attempt),
      warn: (text) => warnings.push(text),
      onForwarding: () => undefined,
      longest,
    });
    const fail = (attempt: number): void => {
      attempts.push(attempt);
      answers.answer({ taken } as unknown as Delivery<Taken>, { outcome: "retry", attempt, delay, error: refused });
    };
    fail(1);
    await soon("its answer", () => answered.length > 0);
    await answers.close();
    return { attempts, answered, warnings };
  }

  it("ends the retries in the process: the last comes before it is over, and is followed by the dead letter", async () => {
    const broker = await stage.plays();
    broker.makeQueue("orders.dlq");
    const { attempts, answered, warnings } = await failing(1_700, 2_500);
    assert.deepEqual([attempts, answered], [[1, 2, 3], ["ack 1"]]);
    assert.equal(broker.queue("orders.dlq").size, 1);
    assert.match(warnings.join(), /Retries that wait in Node-RED end after/);
  });

  it("gives it back alone where there is no queue for its dead letter, before the broker takes back all that is in the flow", async () => {
    await stage.plays();
    const { answered } = await failing(1_500, 1_000);
    assert.deepEqual(answered, ["nack 1"]);
  });
});
