import { type FlowContext, type Hop, Mark } from "./hop";
import { warnOfLateSend } from "./late-send";
import type { QuickTurn } from "./quick-turn";
import { registry, tokenOf } from "./registry";
import type { RunningFlows } from "./running-flows";
import type { SendEvent } from "./runtime";
import type { Caught, Scope, Verdict } from "./scope";
import { Seat } from "./seat";
import type { Turn } from "./turn";

/** What is needed of who counts hops. */
interface HopCounter {
  begin(scope: Scope, message: object, seat: Seat, marks: number, caught: Caught | undefined): Hop;
  /** Ends the hop of a message that went nowhere. */
  end(hop: Hop): void;
  /** Where the code runs. */
  running(): FlowContext | undefined;
}

/** Messages that are sent where nothing tells at once whose they are, and those that Node-RED drops because their wire leads to no node. */
export class StraySends {
  constructor(
    private readonly turn: Turn,
    private readonly quickTurn: QuickTurn,
    private readonly flows: RunningFlows,
    private readonly hops: HopCounter,
  ) {}

  /**
   * A message of nobody may be one that its sender made of several deliveries.
   *
   * @param context that of the code that runs: whose it is when it is none of those its sender finishes with in this turn
   * @returns whether it may be
   */
  isOfNobody(event: SendEvent, context: FlowContext | undefined): boolean {
    const from = event.source.node;
    const seat = Seat.of(from);
    this.quickTurn.sendsNew(from);
    if (seat.inHands === 0 && !this.turn.hasFinished(from)) return false;
    const destination = this.flows.destinationOf(event, seat);
    const verdict = destination ? undefined : this.flows.verdictOnMissing(event);
    if (!destination && !verdict) return false;
    const message = destination ? this.flows.ownCopy(event) : {};
    const adopt = (scope: Scope, caught?: Caught): Hop => (verdict ? this.dropped(scope, seat, verdict) : this.hops.begin(scope, message, destination ?? seat, Mark.Wired, caught));
    const running = this.hops.running();
    const left = (): void => {
      if (context && !context.scope.closed) adopt(context.scope, context.caught);
      else warnOfLateSend(event, running);
    };
    this.turn.sendsOrphan({ message, from, adopt, left });
    return true;
  }

  /** The wire of a message of `scope` leads to no node. @param known whether the message itself, not just the running code, told whose it is */
  goesNowhere(scope: Scope, event: SendEvent, known: boolean): void {
    const { node } = event.source;
    const verdict = this.flows.verdictOnMissing(event);
    if (verdict) this.turn.sends(this.dropped(scope, Seat.of(node), verdict), node, known);
  }

  /** A message that Node-RED drops. It counts until the turn is over: only then it is known of which deliveries it was made. @param seat of the node that sends it */
  private dropped(scope: Scope, seat: Seat, verdict: Verdict): Hop {
    const hop = this.hops.begin(scope, {}, seat, 0, undefined);
    queueMicrotask(() => {
      hop.scope.record(verdict);
      this.hops.end(hop);
    });
    return hop;
  }
}

/**
 * Whether a message may be another's than that of the code that runs, which alone told whose it is: its node has finished there, or it is settled. A rate
 * limit's timer runs in the context of the first message it ever held.
 */
export function isDoubtful(context: FlowContext, { msg, source }: SendEvent): boolean {
  if (context.scope.closed) return true;
  const token = tokenOf(msg);
  return (token === undefined || registry.find(token) === undefined) && context.hasLeft(source.node);
}
