import { type FlowNode, type Hop, Mark } from "./hop";
import type { Scope } from "./scope";
import type { Seat } from "./seat";
import type { Turn } from "./turn";

/**
 * By far the most frequent turn – a node is handed one message, has nothing else in its hands, sends it on and is done – told without a
 * {@link Turn}, whose microtask costs more than all else there is to a hop.
 */
export class QuickTurn {
  /** Counts what arrives by wire: each arrival is a turn of the event loop of its own. */
  private arrivals = 0;
  /** The node that since the last arrival has sent a message on and finished with it. */
  private passed: Seat | undefined;
  /** What that message is counted in. */
  private passedIn: Scope | undefined;

  constructor(private readonly turn: Turn) {}

  /** A message arrived by wire. */
  arrived(): void {
    this.arrivals += 1;
    this.passed = this.passedIn = undefined;
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
    const { passed, passedIn } = this;
    if (passed?.node !== node) return;
    this.passed = this.passedIn = undefined;
    if (passedIn && !passedIn.closed) this.turn.hasLeft(node, passedIn);
  }

  /** The node of `hop` has finished with it. @param handling the hop whose handler is being called */
  finishes(hop: Hop, handling: Hop | undefined): void {
    const passedOn = hop.passedOn === this.arrivals;
    if (passedOn && hop === handling) return;
    if (passedOn && this.turn.idle && !this.passed) {
      this.passed = hop.seat;
      this.passedIn = hop.scope;
    } else if (hop.node._wireCount !== 0) this.turn.finishes(hop.node, hop.scope, hop.caught); // what is wired to none sends nothing, neither for this delivery nor for several
  }
}
