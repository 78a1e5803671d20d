import { type FlowContext, type Hop, Mark } from "./hop";
import { findHop } from "./message-hops";
import type { QuickTurn } from "./quick-turn";
import { registry, tokenOf } from "./registry";
import { record } from "./reports";
import type { RunningFlows } from "./running-flows";
import type { SendEvent } from "../runtime";
import { type Caught, covers, JoinedScope, type Scope, type Verdict } from "./scope";
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
  /** The latest answer of {@link scopeOf}, for what is sent in the same turn: there may be thousands. */
  private asked: { seat: Seat; context: FlowContext | undefined; scope: Scope | undefined } | undefined;
  /**
   * For each node, the latest group that {@link scopeOf} has made. It is used further, since with a group for each message each delivery would be a member of thousands. But only while
   * the node holds most of its members: else, under steady load, something would always be open in it, and no member would be settled.
   */
  private readonly groups = new WeakMap<Seat, JoinedScope>();

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
   * @param context of the code that runs
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
      // with the token of a delivery that has ended, or is not followed, it is not made of what else the node holds
      const scope = hasToken(event.msg) ? openScope(context) : this.scopeOf(seat, context);
      if (scope) adopt(scope, scope === context?.scope ? context.caught : undefined);
      else warnOfLateSend(event, running);
    };
    this.turn.sendsOrphan({ message, from, adopt, left });
    return true;
  }

  /**
   * The scope of a message whose sender finishes with nothing in this turn: that of the code that runs, if it is open, and of all that the sender has in its hands. For a node that works by a
   * connection which an earlier message has opened, or nobody, may be done with each message some turns after it has sent, and nothing tells for which it has.
   */
  private scopeOf(seat: Seat, context: FlowContext | undefined): Scope | undefined {
    if (this.asked?.seat === seat && this.asked.context === context) return this.asked.scope;
    const open = openScope(context);
    const scopes = [...(open ? [open] : []), ...(seat.holds > 0 ? heldBy(seat) : [])];
    let [scope] = scopes;
    if (scopes.some((other) => scope && !covers(scope, other))) {
      const before = this.groups.get(seat);
      const group = before?.closed === false && before.isMostlyIn(scopes) ? before : new JoinedScope();
      for (const other of scopes) group.join(other);
      this.groups.set(seat, group);
      scope = group;
    }
    this.asked = { seat, context, scope };
    queueMicrotask(() => (this.asked = undefined));
    return scope;
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

function openScope(context: FlowContext | undefined): Scope | undefined {
  return context?.scope.closed ? undefined : context?.scope;
}

/** The scopes of what a node has in its hands. */
function heldBy({ node }: Seat): Scope[] {
  const scopes = new Set([...registry.all()].flatMap((delivery) => delivery.scopesWithin()));
  return [...scopes].filter((scope) => scope.isAt(node));
}

/**
 * Whether a message that was assigned to `context` only because its code runs may belong elsewhere: the context is settled, or its node has finished in it. The
 * timer of a rate limit, for instance, runs in the context of the first message that it ever held.
 */
export function isDoubtful(context: FlowContext, { msg, source }: SendEvent): boolean {
  if (context.scope.closed) return true;
  return !hasToken(msg) && context.hasLeft(source.node);
}

/** Whether a message has the token of a delivery of this process, open or not. */
function hasToken(message: object): boolean {
  const token = tokenOf(message);
  return token !== undefined && registry.find(token) !== undefined;
}
