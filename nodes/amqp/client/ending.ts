import type { ChannelModel } from "amqplib";

/** The error that a connection has ended with. Empty until it has ended by one. */
export interface Ending {
  error?: unknown;
}

const endings = new WeakMap<ChannelModel, Ending>();

/**
 * Returns the object that will hold the error of a connection. When a connection ends, its channels only learn that they are closed, not why. All callers share one
 * listener for each connection, because Node.js warns of more than ten listeners and hundreds of nodes may use one connection.
 */
export function endingOf(model: ChannelModel): Ending {
  let ending = endings.get(model);
  if (ending) return ending;
  ending = {};
  endings.set(model, ending);
  model.on("error", (error: unknown) => void Object.assign(ending, { error }));
  return ending;
}
