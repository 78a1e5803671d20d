import { hiddenSlot } from "../../common/hidden-slot";
import { type FlowNode, type Hop, Mark } from "./hop";
import { covers, type Scope } from "./scope";

/** The newest hop of each message, live or not. {@link Hop.previous} leads to the others, if they are live. */
const newest = hiddenSlot<Hop>();

/** The message that was looked up last, and its hop. Mostly a node sends a message on and finishes with it before another message is looked up. */
let asked: object | undefined;
let found: Hop | undefined;

/** Forgets the message that was looked up last, so that its memory can be freed: it may be large. */
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

/** The newest hop of `message`, live or not, if its scope is still open. */
export function openHopOf(message: object): Hop | undefined {
  const hop = hopOf(message);
  return hop && !hop.scope.closed ? hop : undefined;
}

/** Makes `hop` the newest of its message. */
export function addHop(hop: Hop): void {
  const { message } = hop;
  const previous = liveOf(hopOf(message));
  if (previous) previous.previous = liveOf(previous.previous); // else a message that goes round in a loop for hours would keep all its former hops
  hop.previous = previous;
  newest.set(message, hop);
  asked = message;
  found = hop;
}

/** A hop has ended. If it comes right behind the newest of its message, it is taken out at once, so that messages under way do not keep ended hops in memory. */
export function hopEnded(hop: Hop): void {
  const last = hopOf(hop.message);
  if (last?.previous === hop) last.previous = hop.previous;
}

/** The live hop of `message` to `node`. @param received {@link Mark.Received} to find one in the node's hands, 0 for one on its way there */
export function findHop(message: object, node: FlowNode, received: number): Hop | undefined {
  let hop = hopOf(message);
  while (hop && (hop.node !== node || (hop.marks & (Mark.Received | Mark.Ended)) !== received)) hop = hop.previous;
  return hop;
}

/**
 * Whether the message of `newest` is still in the flow for another delivery than that of `scope`, and not in the hands of `sender`: a function returns the object that it keeps, again and again.
 * Were it sent as it is, nobody could tell which of the two a node is done with.
 */
export function isInUse(newest: Hop, sender: FlowNode, scope: Scope | undefined): boolean {
  return scope !== undefined && (newest.marks & Mark.Ended) === 0 && !covers(newest.scope, scope) && !findHop(newest.message, sender, Mark.Received);
}

/** `hop`, or the first before it that is live. */
function liveOf(hop: Hop | undefined): Hop | undefined {
  while (hop && (hop.marks & Mark.Ended) !== 0) hop = hop.previous;
  return hop;
}
