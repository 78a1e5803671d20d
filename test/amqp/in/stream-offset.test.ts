import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ChannelModel, ConsumeMessage } from "amqplib";
import { lastOffset } from "../../../nodes/amqp/in/stream-offset";
import { pause } from "../../services/wait";

/** A broker whose stream has messages up to `last`, as a line that stalls after the first of them shows it. */
function stalling(last: number | undefined, stall: number): ChannelModel {
  let handle: (message: ConsumeMessage) => void = () => assert.fail("nobody consumes");
  const send = (offset: number): void => handle({ fields: {}, properties: { headers: { "x-stream-offset": offset } } } as unknown as ConsumeMessage);
  let sent = 0;
  const channel = Object.assign(new EventEmitter(), {
    // answers come in turn, behind what was sent before
    prefetch: async () => {
      if (sent === 0) return;
      await pause(stall);
      while (sent <= (last ?? -1)) send(sent++);
    },
    consume: (_queue: string, onMessage: typeof handle) => {
      handle = onMessage;
      if (last !== undefined) setImmediate(() => send(sent++));
      return Promise.resolve({ consumerTag: "c" });
    },
    close: () => Promise.resolve(),
    ack: () => undefined,
  });
  return { createChannel: () => Promise.resolve(channel) } as unknown as ChannelModel;
}

describe("a stream's last offset", () => {
  it("is that of its last message, however long the connection stalls before it", async () => {
    assert.equal(await lastOffset(stalling(399, 1_000), "s", { firstWithin: 200 }), 399);
  });

  it("is not known while nothing comes", async () => {
    assert.equal(await lastOffset(stalling(undefined, 0), "s", { firstWithin: 20 }), undefined);
  });
});
