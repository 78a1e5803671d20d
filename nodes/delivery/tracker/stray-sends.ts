import { type FlowContext, type Hop, Mark } from "./hop";
import { findHop } from "./message-hops";
import type { QuickTurn } from "./quick-turn";
import { registry, tokenOf } from "./registry";
import { record } from "./reports";
import type { RunningFlows } from "./running-flows";
import type { SendEvent } from "../runtime";
import type { Caught, Scope, Verdict } from "./scope";
import { Seat } from "./seat";
import type { Turn } from "./turn";
import { warnOfLateSend } from "./unfollowed";

/** The part of the flow tracker that begins and ends hops. */
interface HopCounter {
  begin(scope: Scope, message: object, seat: Seat, marks: number, caught: Caught | undefined): Hop;
  /** Ends the hop of a message that went nowhere. */
  end(hop: Hop): void;
  /** The context of the code that runs. */
  running(): FlowContext | undefined;
}

/** Handles messages of which nothing tells at once to which delivery they belong, and messages that Node-RED does not send: their wire leads to no running node, or they cannot be copied. */
export class StraySends {
  constructor(
    private readonly turn: Turn,
    private readonly quickTurn: QuickTurn,
    private readonly flows: RunningFlows,
    private readonly hops: HopCounter,
  ) {}

  /**
   * Keeps a message as an orphan until the end of the turn, if its sender has deliveries in its hands or has just finished with some: the sender may have made it of
   * those that it finishes with in this turn.
   *
   * @param context of the code that runs; the message belongs to it when its sender finishes with nothing in this turn
   * @returns whether the message was kept
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

  /** A message of `scope` was sent along a wire that leads to no running node. @param known whether the message itself told to which delivery it belongs */
  goesNowhere(scope: Scope, event: SendEvent, known: boolean): void {
    const { node } = event.source;
    const verdict = this.flows.verdictOnMissing(event);
    if (verdict) this.turn.sends(this.dropped(scope, Seat.of(node), verdict), node, known);
  }

  /** Node-RED sends none of these messages, since it cannot copy one of them: the hops that were begun for the others have failed. */
  areNotSent(events: readonly SendEvent[], error: unknown): void {
    for (const event of events) {
      const { node } = event.source;
      const destination = this.flows.destinationOf(event, Seat.of(node));
      const hop = destination && findHop(event.msg, destination.node, 0);
      if (!hop) continue;
      record(hop.scope, error, node);
      this.hops.end(hop);
    }
  }

  /** Begins a hop for a message that Node-RED drops. It counts until the turn is over: only then it is known of which deliveries it was made. @param seat of its sender */
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
 * Whether a message that was assigned to `context` only because its code runs may belong elsewhere: the context is settled, or its node has finished in it. The
 * timer of a rate limit, for instance, runs in the context of the first message that it ever held.
 */
export function isDoubtful(context: FlowContext, { msg, source }: SendEvent): boolean {
  if (context.scope.closed) return true;
  const token = tokenOf(msg);
  return (token === undefined || registry.find(token) === undefined) && context.hasLeft(source.node);
}
