import { type Hop, Mark } from "./hop";
import type { Seat } from "./seat";
import type { SendEvent } from "../runtime";

/**
 * Saves a hop where a node sends on the very message object that it was given and then calls `done`, as most nodes do: the same hop goes on to the next node
 * ({@link Hop.goesOn}). Between the send and the `done` it stands for two: the message in the hands of the node, and the same message on its way to the next.
 */
export class PassingOn {
  /** The hop that stands for two at present. There is one at most. */
  private hop: Hop | undefined;

  /** @param begin begins another hop of the message of `hop`, to `ahead`, and counts it in `ahead.inHands` */
  constructor(private readonly begin: (hop: Hop, ahead: Seat) => void) {}

  /** The node of `hop` sends its message on. @returns whether the hop can stand for that, too: not if it is the context of its handler, whose code would seem to be the next node's */
  begins(hop: Hop, { cloneMessage }: SendEvent, destination: Seat): boolean {
    if (cloneMessage || (hop.marks & Mark.Shared) === 0) return false;
    hop.ahead = destination;
    destination.inHands += 1;
    this.hop = hop;
    return true;
  }

  /** Something else is sent or received. If a hop stands for two, it becomes two hops. */
  part(): void {
    const { hop } = this;
    if (!hop) return;
    const { ahead } = hop;
    this.hop = hop.ahead = undefined;
    if (!ahead) return;
    ahead.inHands -= 1;
    this.begin(hop, ahead);
  }
}
