import type { ChannelModel } from "amqplib";
import { brokerText, replyCode } from "./errors";
import { onOwnChannel } from "./connection/own-channel";

/**
 * Whether the queue is a stream. The broker answers `basic.get` on a stream with 540, which ends the whole connection with the channels of all its users (seen with
 * 3.10.8), so this must be checked before.
 *
 * Only a refused declaration shows the type of a queue. This declaration is always refused, even for a missing queue, and so creates nothing: its second argument is one
 * that only streams have, with a value that is never valid. Without the permission to declare, the type cannot be found out, and the answer is false.
 */
export function isStream(model: ChannelModel, queue: string): Promise<boolean> {
  const neverValid = { "x-queue-type": "stream", "x-stream-max-segment-size-bytes": -1 };
  return onOwnChannel(model, (channel) =>
    channel.assertQueue(queue, { durable: true, arguments: neverValid }).then(
      () => false,
      (error: unknown) => replyCode(error) === 406 && /inequivalent arg 'x-stream-max-segment-size-bytes'/.test(brokerText(error)),
    ),
  );
}

/** Returns how many messages wait in the queue, without those that were delivered and not yet acknowledged. @throws the broker's error when the queue is missing */
export async function messagesIn(model: ChannelModel, queue: string): Promise<number> {
  return (await onOwnChannel(model, (channel) => channel.checkQueue(queue))).messageCount;
}
