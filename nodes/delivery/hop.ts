import type { NodeName } from "./outcome";
import type { Caught, Scope } from "./scope";
import type { Seat } from "./seat";

/** What the tracker needs of a Node-RED node. The underscored names are Node-RED's own (runtime/lib/nodes/Node.js, 4.1 and 5.0). */
export interface FlowNode extends NodeName {
  /** How many input handlers take a `done`. */
  _expectedDoneCount?: number;
  /** How many wires lead from it. */
  _wireCount?: number;
  _inputCallback?: unknown;
  _inputCallbacks?: unknown;
  _flow?: Flow;
  /** Of a Join. */
  mode?: string;
}

/** A flow or subflow of Node-RED's runtime (runtime/lib/flows/Flow.js). */
interface Flow {
  getNode(id: string): unknown;
  /** What the flow is to be; the nodes in it need not run. */
  flow?: { nodes?: Record<string, NodeName & { d?: boolean }> };
  parent?: Flow;
}

/** Where code runs: in which scope, and on whose Catch branch. Travels with `AsyncLocalStorage`. */
export interface FlowContext {
  scope: Scope;
  caught: Caught | undefined;
  /** The hop that the code of the node with this id works for, if it has not ended. */
  at(nodeId: string): Hop | undefined;
  /** Whether the node had something here, and has finished with it. */
  hasLeft(node: FlowNode): boolean;
}

/** What may be true of a hop; each is a bit of {@link Hop.marks}. `const`, so that no look-up is left of it when it runs. */
export const enum Mark {
  /** The message came by a wire, and was not handed over by other code. */
  Wired = 1,
  /** It is in the hands of its node, or was. */
  Received = 2,
  /** Its node has finished with it. */
  Ended = 4,
  /** Our own sink has stored what the message carries: a redeploy can no longer take that back. */
  Safe = 8,
  /** Ended although the node may still work, since it takes no `done`. */
  Untold = 16,
  /** Its handler runs in the context of the delivery, not in this one. */
  Shared = 32,
  /** A node of ours works on it, which finishes with it also while it is stopped. */
  Claimed = 64,
}

/**
 * One message on its way to one node, or in its hands. The life of a delivery is a tree of hops; when none is left, the flow has
 * finished with it. A node that sends on the very message it was given, and then has finished with it, needs no other hop: this one {@link goesOn}.
 *
 * Most of what a hop costs is to fetch it: a window of messages later it is out of the processor's caches. Hence bits, and not a field for each.
 */
export class Hop implements FlowContext {
  // those first that are looked at on each arrival: what lies together comes into the processor's cache together
  /** The tracker's count of arrivals when its node, with nothing else in its hands, sent the message on. */
  passedOn = -1;
  /** Where its node has sent the message on to while it was in its hands. When the node has finished with it, this hop {@link goesOn}. */
  ahead: Seat | undefined;
  /** Another live hop of the same message object: a node may send on what it received before it calls `done()`. */
  previous: Hop | undefined;
  /** Neighbours in the scope's list of live hops. */
  newer: Hop | undefined;
  older: Hop | undefined;

  /**
   * @param seat of the node
   * @param generation of the tracker when the hop began; tells whether flows were stopped since
   * @param marks what is true of it, so far {@link Mark.Wired} or nothing; {@link Mark.Received}, {@link Mark.Ended}, {@link Mark.Safe}, {@link Mark.Untold}, {@link Mark.Shared} and {@link Mark.Claimed} are added
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

  /** Its node has finished with the message, which is on its way to the next: what would be a new hop is this one. */
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
