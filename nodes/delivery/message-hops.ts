import { hiddenSlot } from "./hidden-slot";
import type { FlowNode, Hop } from "./hop";

/** The newest hop of a message; {@link Hop.previous} leads to the others that are live. */
const newest = hiddenSlot<Hop>();

/** The newest hop of `message`, live or not. */
export function hopOf(message: object): Hop | undefined {
  return newest.get(message);
}

/** The newest hop of `message`, live or not, if what it is counted in is still open. */
export function openHopOf(message: object): Hop | undefined {
  const hop = newest.get(message);
  return hop && !hop.scope.closed ? hop : undefined;
}

/** Makes `hop` the newest of its message. */
export function addHop(hop: Hop): void {
  const previous = liveOf(newest.get(hop.message));
  if (previous) previous.previous = liveOf(previous.previous); // a message that goes round for hours keeps no trail
  hop.previous = previous;
  newest.set(hop.message, hop);
}

/** The live hop of `message` to `node`. @param received whether it is in the node's hands, or on its way there */
export function findHop(message: object, node: FlowNode, received: boolean): Hop | undefined {
  let hop = newest.get(message);
  while (hop && (hop.ended || hop.node !== node || hop.received !== received)) hop = hop.previous;
  return hop;
}

function liveOf(hop: Hop | undefined): Hop | undefined {
  while (hop?.ended) hop = hop.previous;
  return hop;
}
