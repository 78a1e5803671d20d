import type { ChannelModel, Message } from "amqplib";
import { closeChannel } from "../client/supervised-channel";

/** The offset of a message in its stream; `undefined` for one that is of no stream. */
export function offsetOf(message: Message): number | undefined {
  const offset: unknown = message.properties.headers?.["x-stream-offset"];
  return typeof offset === "number" ? offset : undefined;
}

/** A time as a consumer argument: reading begins with the chunk of that time, so that a few earlier messages may come with it. @param time ms since the epoch */
export function timestampArgument(time: number): unknown {
  return { "!": "timestamp", value: Math.floor(time / 1000) };
}

/**
 * The offset of the last message in a stream, by reading from its last chunk on.
 *
 * @param quiet ms without a further message until that was the last
 * @returns `undefined` when nothing came at all: the stream is empty, or does not answer
 */
export async function lastOffset(model: ChannelModel, queue: string, quiet = 2_000): Promise<number | undefined> {
  const channel = await model.createChannel();
  channel.on("error", () => undefined); // consuming says it
  try {
    await channel.prefetch(100, false);
    let last: number | undefined;
    await new Promise<void>((resolve, reject) => {
      let timer = setTimeout(resolve, quiet);
      const read = (message: Message | null): void => {
        if (!message) return;
        last = offsetOf(message);
        channel.ack(message);
        clearTimeout(timer);
        timer = setTimeout(resolve, quiet);
      };
      channel.once("close", resolve);
      channel.consume(queue, read, { arguments: { "x-stream-offset": "last" } }).catch(reject);
    });
    return last;
  } finally {
    await closeChannel(channel, 1_000);
  }
}
