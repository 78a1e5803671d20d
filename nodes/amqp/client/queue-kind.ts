import type { ChannelModel } from "amqplib";
import { brokerText, replyCode } from "./errors";
import { closeChannel } from "./supervised-channel";

/**
 * Whether the queue is a stream. `basic.get` on one is answered with 540, which ends the whole connection and with it everybody's channels
 * (seen with 3.10.8), so who means to get asks first.
 *
 * Nothing but a refused declaration tells a queue's type. This one is always refused, even for a missing queue, and so makes nothing: its
 * second argument is one that only streams have, with a value that none can have. Without the right to declare nobody can tell; the
 * answer is no then.
 */
export async function isStream(model: ChannelModel, queue: string): Promise<boolean> {
  const channel = await model.createChannel();
  channel.on("error", () => undefined); // the refusal itself says it
  try {
    await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "stream", "x-stream-max-segment-size-bytes": -1 } });
    return false;
  } catch (error) {
    return replyCode(error) === 406 && /inequivalent arg 'x-stream-max-segment-size-bytes'/.test(brokerText(error));
  } finally {
    await closeChannel(channel, 1_000);
  }
}

/** How many messages wait in the queue, not counting those that somebody has taken. @throws when it is missing */
export async function messagesIn(model: ChannelModel, queue: string): Promise<number> {
  const channel = await model.createChannel();
  channel.on("error", () => undefined); // the promise says it
  try {
    return (await channel.checkQueue(queue)).messageCount;
  } finally {
    await closeChannel(channel, 1_000);
  }
}
