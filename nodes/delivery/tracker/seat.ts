import type { FlowNode } from "./hop";
import { hiddenSlot } from "../../common/hidden-slot";
import { takesNoDone } from "../runtime";

const seats = hiddenSlot<Seat>();

let count = 0;

/** The node that was asked for last, and its seat: the same node is often asked for many times in a row. */
let asked: FlowNode | undefined;
let found: Seat | undefined;

/** What the tracker knows of a node. */
export class Seat {
  /** Whether it is a Catch node. */
  readonly catches: boolean;
  /** A bit for the node, so that a set of nodes fits in one number. With more than 31 nodes, several have the same. */
  readonly bit = 1 << (count++ % 31);
  /** How many live hops lead to the node. At 0, unless it has just finished with one, what it sends of unknown origin belongs to no delivery. */
  inHands = 0;
  /** How many of those have arrived. */
  holds = 0;
  /** The node does not tell when it has finished with a message, as of the last arrival: no handler of it takes a `done`, or it has no handler. */
  silent = false;
  /** The node's only input handler when last looked at, if it takes a `done`. While it is the same, {@link takesNoDone}, slow since nodes differ in shape, is not asked. */
  private handler: unknown;
  /** Whether the user was warned that deliveries cannot be followed through it. */
  warned = false;
  /** The node that it has sent to last, with its id and the tracker's generation then. It is valid for that generation, since nodes only go when flows are stopped. */
  private last: Seat | undefined;
  private lastId = "";
  private lastIn = -1;

  private constructor(readonly node: FlowNode) {
    this.catches = node.type === "catch";
  }

  /** The seat of a node. Makes one if there is none. */
  static of(node: FlowNode): Seat {
    if (node === asked && found) return found;
    let seat = seats.get(node);
    if (!seat) seats.set(node, (seat = new Seat(node)));
    asked = node;
    found = seat;
    return seat;
  }

  /** A message arrives: looks whether the node takes a `done`, since a node may change its handlers at any time. @returns {@link silent} */
  arrives(): boolean {
    const handler = this.node._inputCallback;
    if (handler && handler === this.handler) return false;
    this.silent = takesNoDone(this.node);
    this.handler = this.silent ? undefined : handler;
    return this.silent;
  }

  /** The node has sent a message to the running node with this id. @param seat of that node */
  reaches(id: string, seat: Seat, generation: number): void {
    this.last = seat;
    this.lastId = id;
    this.lastIn = generation;
  }

  /** The seat of the node with this id, if the last message was sent to that, in this generation. */
  reached(id: string, generation: number): Seat | undefined {
    return this.lastIn === generation && this.lastId === id ? this.last : undefined;
  }
}
