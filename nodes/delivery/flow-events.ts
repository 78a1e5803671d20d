type Listener = (event?: never) => void;

/** The part of Node-RED's `RED.events` that is used here. */
export interface FlowEmitter {
  on(name: string, listener: Listener): unknown;
  removeListener(name: string, listener: Listener): unknown;
}

/** All listeners to events of one name. */
interface Audience {
  listeners: Set<Listener>;
  /** The one listener that is added to the emitter; it calls all the others. */
  tell: Listener;
}

const audiences = new WeakMap<FlowEmitter, Map<string, Audience>>();

/**
 * Calls `listener` at each event of that name; listeners are called in the order in which they were added. They share one listener of the emitter, since a flow may
 * have many nodes, and Node.js warns of a leak when an emitter has eleven listeners to one event.
 *
 * @returns a function that removes `listener` again
 */
export function onFlowEvent<E>(events: FlowEmitter, name: string, listener: (event?: E) => void): () => void {
  const byName = audiences.get(events) ?? new Map<string, Audience>();
  audiences.set(events, byName);
  const audience = byName.get(name) ?? makeAudience();
  if (!byName.has(name)) {
    byName.set(name, audience);
    events.on(name, audience.tell);
  }
  const mine: Listener = (event) => listener(event);
  audience.listeners.add(mine);
  return () => {
    if (!audience.listeners.delete(mine) || audience.listeners.size > 0) return;
    byName.delete(name);
    events.removeListener(name, audience.tell);
  };
}

function makeAudience(): Audience {
  const listeners = new Set<Listener>();
  const tell: Listener = (event) => {
    for (const one of [...listeners]) if (listeners.has(one)) one(event);
  };
  return { listeners, tell };
}
