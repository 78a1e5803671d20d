import type { ConnectorError } from "../../common/errors";
import type { Delivery } from "../delivery";
import { type FlowContext, type FlowNode, type Hop, Mark } from "./hop";
import type { NodeName, Outcome } from "../outcome";
import type { Seat } from "./seat";

/** An outcome that a node on the way has asked for, or an error. */
export interface Verdict {
  outcome: Outcome;
  error?: ConnectorError;
  node?: NodeName;
  /** Taken back by an `accept` on the Catch branch of this very error. */
  cancelled?: boolean;
  /** The Catch nodes that were given this error. Each gets an error once, so a second copy is of another error. */
  catchers?: Set<FlowNode>;
}

/** The errors on whose Catch branches a message is: several if messages of such branches went on as one. */
export type Caught = readonly Verdict[];

/**
 * A delivery, or a group of deliveries that a node has made one message of. Counts what is open in it (messages on their way to a node, or in the hands of
 * one) and tells when nothing is: then it is *quiet*.
 */
export abstract class Scope {
  /** How many of its messages wait for their turn in lines of nodes of ours. */
  lined = 0;
  /** Nodes that have worked on part of it while the rest waited; `undefined` stands for a node that is not known. */
  begun: Set<Seat | undefined> | undefined;
  // those last that each hop looks at, beside what a delivery adds first: what lies together comes into the processor's cache together
  /** Open hops and holders. Zero for one turn of the event loop means quiet. */
  private open = 0;
  private queued = false;
  /** Newest hop of the list of live ones; for naming who still holds it. */
  private newest: Hop | undefined;
  /** The deliveries it consists of: what happens in this scope happens to them. */
  abstract get deliveries(): Iterable<Delivery>;

  /** Whether all its deliveries are settled, so that nothing that happens in it matters any more. */
  abstract get closed(): boolean;

  /** Keeps a verdict. The worst one wins when the scope is quiet. */
  abstract record(verdict: Verdict): void;

  /** The latest verdict of the node with this id that was not taken back. */
  abstract verdictOf(nodeId: string): Verdict | undefined;

  /** A node of ours that works for this scope waits for its system. */
  abstract hold(reason: string): void;

  /** The wait of {@link hold} is over. */
  abstract resume(): void;

  /** The context in which the handler of `hop` runs: the hop, or a cheaper one that tells as much. */
  contextFor(hop: Hop): FlowContext {
    return hop;
  }

  /** Called when nothing has been open for one turn of the event loop. */
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

  /** Calls `tell` when one of its deliveries is settled or closed. */
  abstract watch(tell: () => void): void;

  /** The end of {@link watch}. */
  abstract unwatch(tell: () => void): void;

  /** One of its messages waits for its turn in a line of a node of ours, or for what was fetched for it. */
  lineUp(): void {
    this.lined += 1;
  }

  /** The wait of {@link lineUp} is over. @param seat of the node, where it is known */
  leaveLine(seat?: Seat): void {
    this.lined -= 1;
    if (seat && this.lined > 0) this.begin(seat);
  }

  /** A node has worked on part of it. */
  begin(seat?: Seat): void {
    (this.begun ??= new Set()).add(seat);
  }

  /** Takes `hop` over from the scope that it is in. */
  adopt(hop: Hop): void {
    const before = hop.scope;
    before.unlink(hop);
    hop.scope = this;
    this.add(hop);
    before.leave();
  }

  /** Whether at most `count` are open. */
  holdsAtMost(count: number): boolean {
    return this.open <= count;
  }

  /** The live hops of this scope itself, newest first. */
  *hops(): Iterable<Hop> {
    for (let hop = this.newest; hop; hop = hop.older) yield hop;
  }

  /** Whether a message of this scope itself is in the hands of one of these nodes, or on its way there. */
  isWith(seats: ReadonlySet<Seat | undefined>): boolean {
    return this.findHop(({ seat }) => seats.has(seat)) !== undefined;
  }

  /** Whether `node` has a message of this scope itself in its hands. */
  isAt(node: FlowNode): boolean {
    return this.findHop(inHandsOf(node)) !== undefined;
  }

  /** The newest live hop of this scope itself for which `wanted` is true. */
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

function inHandsOf(node: FlowNode): (hop: Hop) => boolean {
  return (hop) => hop.node === node && (hop.marks & Mark.Received) !== 0 && (hop.marks & Mark.Ended) === 0;
}

let waiting: Scope[] = [];

/** Checks a scope in the next turn. One `setImmediate` serves all scopes in which nothing was open at the end of a turn. */
function queueQuietCheck(scope: Scope): void {
  if (waiting.push(scope) > 1) return;
  setImmediate(() => {
    const due = waiting;
    waiting = [];
    for (const one of due) one.checkQuiet();
  });
}

/**
 * A group of deliveries that a node has made one message of: what happens to it happens to all of them. Its members are deliveries and never other groups:
 * where each message that is through lets the next one go, groups would be nested as deep as there are messages.
 */
export class JoinedScope extends Scope implements FlowContext {
  readonly caught = undefined;
  private readonly members = new Set<Delivery>();
  /** The hop that {@link isAt} has found last. */
  private found: Hop | undefined;
  private ended = false;

  get deliveries(): Iterable<Delivery> {
    return this.members;
  }

  /** Adds a delivery, or all deliveries of another group. */
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

  /** Remembers the hop, for a node that sends thousands of messages in a turn asks for each. */
  override isAt(node: FlowNode): boolean {
    const inHands = inHandsOf(node);
    if (!this.found || this.found.scope !== this || !inHands(this.found)) this.found = this.findHop(inHands);
    return this.found !== undefined;
  }

  /** Whether all open deliveries of `scope` are members. */
  includes(scope: Scope): boolean {
    for (const one of scope.deliveries) if (!one.closed && !this.members.has(one)) return false;
    return true;
  }

  /** Whether at least half of its members belong to these scopes. */
  isMostlyIn(scopes: readonly Scope[]): boolean {
    const deliveries = new Set(scopes.flatMap((scope) => [...scope.deliveries]));
    let count = 0;
    for (const member of this.members) if (deliveries.has(member)) count += 1;
    return 2 * count >= this.members.size;
  }

  /** Whether all members are closed: as long as one is open, the message is worth working on. */
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

/** Whether whatever belongs to `scope` belongs to `wanted`, too. */
export function covers(scope: Scope, wanted: Scope): boolean {
  return scope === wanted || (scope instanceof JoinedScope && scope.includes(wanted));
}
