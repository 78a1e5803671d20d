import type { Delivery } from "../delivery";
import { flowTracker } from "../tracker/flow-tracker";

/** Learns whose code ends the process. It must do all its work at once, because nothing asynchronous runs any more. */
type Listener = (delivery: Delivery) => void;

const listeners = new Set<Listener>();

/**
 * Calls `listener` when the process exits in code that runs for an open delivery: by an uncaught exception, by an unhandled rejection, or because the code itself calls for
 * the exit. Node.js exits in the asynchronous context of that code. When the process is killed or runs out of memory, the listener is not called.
 *
 * @returns a function that stops this
 */
export function onLastWords(listener: Listener): () => void {
  if (listeners.size === 0) process.on("exit", exits);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) process.removeListener("exit", exits);
  };
}

function exits(): void {
  const delivery = flowTracker.running;
  if (delivery) for (const listener of listeners) listener(delivery);
}
