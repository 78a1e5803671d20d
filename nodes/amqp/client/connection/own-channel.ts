import type { Channel, ChannelModel } from "amqplib";
import { closeChannel } from "./supervised-channel";

/** Opens a channel for requests. What the broker refuses rejects the promise of the request, and ends only this channel. */
export async function openChannel(model: ChannelModel): Promise<Channel> {
  const channel = await model.createChannel();
  channel.on("error", () => undefined); // the rejected promise tells it; without a listener it would end the whole connection
  return channel;
}

/** Makes requests on a channel of their own, which is closed when they have ended. @returns and throws what `requests` does */
export async function onOwnChannel<T>(model: ChannelModel, requests: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await openChannel(model);
  try {
    return await requests(channel);
  } finally {
    await closeChannel(channel, 1_000);
  }
}
