import type { NodeName } from "../outcome";
import type { Caught, Scope } from "./scope";
import type { Seat } from "./seat";

/** What the tracker needs of a Node-RED node. The underscored names are Node-RED's own (runtime/lib/nodes/Node.js, 4.1 and 5.0). */
export interface FlowNode extends NodeName {
  /** How many input handlers take a `done`. */
  _expectedDoneCount?: number;
  /** How many wires lead away from it. */
  _wireCount?: number;
  _inputCallback?: unknown;
  _inputCallbacks?: unknown;
  _flow?: Flow;
  /** A setting of Join nodes. */
  mode?: string;
}

/** A flow or subflow of Node-RED's runtime (runtime/lib/flows/Flow.js). */
interface Flow {
  getNode(id: string): unknown;
  /** The flow's configuration; not all nodes in it need be running. `d`: disabled. */
  flow?: { nodes?: Record<string, NodeName & { d?: boolean }> };
  parent?: Flow;
}

/** Tells for which scope code runs, and on which Catch branches. Kept in an `AsyncLocalStorage`. */
export interface FlowContext {
  scope: Scope;
  caught: Caught | undefined;
  /** The hop for which the node with this id works in this context, if it has not ended. */
  at(nodeId: string): Hop | undefined;
  /** Whether the node has worked in this context and has finished with it. */
  hasLeft(node: FlowNode): boolean;
}

/** What may be true of a hop; each is a bit of {@link Hop.marks}. A `const enum`, so that the compiler puts in the numbers. */
export const enum Mark {
  /** The message was sent along a wire. Without this mark it was handed over directly by other code. */
  Wired = 1,
  /** The message has been given to its node. */
  Received = 2,
  /** Its node has finished with it. */
  Ended = 4,
  /** Our own sink has stored what the message carries: a redeploy can no longer take that back. */
  Safe = 8,
  /** Its node takes no `done`, so the hop ends although the node may still work. */
  Untold = 16,
  /** Its handler runs in the context of the delivery, not in that of the hop. */
  Shared = 32,
  /** A node of ours works on it, which may finish with it even after it was stopped. */
  Claimed = 64,
}

/**
 * One message on its way to one node, or in its hands. When no hop of a delivery is left, the flow has finished with the delivery. When a node sends on the
 * very message it was given and is then done, no other hop is needed: this one {@link goesOn}.
 *
 * Most of the cost of a hop is fetching it from memory, since it has left the processor's caches by the time it is needed again. So it is kept small: bits in
 * {@link marks} instead of a field for each.
 */
export class Hop implements FlowContext {
  // These come first since they are read on each arrival: neighbouring fields come into the processor's cache together
  /** The tracker's count of arrivals when its node, with nothing else in its hands, sent the message on. */
  passedOn = -1;
  /** The node that its node has sent the message on to, while it still has it in its hands. When it has finished with it, this hop {@link goesOn} there. */
  ahead: Seat | undefined;
  /** Another live hop of the same message object: a node may send on what it received before it calls `done()`. */
  previous: Hop | undefined;
  /** Neighbours in the scope's list of live hops. */
  newer: Hop | undefined;
  older: Hop | undefined;

  /**
   * @param seat of the node
   * @param generation of the tracker when the hop began; tells whether flows were stopped since
   * @param marks {@link Mark.Wired} or 0 at first; the others are added later
   */
  constructor(
    public scope: Scope,
    readonly message: object,
    public seat: Seat,
    readonly generation: number,
    public marks: number,
    public caught: Caught | undefined,
  ) {}

  /** The node it leads to. */
  get node(): FlowNode {
    return this.seat.node;
  }

  /** Its node has finished with the message, which is on its way to the next node: this becomes the hop to that. */
  goesOn(ahead: Seat): void {
    this.seat = ahead;
    this.ahead = undefined;
    this.marks = Mark.Wired;
  }

  at(nodeId: string): Hop | undefined {
    return this.node.id === nodeId && (this.marks & Mark.Ended) === 0 ? this : undefined;
  }

  hasLeft(node: FlowNode): boolean {
    return this.node === node && (this.marks & Mark.Ended) !== 0;
  }
}
