import type { ChannelModel } from "amqplib";

/** What a connection has ended with, once it has. */
export interface Ending {
  error?: unknown;
}

const endings = new WeakMap<ChannelModel, Ending>();

/**
 * Channels are only told that they are closed when their connection is. One listener serves all of a
 * connection: Node.js warns of more than ten, and hundreds of nodes may share one.
 */
export function endingOf(model: ChannelModel): Ending {
  let ending = endings.get(model);
  if (ending) return ending;
  ending = {};
  endings.set(model, ending);
  model.on("error", (error: unknown) => void Object.assign(ending, { error }));
  return ending;
}
