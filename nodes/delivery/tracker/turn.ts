import type { FlowNode, Hop } from "./hop";
import { type Caught, covers, JoinedScope, type Scope, type Verdict } from "./scope";

/**
 * A message of which it is not known yet to which delivery it belongs: a node that has deliveries in its hands has sent it from code that belongs to none (a timer set
 * before the first message) or to one that the node has finished with.
 */
export interface Orphan {
  message: object;
  from: FlowNode;
  /** Makes the message part of `scope`. @returns its hop */
  adopt: (scope: Scope) => Hop;
  /** Called instead of {@link adopt} when its node has finished with no delivery in this turn. */
  left: () => void;
}

/** A message that was sent in this turn. */
interface Sent {
  hop: Hop;
  from: FlowNode;
  /** Whether the message itself told to which delivery it belongs; else only the running code did. */
  known: boolean;
}

/** A message that a node has finished with in this turn. */
interface Finished {
  node: FlowNode;
  scope: Scope;
  caught: Caught | undefined;
  /** The node has sent nothing for it yet, so the next {@link Orphan} of the node may be made of it. */
  owes: boolean;
}

const NONE: readonly Sent[] = [];

/** For microtasks: `then` of a promise costs less than `queueMicrotask`, which makes an `AsyncResource` each time. */
const RESOLVED = Promise.resolve();

/**
 * Remembers what nodes have sent and finished with in this turn, that is, until the next microtask. It serves one rule: a message that is sent in the same turn
 * in which its node calls `done()` for several deliveries belongs to all of them. For Join and Batch keep the `done`s of a group, send one message and then call
 * them all.
 */
export class Turn {
  private readonly sent: Sent[] = [];
  /** For each scope, the node that has sent for it last. Spares a search of {@link sent} for each of the thousands of messages, each with its `done`, that a node may send at once. */
  private readonly senders = new Map<Scope, FlowNode>();
  private orphans: Orphan[] = [];
  private readonly finished: Finished[] = [];
  /** Index in {@link sent} of the first message of the latest burst. A burst is what was sent without a `done()` in between; the next message after a `done()` begins another. */
  private burst = 0;
  /** A `done()` has followed the latest burst. */
  private burstOver = false;
  /** There is a message in {@link sent} that is not {@link Sent.known}. */
  private guessed = false;
  /** The groups that were made or extended in this turn. All messages in them were sent in this turn, so another delivery can join them. */
  private readonly groups = new Set<JoinedScope>();
  /** The latest of {@link groups}. */
  private group: JoinedScope | undefined;
  /** When there were `sent` messages in {@link sent}, all those of `node` were in this one group. Kept so that thousands of `done`s need not search {@link sent} for each. */
  private all: { node: FlowNode; sent: number; group: JoinedScope } | undefined;
  /** The Catch branches that messages sent in this turn belong to, including those they had before. */
  private readonly branches = new Map<Hop, Set<Verdict>>();
  /** {@link clear} will run in a microtask. */
  private clearing = false;

  /** The node `from` has sent a message. @param known whether the message itself told to which delivery it belongs; else only the running code did */
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

  /** Whether nothing has happened in this turn that had to be remembered. */
  get idle(): boolean {
    return !this.clearing;
  }

  /** A node that has deliveries in its hands, or has just finished with some, has sent a message of which nothing tells to which of them it belongs. */
  sendsOrphan(orphan: Orphan): void {
    this.goesOut();
    this.orphans.push(orphan);
    this.clearSoon();
  }

  /** Whether `message` is an orphan, so that it may still become part of a delivery. */
  isOrphan(message: object): boolean {
    return this.orphans.some((orphan) => orphan.message === message);
  }

  /** Whether `node` finished with a delivery in this turn. */
  hasFinished(node: FlowNode): boolean {
    return this.finished.length > 0 && this.finished.some((one) => one.node === node);
  }

  /** `node` has called `done()` for a message of `scope`. The context it was called in does not matter: the timer of a Join runs in the context of the first message of its group. */
  finishes(node: FlowNode, scope: Scope, caught: Caught | undefined): void {
    const hasSent = this.senders.get(scope) === node;
    if (this.orphans.length > 0 && !(hasSent && this.burstOf(node).some(({ hop }) => hop.scope === scope)) && this.adoptOrphans(node, scope)) {
      for (const { hop } of this.burstOf(node)) this.join(hop, scope, 1);
    } else if (!hasSent) this.belongs(node, scope, caught);
    this.burstOver = true;
    if (caught && this.guessed) for (const { hop, known } of this.burstOf(node)) if (!known && covers(hop.scope, scope)) this.goesAlong(hop, caught);
  }

  /** `node` has finished with a message of `scope` without having sent anything for it alone: all messages that it has sent in this turn are counted as made of it, too. */
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

  /** `node` had sent something of `scope` before. The messages of the latest burst are another part of it, except those that are {@link Sent.known} to belong elsewhere. */
  private partOf(node: FlowNode, scope: Scope): void {
    if (!this.guessed) return;
    const burst = this.burstOf(node);
    if (burst.some(({ hop }) => covers(hop.scope, scope))) return;
    for (const { hop, known } of burst) if (!known) this.join(hop, scope, 1);
  }

  /** `node` has finished with a message of `scope`. What it sends after this, in this turn, may be made of it. @param owes see {@link Finished.owes} */
  hasLeft(node: FlowNode, scope: Scope, caught?: Caught, owes = false): void {
    this.finished.push({ node, scope, caught, owes });
    this.clearSoon();
  }

  /**
   * `node` finishes with a message of `scope`: its orphans are made of that. If the node calls `done` before it sends, they are made of what it has finished with
   * before, too.
   *
   * @returns whether there were any orphans of the node
   */
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

  /** What `node` has finished with last and has sent nothing for. */
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

  /** The turn is over, and no `done` has followed `orphan`: it is made of what its node had finished with before it, if anything. */
  private endOrphan(orphan: Orphan): void {
    const made = this.finished.filter(({ node, scope }) => node === orphan.from && !scope.closed);
    const [first] = made;
    if (!first) return orphan.left();
    this.madeOf(orphan.adopt(first.scope), made);
  }

  /** The message of `hop` was made of all of `made`. */
  private madeOf(hop: Hop, made: readonly Finished[]): void {
    for (const { scope, caught } of made) {
      this.join(hop, scope);
      this.goesAlong(hop, caught);
    }
  }

  /** Makes the message of `hop` part of `scope`, too, in a group. @param ending how many messages are finished with but still counted in `scope`: 1 or 0 */
  private join(hop: Hop, scope: Scope, ending = 0): void {
    const before = hop.scope;
    if (covers(before, scope)) return;
    if (before instanceof JoinedScope && this.groups.has(before)) return before.join(scope);
    if (!this.group?.includes(before)) {
      // A group in which nothing else is open is used further. At a gate each message lets the next go: with a new group for each, all deliveries before would join it.
      this.group = scope instanceof JoinedScope && scope.holdsAtMost(ending) ? scope : new JoinedScope();
      this.groups.add(this.group);
      this.group.join(before);
    }
    this.group.adopt(hop);
    this.group.join(scope);
  }

  /** The message of `hop` was made of one on the Catch branches `caught`, so it belongs to them, too, even if other code sends it: the timer of a rate limit or of a Join. */
  private goesAlong(hop: Hop, caught: Caught | undefined): void {
    if (!caught) return;
    const branches = this.branches.get(hop) ?? new Set(hop.caught);
    for (const verdict of caught) branches.add(verdict);
    this.branches.set(hop, branches);
  }

  /** A message is sent. After a `done()` it begins a new burst. */
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
    // each is emptied only if needed, since that costs more than all else in a turn in which one message is sent
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
