import assert from "node:assert/strict";
import { LetterBox } from "../../../nodes/amqp/redrive/letter-box";
import { sharedRabbit } from "../../services/shared";
import { connectionTo, Plain, SlowLine, unique } from "../support";

describe("a box of dead letters", function () {
  this.timeout(60_000);

  it("delivers large ones also on a slow connection", async () => {
    const rabbit = await sharedRabbit();
    const plain = await Plain.to(rabbit);
    const queue = await plain.makeQueue(unique("large"), { "x-queue-type": "classic" });
    await plain.send(queue, Array.from({ length: 12 }, () => Buffer.alloc(2_000_000)));
    const line = new SlowLine(rabbit.port, 6_000, true);
    const { connection } = connectionTo(rabbit, { urls: [await line.start()] });
    const box = new LetterBox({ connection, queue, ahead: 200, answerTimeout: 1_000, onLost: () => undefined });
    try {
      assert.equal(await box.open(10_000), 12);
      for (let taken = 0; taken < 12; taken += 1) {
        const message = await box.take();
        assert.ok(message && box.ack(message));
      }
    } finally {
      await box.close();
      await connection.close();
      line.stop();
      await plain.close();
    }
  });
});
