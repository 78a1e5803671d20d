import { ConnectorError } from "../common/errors";
import { type FlowContext, type FlowNode, type Hop, Mark } from "./hop";
import { describeNode, isWorse, outcomeOf, type Outcome, type Settlement, type SettleMode } from "./outcome";
import { delayAfter, type RetryPolicy } from "./retry-policy";
import { waitsForParts } from "./runtime";
import { type JoinedScope, Scope, type Verdict } from "./scope";
import { Seat } from "./seat";

/** What a message says of its delivery, as `msg.delivery`: plain values, so that it survives clones and stores. */
export interface DeliveryInfo {
  /** The token the delivery is known by. */
  id: string;
  /** Id of the node that took it. */
  source: string;
  /** Which attempt this is, from 1. */
  attempt: number;
  /** How many attempts follow the first at most. */
  retries: number;
}

/** What a delivery needs of the source that took it. */
export interface DeliveryOwner<T> {
  readonly id: string;
  readonly policy: RetryPolicy;
  readonly settleMode: SettleMode;
  /** The delivery has ended by `settlement`. */
  settled(delivery: Delivery<T>, settlement: Settlement): void;
  /** A sink waits on its behalf. */
  holdBegan(reason: string): void;
  /** That wait is over. */
  holdEnded(): void;
}

const ACCEPT: Verdict = { outcome: "accept" };

/** One message that a source took and owes an answer for. Settled exactly once. */
export class Delivery<T = unknown> extends Scope implements FlowContext {
  /** The nodes that have run in the context of the delivery, by {@link Seat.bit}. */
  private seats = 0;
  private settled = false;
  private verdicts: Verdict[] | undefined;
  private holds = 0;
  private sweeps = 0;
  /** Sweeps in a row that have found it in a line. */
  private standing = 0;
  /** Those that it is a member of, and that are not quiet. */
  private groups: Set<JoinedScope> | undefined;
  /** Told when it is settled. */
  private watchers: Set<() => void> | undefined;

  /**
   * @param number tells it from all others of this process
   * @param token known to the registry as long as the delivery is open
   * @param taken what the source took, as the source knows it
   * @param attempt from 1
   */
  constructor(
    readonly number: number,
    readonly token: string,
    readonly taken: T,
    readonly attempt: number,
    private readonly source: DeliveryOwner<T>,
  ) {
    super();
  }

  get scope(): Scope {
    return this;
  }

  get deliveries(): Iterable<Delivery> {
    return [this as Delivery];
  }

  get caught(): undefined {
    return undefined;
  }

  get closed(): boolean {
    return this.settled;
  }

  /** Whether a sink waits for its system on its behalf. */
  get held(): boolean {
    return this.holds > 0;
  }

  /** Whether something of it waits for its turn in a line of a node of ours. */
  get inLine(): boolean {
    return this.lined > 0 || (this.groups !== undefined && [...this.groups].some(({ lined }) => lined > 0));
  }

  /** Whether a node has worked on parts of it, while others are there still: it is being worked on, though these wait for their turn. */
  get isBegun(): boolean {
    const scopes = this.withGroups();
    return scopes.some(({ begun }) => begun !== undefined && (begun.has(undefined) || scopes.some((scope) => scope.isWith(begun))));
  }

  /** Whether it stands in a line that does not only just go through it. */
  get stands(): boolean {
    return this.standing > 1;
  }

  /** Who settles it. */
  get mode(): SettleMode {
    return this.source.settleMode;
  }

  /** For `msg.delivery`. A new object each time: messages are the flow's to change. */
  get info(): DeliveryInfo {
    return { id: this.token, source: this.source.id, attempt: this.attempt, retries: this.source.policy.retries };
  }

  /** Whether `source` took it. */
  isOf(source: DeliveryOwner<unknown>): boolean {
    return this.source === source;
  }

  /**
   * Its source looks through what is open, at even intervals: cheaper than to ask each delivery's time.
   *
   * @param patience looks that count though it only waits for its turn
   * @returns how often it found this one neither held for a system nor behind
   */
  swept(patience: number): number {
    this.standing = this.inLine ? this.standing + 1 : 0;
    if (this.holds === 0 && !this.isBehind(patience)) this.sweeps += 1;
    return this.sweeps;
  }

  /** Whether nothing is wrong with it but that it waits for its turn, after so many looks. */
  isBehind(patience: number): boolean {
    return this.holds === 0 && this.sweeps >= patience && this.stands;
  }

  /** It is a member of `group` from now on. */
  joined(group: JoinedScope): void {
    (this.groups ??= new Set()).add(group);
  }

  /** `group` is quiet. */
  parted(group: JoinedScope): void {
    this.groups?.delete(group);
  }

  /** The latest group that it is part of and of which `node` has a message in its hands. */
  groupAt(node: FlowNode): JoinedScope | undefined {
    return this.groups && [...this.groups].findLast((group) => group.isAt(node));
  }

  /** All that is open of it, also in groups, newest first in each. */
  hopsWithin(): Hop[] {
    return this.withGroups().flatMap((scope) => [...scope.hops()]);
  }

  private withGroups(): Scope[] {
    return [this, ...(this.groups ?? [])];
  }

  record(verdict: Verdict): void {
    (this.verdicts ??= []).push(verdict);
  }

  verdictOf(nodeId: string): Verdict | undefined {
    return this.verdicts?.findLast((verdict) => verdict.node?.id === nodeId && !verdict.cancelled);
  }

  hold(reason: string): void {
    if (this.settled) return;
    this.holds += 1;
    if (this.holds === 1) this.source.holdBegan(reason);
  }

  resume(): void {
    if (this.settled || this.holds === 0) return;
    this.holds -= 1;
    if (this.holds === 0) this.source.holdEnded();
  }

  watch(tell: () => void): void {
    (this.watchers ??= new Set()).add(tell);
  }

  unwatch(tell: () => void): void {
    this.watchers?.delete(tell);
  }

  at(nodeId: string): Hop | undefined {
    return this.findHop((hop) => (hop.marks & Mark.Shared) !== 0 && hop.node.id === nodeId);
  }

  hasLeft(node: FlowNode): boolean {
    return (this.seats & Seat.of(node).bit) !== 0 && !this.at(node.id);
  }

  /**
   * What is sent on is in the context of the delivery already, and a change of context costs more than all else there is to a hop. Never
   * two hops to one node: context and node then tell the hop, even to code that runs when the hop has ended. Nodes that share a bit pay more.
   */
  override contextFor(hop: Hop): FlowContext {
    const { bit } = hop.seat;
    if (hop.caught || (this.seats & bit) !== 0) return hop;
    this.seats |= bit;
    hop.marks |= Mark.Shared;
    return this;
  }

  protected quiet(): void {
    if (this.mode === "flow") this.settle(this.worst());
  }

  /** Settles it by `verdict`; a retry after the last attempt becomes a dead letter. @returns false when it was settled before */
  settle(verdict: Verdict): boolean {
    if (!this.close()) return false;
    this.source.settled(this, this.settlementOf(verdict));
    return true;
  }

  /** Whether something of it has failed, and all that is left of it waits for parts that will not come. */
  get waitsInVain(): boolean {
    if (!this.verdicts || this.worst() === ACCEPT) return false;
    const hops = this.hopsWithin();
    return hops.length > 0 && hops.every(({ marks, ahead, node }) => (marks & Mark.Received) !== 0 && !ahead && waitsForParts(node));
  }

  /** Settles it although something of it is open. @param because why, if nothing worse was recorded */
  giveUp(because?: Verdict): void {
    if (because) this.record(because);
    this.settle(this.worst());
  }

  /** Ends it without an answer: the source's connection is gone, and with it the right to answer. @returns false when it was settled before */
  close(): boolean {
    if (this.settled) return false;
    this.settled = true;
    if (this.holds > 0) this.source.holdEnded();
    for (const tell of this.watchers ?? []) queueMicrotask(tell); // when the registry knows what became of it
    return true;
  }

  private worst(): Verdict {
    let worst = ACCEPT;
    if (!this.verdicts) return worst;
    for (const verdict of this.verdicts) {
      if (!verdict.cancelled && isWorse(verdict.outcome, worst.outcome)) worst = verdict;
    }
    return worst;
  }

  private settlementOf({ outcome, error, node }: Verdict): Settlement {
    const settlement: Settlement = { outcome, attempt: this.attempt };
    if (outcome !== "accept") settlement.error = error ?? new ConnectorError("SETTLED_BY_FLOW", `The flow settled it: ${outcome}`);
    if (node) settlement.node = node;
    if (outcome === "retry") {
      const delay = delayAfter(this.source.policy, this.attempt);
      if (delay === undefined) settlement.outcome = "dead-letter";
      else settlement.delay = delay;
    }
    return settlement;
  }
}

/** The verdict an error gives. */
export function verdictFor(error: ConnectorError, node: Verdict["node"], outcome: Outcome = outcomeOf(error)): Verdict {
  return node ? { outcome, error, node } : { outcome, error };
}

/** The verdict on a delivery that `node` held when its flow was stopped. */
export function stopVerdict(node: FlowNode): Verdict {
  const error = new ConnectorError("FLOW_STOPPED", `Flows were stopped while ${describeNode(node)} held the message`);
  return verdictFor(error, node);
}
