import { type FlowNode, type Hop, Mark } from "./hop";
import type { Scope } from "./scope";
import type { Seat } from "./seat";
import type { Turn } from "./turn";

/**
 * Recognizes by far the most frequent turn: a node is handed one message, has nothing else in its hands, sends it on and is done. Then nothing need be
 * remembered in {@link Turn}, whose microtask costs more than everything else that is done for a hop.
 */
export class QuickTurn {
  /** How many messages have arrived by wire. Each arrives in a turn of the event loop of its own, so this numbers the turns. */
  private arrivals = 0;
  /** The node that has sent a message on and finished with it since the last arrival. */
  private passed: Seat | undefined;
  /** The scope of that message. */
  private passedIn: Scope | undefined;

  constructor(private readonly turn: Turn) {}

  /** A message arrived by wire. */
  arrived(): void {
    this.arrivals += 1;
    this.passed = this.passedIn = undefined;
  }

  /** `node` has sent a message. @param own the open hop of that very message object, if any @returns whether this need not be remembered in {@link Turn} */
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
