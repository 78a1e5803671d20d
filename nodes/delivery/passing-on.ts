import { type Hop, Mark } from "./hop";
import type { Seat } from "./seat";
import type { SendEvent } from "./runtime";

/**
 * What most nodes do: they send on the very message they were given, and have finished with it then. Its hop goes on with it ({@link Hop.goesOn}), instead of a new
 * one. Until its node says that it has finished, the hop stands for both: the message in the node's hands, and the same on its way to the next.
 */
export class PassingOn {
  /** The hop that stands for both; one at most, the latest. */
  private hop: Hop | undefined;

  /** @param begin begins a hop of the message of `hop` to `ahead`, which counts itself there */
  constructor(private readonly begin: (hop: Hop, ahead: Seat) => void) {}

  /** The node of `hop` sends its message on. @returns whether the hop can stand for that, too: not where code runs in its context, which would then take it for the next node's */
  begins(hop: Hop, { cloneMessage }: SendEvent, destination: Seat): boolean {
    if (cloneMessage || (hop.marks & Mark.Shared) === 0) return false;
    hop.ahead = destination;
    destination.inHands += 1;
    this.hop = hop;
    return true;
  }

  /** Something else happens: if a node has not finished yet with what it sent on, then there are two hops from now on. */
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
