import { type FlowNode, type Hop, Mark } from "./hop";
import type { Turn } from "./turn";

/**
 * By far the most frequent turn – a node is handed one message, has nothing else in its hands, sends it on and is done – told without a
 * {@link Turn}, whose microtask costs more than all else there is to a hop.
 */
export class QuickTurn {
  /** Counts what arrives by wire: each arrival is a turn of the event loop of its own. */
  private arrivals = 0;
  /** The hop, ended since the last arrival, whose node sent its message on since then. */
  private passed: Hop | undefined;

  constructor(private readonly turn: Turn) {}

  /** A message arrived by wire. */
  arrived(): void {
    this.arrivals += 1;
    this.passed = undefined;
  }

  /** A message went out. @param own the open hop of the very message that `node` sent @returns whether no turn need be kept in mind */
  sends(own: Hop | undefined, node: FlowNode): boolean {
    if (!own) {
      this.sendsNew(node);
      return false;
    }
    if (!this.turn.idle || own.node !== node || own.seat.holds !== 1 || (own.marks & Mark.Received) === 0 || (own.marks & Mark.Ended) !== 0) return false; // it may gather several
    own.passedOn = this.arrivals;
    return true;
  }

  /** `node` sends something new; if right after it finished with a message that it had sent on, then perhaps in the same turn. */
  sendsNew(node: FlowNode): void {
    const { passed } = this;
    if (passed?.node !== node) return;
    this.passed = undefined;
    if (!passed.scope.closed) this.turn.hasLeft(node, passed.scope);
  }

  /** The node of `hop` has finished with it. @param handling the hop whose handler is being called */
  finishes(hop: Hop, handling: Hop | undefined): void {
    const passedOn = hop.passedOn === this.arrivals;
    if (passedOn && hop === handling) return;
    if (passedOn && this.turn.idle && !this.passed) this.passed = hop;
    else if (hop.node._wireCount !== 0) this.turn.finishes(hop.node, hop.scope); // what is wired to none sends nothing, neither for this delivery nor for several
  }
}
