import type { Delivery } from "../delivery";
import { flowTracker } from "../tracker/flow-tracker";

/** Told whose code has ended the process. There is no time left for anything that takes time. */
type Listener = (delivery: Delivery) => void;

const listeners = new Set<Listener>();

/**
 * Calls `listener` as the process exits in code that runs for an open delivery: by an exception that nobody catches, by a promise rejected in vain, or since it exits by itself. Node.js exits in
 * the asynchronous context of that code. Of a process that is killed, or out of memory, nobody is told.
 *
 * @returns how to stop
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
