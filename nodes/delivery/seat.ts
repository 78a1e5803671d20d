import type { FlowNode } from "./hop";
import { hiddenSlot } from "./hidden-slot";
import { takesNoDone } from "./runtime";

const seats = hiddenSlot<Seat>();

let count = 0;

/** The node that was asked for last: messages come in bursts. */
let asked: FlowNode | undefined;
let found: Seat | undefined;

/** What the tracker keeps of a node. */
export class Seat {
  /** Catch nodes tell of errors. */
  readonly catches: boolean;
  /** One of 31 bits, for sets of nodes in one number. Another node may have the same. */
  readonly bit = 1 << (count++ % 31);
  /** Live hops to the node: while there are none, what it sends of nobody needs no second look. */
  inHands = 0;
  /** Those of them that have arrived. */
  holds = 0;
  /** Nobody will tell when the node has finished with the message that arrived last: it takes no `done`, or no message at all. */
  silent = false;
  /** The node's only input handler, if it takes a `done`: nodes are of so many shapes that each look at one of them costs. */
  private handler: unknown;
  /** The user was told that deliveries cannot be followed through it. */
  warned = false;
  /** The node that a message of it was sent to last, and the generation of the tracker then: nodes only go when flows are stopped. */
  private last: Seat | undefined;
  private lastId = "";
  private lastIn = -1;

  private constructor(readonly node: FlowNode) {
    this.catches = node.type === "catch";
  }

  /** The seat of a node; made when there is none. */
  static of(node: FlowNode): Seat {
    if (node === asked && found) return found;
    let seat = seats.get(node);
    if (!seat) seats.set(node, (seat = new Seat(node)));
    asked = node;
    found = seat;
    return seat;
  }

  /** A message arrives. A node may change its handlers at any time. @returns {@link silent} */
  arrives(): boolean {
    const handler = this.node._inputCallback;
    if (handler && handler === this.handler) return false;
    this.silent = takesNoDone(this.node);
    this.handler = this.silent ? undefined : handler;
    return this.silent;
  }

  /** A message was sent to the node with this id, which runs. @param seat its */
  reaches(id: string, seat: Seat, generation: number): void {
    this.last = seat;
    this.lastId = id;
    this.lastIn = generation;
  }

  /** Of the node with this id, if a message was sent to it last, in this generation. */
  reached(id: string, generation: number): Seat | undefined {
    return this.lastIn === generation && this.lastId === id ? this.last : undefined;
  }
}
