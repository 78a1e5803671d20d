import type { FlowNode, Hop } from "./hop";
import { type Caught, covers, JoinedScope, type Scope, type Verdict } from "./scope";

/** A message sent by a node that works for deliveries, from code that belongs to none (a timer set before the first message) or to one that the node has finished with. */
export interface Orphan {
  message: object;
  from: FlowNode;
  /** Makes it one of a delivery. */
  adopt: (scope: Scope) => Hop;
  /** Its node has finished with no delivery in this turn. */
  left: () => void;
}

/** A message that was sent in this turn. */
interface Sent {
  hop: Hop;
  from: FlowNode;
  /** Whether the message itself, not just the running code, told whose it is. */
  known: boolean;
}

/** What a node has finished with in this turn. */
interface Finished {
  node: FlowNode;
  scope: Scope;
  caught: Caught | undefined;
  /** What it sends next of nobody may be made of this: it has sent nothing for it yet. */
  owes: boolean;
}

const NONE: readonly Sent[] = [];

/** A microtask through a promise costs less than one through `queueMicrotask`, which makes an `AsyncResource` for each. */
const RESOLVED = Promise.resolve();

/**
 * What happened in this turn – the code that runs until the next microtask – and the rule it is kept for: Join and Batch hold
 * the `done`s of a group, send one message and then call them all, so a message sent in the same turn as `done()` for
 * several deliveries belongs to all of them.
 */
export class Turn {
  private readonly sent: Sent[] = [];
  /** The node that last sent for a scope: a flush of thousands of messages, each with its own `done`, must not look through {@link sent} for each. */
  private readonly senders = new Map<Scope, FlowNode>();
  private orphans: Orphan[] = [];
  private readonly finished: Finished[] = [];
  /** Where in {@link sent} the latest burst begins: what was sent without a `done()` in between. It is the latest until something is sent after a `done()`. */
  private burst = 0;
  /** A `done()` has followed the latest burst. */
  private burstOver = false;
  /** Of a message sent in this turn only the running code, or the `done()` that followed, told whose it is. */
  private guessed = false;
  /** The groups made in this turn, or gone on with: what they hold was sent in it, so that all of it can be joined by one more. */
  private readonly groups = new Set<JoinedScope>();
  /** The latest of {@link groups}. */
  private group: JoinedScope | undefined;
  /** All that its node has sent in this turn, as of `sent` messages, is in this one group: thousands of `done`s need not look through it for each. */
  private all: { node: FlowNode; sent: number; group: JoinedScope } | undefined;
  /** The Catch branches that messages sent in this turn are of, beside their own. */
  private readonly branches = new Map<Hop, Set<Verdict>>();
  private clearing = false;

  /** A message left `from`. @param known whether the message itself, not just the running code, told whose it is */
  sends(hop: Hop, from: FlowNode, known: boolean): void {
    this.goesOut();
    this.sent.push({ hop, from, known });
    this.senders.set(hop.scope, from);
    this.clearSoon();
    if (known) return;
    this.guessed = true;
    for (const { node, scope, caught } of this.finished) {
      if (node !== from) continue;
      this.join(hop, scope);
      this.goesAlong(hop, caught);
    }
  }

  /** Whether nothing has happened in this turn that must be kept in mind. */
  get idle(): boolean {
    return !this.clearing;
  }

  /** A message of nobody left a node that has deliveries in its hands, or has just finished with some. */
  sendsOrphan(orphan: Orphan): void {
    this.goesOut();
    this.orphans.push(orphan);
    this.clearSoon();
  }

  /** Whether that message may yet become one of a delivery. */
  isOrphan(message: object): boolean {
    return this.orphans.some((orphan) => orphan.message === message);
  }

  /** Whether `node` finished with a delivery in this turn. */
  hasFinished(node: FlowNode): boolean {
    return this.finished.length > 0 && this.finished.some((one) => one.node === node);
  }

  /** `node` called `done()` for a message of `scope`; in whose context says nothing: the timer of a group runs in that of its first message. */
  finishes(node: FlowNode, scope: Scope, caught: Caught | undefined): void {
    const hasSent = this.senders.get(scope) === node;
    if (this.orphans.length > 0 && !(hasSent && this.burstOf(node).some(({ hop }) => hop.scope === scope)) && this.adoptOrphans(node, scope)) {
      for (const { hop } of this.burstOf(node)) this.join(hop, scope, 1);
    } else if (!hasSent) this.belongs(node, scope, caught);
    this.burstOver = true;
    if (caught && this.guessed) for (const { hop, known } of this.burstOf(node)) if (!known && covers(hop.scope, scope)) this.goesAlong(hop, caught);
  }

  /** `node` has sent nothing for `scope` alone: any message that it has sent in this turn may be made of it. */
  private belongs(node: FlowNode, scope: Scope, caught: Caught | undefined): void {
    const { all } = this;
    if (all && all.node === node && all.sent === this.sent.length && !all.group.closed) return all.group.join(scope);
    const mine = this.sent.length === 0 ? NONE : this.sent.filter(({ hop, from }) => from === node && !hop.scope.closed);
    if (mine.some(({ hop }) => covers(hop.scope, scope))) return this.partOf(node, scope);
    for (const { hop } of mine) this.join(hop, scope, 1);
    const { group } = this;
    if (mine.length === 0) this.hasLeft(node, scope, caught, true);
    else if (group && mine.every(({ hop }) => hop.scope === group)) this.all = { node, sent: this.sent.length, group };
    this.clearSoon();
  }

  /** `node` has sent something of `scope` before. What it has sent since the last `done()` is another part of it, if that may be anyone's. */
  private partOf(node: FlowNode, scope: Scope): void {
    if (!this.guessed) return;
    const burst = this.burstOf(node);
    if (burst.some(({ hop }) => covers(hop.scope, scope))) return;
    for (const { hop, known } of burst) if (!known) this.join(hop, scope, 1);
  }

  /** `node` called `done()` for a message of `scope` that it had sent on before: what it has sent in this turn is not made of it, what it is about to send may be. */
  hasLeft(node: FlowNode, scope: Scope, caught?: Caught, owes = false): void {
    this.finished.push({ node, scope, caught, owes });
    this.clearSoon();
  }

  /** What `node` has sent of nobody is made of what it finishes with next, or, if it is one that finishes first, of what it has finished with. @returns whether there was any */
  private adoptOrphans(node: FlowNode, scope: Scope): boolean {
    const before = this.orphans.length;
    const owed = this.owedBy(node);
    this.orphans = this.orphans.filter((orphan) => {
      if (orphan.from !== node) return true;
      const hop = orphan.adopt(scope);
      this.sent.push({ hop, from: node, known: false });
      this.madeOf(hop, owed);
      return false;
    });
    if (this.orphans.length === before) return false;
    for (const one of owed) one.owes = false;
    this.hasLeft(node, scope, undefined, owed.length > 0);
    return (this.guessed = true);
  }

  private owedBy(node: FlowNode): Finished[] {
    const owed: Finished[] = [];
    for (let index = this.finished.length - 1; index >= 0; index -= 1) {
      const one = this.finished[index] as Finished;
      if (one.node !== node) continue;
      if (!one.owes) break;
      if (!one.scope.closed) owed.push(one);
    }
    return owed;
  }

  /** No `done` has followed in this turn: made of what its node had finished with before, if anything. */
  private endOrphan(orphan: Orphan): void {
    const made = this.finished.filter(({ node, scope }) => node === orphan.from && !scope.closed);
    const [first] = made;
    if (!first) return orphan.left();
    this.madeOf(orphan.adopt(first.scope), made);
  }

  private madeOf(hop: Hop, made: readonly Finished[]): void {
    for (const { scope, caught } of made) {
      this.join(hop, scope);
      this.goesAlong(hop, caught);
    }
  }

  /** @param ending 1 while what is finished with in `scope` still counts there */
  private join(hop: Hop, scope: Scope, ending = 0): void {
    const before = hop.scope;
    if (covers(before, scope)) return;
    if (before instanceof JoinedScope && this.groups.has(before)) return before.join(scope);
    if (!this.group?.includes(before)) {
      // a group of which nothing else is left goes on: to make one anew for each message that another lets go would cost a look at all before
      this.group = scope instanceof JoinedScope && scope.holdsAtMost(ending) ? scope : new JoinedScope();
      this.groups.add(this.group);
      this.group.join(before);
    }
    this.group.adopt(hop);
    this.group.join(scope);
  }

  /** What a node made of messages of Catch branches is of these branches, too, though it is sent by code that runs for others: a rate limit's timer, or that of a group. */
  private goesAlong(hop: Hop, caught: Caught | undefined): void {
    if (!caught) return;
    const branches = this.branches.get(hop) ?? new Set(hop.caught);
    for (const verdict of caught) branches.add(verdict);
    this.branches.set(hop, branches);
  }

  /** A message is sent: after a `done()`, the first of a new burst. */
  private goesOut(): void {
    if (this.burstOver) this.burst = this.sent.length;
    this.burstOver = false;
  }

  /** What `node` has sent in the latest burst. */
  private burstOf(node: FlowNode): Sent[] {
    return this.sent.slice(this.burst).filter(({ hop, from }) => from === node && !hop.scope.closed);
  }

  private clearSoon(): void {
    if (this.clearing) return;
    this.clearing = true;
    void RESOLVED.then(this.clear);
  }

  private readonly clear = (): void => {
    if (this.orphans.length > 0) for (const orphan of this.orphans.splice(0)) this.endOrphan(orphan);
    this.clearing = this.burstOver = this.guessed = false;
    this.burst = 0;
    // to empty an array or a set costs more than a turn in which one message is sent
    if (this.group) {
      this.groups.clear();
      this.group = this.all = undefined;
    }
    if (this.branches.size > 0) {
      for (const [hop, branches] of this.branches) hop.caught = [...branches];
      this.branches.clear();
    }
    if (this.sent.length > 0) {
      this.sent.length = 0;
      this.senders.clear();
    }
    if (this.finished.length > 0) this.finished.length = 0;
  };
}
