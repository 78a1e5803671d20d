import { hiddenSlot } from "./hidden-slot";
import { type FlowNode, type Hop, Mark } from "./hop";

/** The newest hop of each message, live or not; {@link Hop.previous} leads to the others that are live. */
const newest = hiddenSlot<Hop>();

/** The message that was looked up last: what a node was handed it mostly sends on and finishes with before anyone else asks. */
let asked: object | undefined;
let found: Hop | undefined;

/** Lets go of the message that was looked up last, which may be large. */
export function letGo(): void {
  asked = found = undefined;
}

/** The newest hop of `message`, live or not. */
export function hopOf(message: object): Hop | undefined {
  if (message === asked) return found;
  if (typeof message !== "object") return undefined; // `node.receive` takes anything
  found = newest.get(message);
  asked = message;
  return found;
}

/** The newest hop of `message`, live or not, if what it is counted in is still open. */
export function openHopOf(message: object): Hop | undefined {
  const hop = hopOf(message);
  return hop && !hop.scope.closed ? hop : undefined;
}

/** Makes `hop` the newest of its message. */
export function addHop(hop: Hop): void {
  const { message } = hop;
  const previous = liveOf(hopOf(message));
  if (previous) previous.previous = liveOf(previous.previous); // a message that goes round for hours keeps no trail
  hop.previous = previous;
  newest.set(message, hop);
  asked = message;
  found = hop;
}

/** A hop has ended: no longer needed to find another, it goes at once unless it is the newest, for many a message is on its way when memory is cleaned up. */
export function hopEnded(hop: Hop): void {
  const last = hopOf(hop.message);
  if (last?.previous === hop) last.previous = hop.previous;
}

/** The live hop of `message` to `node`. @param received {@link Mark.Received} when it is in the node's hands, 0 when on its way there */
export function findHop(message: object, node: FlowNode, received: number): Hop | undefined {
  let hop = hopOf(message);
  while (hop && (hop.node !== node || (hop.marks & (Mark.Received | Mark.Ended)) !== received)) hop = hop.previous;
  return hop;
}

function liveOf(hop: Hop | undefined): Hop | undefined {
  while (hop && (hop.marks & Mark.Ended) !== 0) hop = hop.previous;
  return hop;
}
