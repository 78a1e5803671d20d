import assert from "node:assert/strict";
import type { Channel } from "amqplib";
import { answerBehind } from "../../../../nodes/amqp/client/consuming/patient-request";

/** As amqplib's channel: given each frame that comes on it. */
function channelOf(taken: unknown[] = []): Channel & { accept(frame: unknown): void } {
  return { accept: (frame: unknown) => void taken.push(frame) } as unknown as Channel & { accept(frame: unknown): void };
}

const never = new Promise<never>(() => undefined);

describe("a request that waits behind messages", () => {
  it("is given up after its time when nothing comes on its channel, whatever comes on others of the connection", async () => {
    const [channel, other] = [channelOf(), channelOf()];
    const busy = setInterval(() => other.accept("frame"), 1);
    const began = performance.now();
    try {
      await assert.rejects(answerBehind(never, 500, channel), /longer than 0\.5 s/);
    } finally {
      clearInterval(busy);
    }
    assert.ok(performance.now() - began < 7_500, "it waited as if something had come"); // twenty times its time is 10 s
  });

  it("waits on while frames come, which the channel gets all the same", async () => {
    const taken: unknown[] = [];
    const channel = channelOf(taken);
    const request = new Promise<string>((resolve) => {
      const line = setInterval(() => {
        channel.accept(taken.length);
        if (taken.length < 40) return;
        clearInterval(line);
        resolve("answer");
      }, 30);
    });
    assert.equal(await answerBehind(request, 600, channel), "answer");
    assert.equal(taken.length, 40);
  });

  it("fails as it fails", () => assert.rejects(answerBehind(Promise.reject(new Error("no queue")), 1_000, channelOf()), /no queue/));
});
