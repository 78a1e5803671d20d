import type { ChannelModel, Message } from "amqplib";
import { within } from "../../common/deadline";
import { onOwnChannel } from "../client/connection/own-channel";

/** The largest possible prefetch. A broker that keeps to the prefetch exactly (4.x) sends a longer chunk in parts. */
const WHOLE_CHUNK = 65_535;

/** The offset of a message in its stream; `undefined` if it does not come from a stream. */
export function offsetOf(message: Message): number | undefined {
  const offset: unknown = message.properties.headers?.["x-stream-offset"];
  return typeof offset === "number" ? offset : undefined;
}

/** A time as the consumer argument `x-stream-offset`. Reading begins with the chunk of that time, so a few earlier messages may come, too. @param time ms since 1970 */
export function timestampArgument(time: number): unknown {
  return { "!": "timestamp", value: Math.floor(time / 1000) };
}

/** How an end of a stream is looked up. */
interface Look {
  /** ms in which the first message must have come. Default 2000. */
  firstWithin: number;
}

/** Finds the offset of the last message in a stream by reading its last chunk. @returns `undefined` when nothing came at all: the stream is empty, or does not answer */
export async function lastOffset(model: ChannelModel, queue: string, look?: Look): Promise<number | undefined> {
  return (await offsetsFrom("last", WHOLE_CHUNK, model, queue, look)).at(-1);
}

/** Finds the offset of the first message that a stream still has. @returns `undefined` as {@link lastOffset} */
export async function firstOffset(model: ChannelModel, queue: string): Promise<number | undefined> {
  return (await offsetsFrom("first", 1, model, queue))[0];
}

/**
 * Reads the first or the last chunk of a stream. The broker sends a chunk in one go. So when it has answered a request that was made after the first message came, the
 * last one has come, too, however slow the network is.
 */
function offsetsFrom(end: "first" | "last", prefetch: number, model: ChannelModel, queue: string, { firstWithin }: Look = { firstWithin: 2_000 }): Promise<(number | undefined)[]> {
  return onOwnChannel(model, async (channel) => {
    const come: (number | undefined)[] = [];
    await channel.prefetch(prefetch, false);
    const first = new Promise<void>((resolve, reject) => {
      const read = (message: Message | null): void => {
        if (message) come.push(offsetOf(message));
        resolve();
      };
      channel.consume(queue, read, { arguments: { "x-stream-offset": end } }).catch(reject);
    });
    await within(first, firstWithin);
    await channel.prefetch(prefetch, false);
    return come;
  });
}
