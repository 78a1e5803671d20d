import type { ConnectorError } from "../common/errors";
import type { Delivery } from "./delivery";
import { type FlowContext, type FlowNode, type Hop, Mark } from "./hop";
import type { NodeName, Outcome } from "./outcome";
import type { Seat } from "./seat";

/** An outcome that something on the way asked for. */
export interface Verdict {
  outcome: Outcome;
  error?: ConnectorError;
  node?: NodeName;
  /** Set when an `accept` on the Catch branch of this very error took it back. */
  cancelled?: boolean;
  /** Catch nodes that have their copy of the error: each gets one, so a second copy is of another error. */
  catchers?: Set<FlowNode>;
}

/** The errors on whose Catch branch something is: several where messages of such branches went on as one. */
export type Caught = readonly Verdict[];

/**
 * What belongs together and is quiet together: a delivery, or several that one message joined.
 * Counts what is open – a message on its way to a node or in its hands – and tells when nothing is.
 */
export abstract class Scope {
  /** So many of its messages wait for their turn in lines of nodes of ours. */
  lined = 0;
  /** Nodes that have worked on a part of it while others waited; `undefined` for one that is not known. */
  begun: Set<Seat | undefined> | undefined;
  // those last that each hop looks at, beside what a delivery adds first: what lies together comes into the processor's cache together
  /** Open hops and holders. Zero for one turn of the event loop means quiet. */
  private open = 0;
  private queued = false;
  /** Newest hop of the list of live ones; for naming who still holds it. */
  private newest: Hop | undefined;
  /** The deliveries whose it is: what happens in this scope happens to them. */
  abstract get deliveries(): Iterable<Delivery>;

  /** Whether nothing that happens in this scope can matter any more. */
  abstract get closed(): boolean;

  /** Keeps a verdict; the worst one wins when the scope is quiet. */
  abstract record(verdict: Verdict): void;

  /** The latest verdict that came from the node with this id and still stands. */
  abstract verdictOf(nodeId: string): Verdict | undefined;

  /** A sink of ours waits for its system on behalf of this scope. */
  abstract hold(reason: string): void;

  /** The wait of {@link hold} is over. */
  abstract resume(): void;

  /** The context in which the handler of `hop` runs: its own, or a cheaper one that tells as much. */
  contextFor(hop: Hop): FlowContext {
    return hop;
  }

  /** Nothing was open for one turn of the event loop. */
  protected abstract quiet(): void;

  /** One more is open. */
  enter(): void {
    this.open += 1;
  }

  /** One less is open. */
  leave(): void {
    this.open -= 1;
    if (this.open === 0 && !this.queued && !this.closed) {
      this.queued = true;
      queueQuietCheck(this);
    }
  }

  add(hop: Hop): void {
    this.enter();
    hop.older = this.newest;
    if (this.newest) this.newest.newer = hop;
    this.newest = hop;
  }

  remove(hop: Hop): void {
    this.unlink(hop);
    this.leave();
  }

  /** Calls `tell` once it, or some of it, is closed before it is quiet. */
  abstract watch(tell: () => void): void;

  /** The end of {@link watch}. */
  abstract unwatch(tell: () => void): void;

  /** One of its messages waits for its turn in a line of a node of ours, or for what was taken for it. */
  lineUp(): void {
    this.lined += 1;
  }

  /** It has had its turn, or waits no more. @param seat of the node, where it is known */
  leaveLine(seat?: Seat): void {
    this.lined -= 1;
    if (seat && this.lined > 0) this.begin(seat);
  }

  /** A node has worked on a part of it. */
  begin(seat?: Seat): void {
    (this.begun ??= new Set()).add(seat);
  }

  /** Takes `hop` over from its scope. */
  adopt(hop: Hop): void {
    const before = hop.scope;
    before.unlink(hop);
    hop.scope = this;
    this.add(hop);
    before.leave();
  }

  /** Whether no more than this is open. */
  holdsAtMost(count: number): boolean {
    return this.open <= count;
  }

  /** The live hops of this scope itself, newest first. */
  *hops(): Iterable<Hop> {
    for (let hop = this.newest; hop; hop = hop.older) yield hop;
  }

  /** Whether one of these nodes has something of this scope itself, or will have. */
  isWith(seats: ReadonlySet<Seat | undefined>): boolean {
    return this.findHop(({ seat }) => seats.has(seat)) !== undefined;
  }

  /** The newest live hop of this scope itself that is as wanted. */
  protected findHop(wanted: (hop: Hop) => boolean): Hop | undefined {
    let hop = this.newest;
    while (hop && !wanted(hop)) hop = hop.older;
    return hop;
  }

  private unlink(hop: Hop): void {
    if (hop.newer) hop.newer.older = hop.older;
    else this.newest = hop.older;
    if (hop.older) hop.older.newer = hop.newer;
    hop.newer = hop.older = undefined;
  }

  /** For {@link queueQuietCheck} only. */
  checkQuiet(): void {
    this.queued = false;
    if (this.open === 0 && !this.closed) this.quiet();
  }
}

let waiting: Scope[] = [];

/** One `setImmediate` serves all scopes that fell silent in this turn. */
function queueQuietCheck(scope: Scope): void {
  if (waiting.push(scope) > 1) return;
  setImmediate(() => {
    const due = waiting;
    waiting = [];
    for (const one of due) one.checkQuiet();
  });
}

/**
 * Several deliveries that went on as one message: what happens to it happens to all of them. None is a member of another: where each message that is through lets the next one go, they
 * would be as deep as there are messages.
 */
export class JoinedScope extends Scope implements FlowContext {
  readonly caught = undefined;
  private readonly members = new Set<Delivery>();
  /** What {@link isAt} has found last. */
  private found: Hop | undefined;
  private ended = false;

  get deliveries(): Iterable<Delivery> {
    return this.members;
  }

  /** One more delivery, or all of one more group, belongs to the message. */
  join(scope: Scope): void {
    if (scope === this) return;
    for (const member of this.members) {
      if (!member.closed) break;
      this.members.delete(member); // a group that goes on for hours keeps none of those that are settled
    }
    for (const member of scope.deliveries) {
      if (member.closed || this.members.has(member)) continue;
      member.enter();
      member.joined(this);
      this.members.add(member);
    }
  }

  get scope(): Scope {
    return this;
  }

  at(): undefined {
    return undefined;
  }

  hasLeft(): boolean {
    return false;
  }

  /** Whether `node` has a message of it in its hands. One that sends thousands in one turn asks for each, and they are in front then. */
  isAt(node: FlowNode): boolean {
    const inHands = (hop: Hop): boolean => hop.node === node && (hop.marks & Mark.Received) !== 0 && (hop.marks & Mark.Ended) === 0;
    if (!this.found || this.found.scope !== this || !inHands(this.found)) this.found = this.findHop(inHands);
    return this.found !== undefined;
  }

  /** Whether all that is open of `scope` belongs to it. */
  includes(scope: Scope): boolean {
    for (const one of scope.deliveries) if (!one.closed && !this.members.has(one)) return false;
    return true;
  }

  /** Closed once all members are: as long as one is open, its message is worth working on. */
  get closed(): boolean {
    if (this.ended) return true;
    for (const member of this.members) if (!member.closed) return false;
    return true;
  }

  record(verdict: Verdict): void {
    for (const member of this.members) member.record(verdict);
  }

  verdictOf(nodeId: string): Verdict | undefined {
    for (const member of this.members) {
      const verdict = member.verdictOf(nodeId);
      if (verdict) return verdict;
    }
    return undefined;
  }

  hold(reason: string): void {
    for (const member of this.members) member.hold(reason);
  }

  resume(): void {
    for (const member of this.members) member.resume();
  }

  watch(tell: () => void): void {
    for (const member of this.members) member.watch(tell);
  }

  unwatch(tell: () => void): void {
    for (const member of this.members) member.unwatch(tell);
  }

  protected quiet(): void {
    this.ended = true;
    for (const member of this.members) {
      member.parted(this);
      member.leave();
    }
  }
}

/** Whether what belongs to `scope` belongs to `wanted` too. */
export function covers(scope: Scope, wanted: Scope): boolean {
  return scope === wanted || (scope instanceof JoinedScope && scope.includes(wanted));
}
