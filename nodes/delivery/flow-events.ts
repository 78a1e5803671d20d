type Listener = (event?: never) => void;

/** What is used of Node-RED's events. */
export interface FlowEmitter {
  on(name: string, listener: Listener): unknown;
  removeListener(name: string, listener: Listener): unknown;
}

/** All who are told of one event. */
interface Audience {
  listeners: Set<Listener>;
  /** The emitter's one listener. */
  tell: Listener;
}

const audiences = new WeakMap<FlowEmitter, Map<string, Audience>>();

/**
 * Calls `listener` at each event of that name, in the order in which they came. They share one listener of the emitter: of eleven Node.js says that
 * they look like a leak, and a flow may have more nodes than that.
 *
 * @returns how to stop
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
