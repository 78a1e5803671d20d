import { ConnectorError } from "../common/errors";
import { type FlowContext, type FlowNode, type Hop, Mark } from "./tracker/hop";
import { describeNode, isWorse, outcomeOf, type Outcome, type Settlement, type SettleMode } from "./outcome";
import { delayAfter, type RetryPolicy } from "./retry-policy";
import { waitsForParts } from "./runtime";
import { type JoinedScope, Scope, type Verdict } from "./tracker/scope";
import { Seat } from "./tracker/seat";

/** What a message says of its delivery, as `msg.delivery`: plain values, so that it survives clones and stores. */
export interface DeliveryInfo {
  /** The token by which the delivery is found. */
  id: string;
  /** Id of the source node. */
  source: string;
  /** Which attempt this is, from 1. */
  attempt: number;
  /** How many attempts may follow the first. */
  retries: number;
}

/** The source of a delivery, as the delivery sees it. */
export interface DeliveryOwner<T> {
  readonly id: string;
  readonly policy: RetryPolicy;
  readonly settleMode: SettleMode;
  /** The delivery has ended by `settlement`. */
  settled(delivery: Delivery<T>, settlement: Settlement): void;
  /** A node of ours began to wait for its system while it works for the delivery. */
  holdBegan(reason: string): void;
  /** That wait is over. */
  holdEnded(): void;
}

const ACCEPT: Verdict = { outcome: "accept" };

/** One message that a source took and owes an answer for. Settled exactly once. */
export class Delivery<T = unknown> extends Scope implements FlowContext {
  /** The nodes that have run in the context of the delivery, as a set of {@link Seat.bit}s. */
  private seats = 0;
  private settled = false;
  private verdicts: Verdict[] | undefined;
  /** How many nodes of ours wait for their systems. */
  private holds = 0;
  /** How many sweeps of its source count towards its deadline. */
  private sweeps = 0;
  /** How many sweeps in a row have found it in a line. */
  private standing = 0;
  /** The groups that it is a member of and in which something is still open. */
  private groups: Set<JoinedScope> | undefined;
  /** Called when it is settled. */
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

  /** Whether a node of ours waits for its system while it works for the delivery. */
  get held(): boolean {
    return this.holds > 0;
  }

  /** Whether one of its messages waits for its turn in a line of a node of ours. */
  get inLine(): boolean {
    return this.lined > 0 || (this.groups !== undefined && [...this.groups].some(({ lined }) => lined > 0));
  }

  /** Whether a node has worked on part of it and has more of it: it is being worked on, though the rest waits for its turn. */
  get isBegun(): boolean {
    const scopes = this.scopesWithin();
    return scopes.some(({ begun }) => begun !== undefined && (begun.has(undefined) || scopes.some((scope) => scope.isWith(begun))));
  }

  /** Whether it was in a line at several sweeps in a row, and so does not just pass through it. */
  get stands(): boolean {
    return this.standing > 1;
  }

  /** Who settles it. */
  get mode(): SettleMode {
    return this.source.settleMode;
  }

  /** The value for `msg.delivery`. A new object each time, since the flow may change it. */
  get info(): DeliveryInfo {
    return { id: this.token, source: this.source.id, attempt: this.attempt, retries: this.source.policy.retries };
  }

  /** Whether `source` took it. */
  isOf(source: DeliveryOwner<unknown>): boolean {
    return this.source === source;
  }

  /**
   * One sweep of its source, which looks at all that is open at even intervals: that is cheaper than a time for each delivery.
   *
   * @param patience how many sweeps count although the delivery only waits for its turn
   * @returns how many sweeps have found this delivery neither held for a system nor {@link isBehind}
   */
  swept(patience: number): number {
    this.standing = this.inLine ? this.standing + 1 : 0;
    if (this.holds === 0 && !this.isBehind(patience)) this.sweeps += 1;
    return this.sweeps;
  }

  /** Whether, after `patience` sweeps that count, it still waits for its turn, and for nothing else. */
  isBehind(patience: number): boolean {
    return this.holds === 0 && this.sweeps >= patience && this.stands;
  }

  /** The delivery has become a member of `group`. */
  joined(group: JoinedScope): void {
    (this.groups ??= new Set()).add(group);
  }

  /** Nothing is open in `group` any more. */
  parted(group: JoinedScope): void {
    this.groups?.delete(group);
  }

  /** Of the groups that it is a member of, the latest of which `node` has a message in its hands. */
  groupAt(node: FlowNode): JoinedScope | undefined {
    return this.groups && [...this.groups].findLast((group) => group.isAt(node));
  }

  /** All its live hops, also those in groups; of each group the newest first. */
  hopsWithin(): Hop[] {
    return this.scopesWithin().flatMap((scope) => [...scope.hops()]);
  }

  /** Itself, and the groups that it is a member of in which something is still open. */
  scopesWithin(): Scope[] {
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
   * The delivery itself serves as the context of most hops: the code that has sent the message runs in that context already, and a change of context costs
   * more than all else there is to a hop. It serves one hop to each node, so that context and node together tell the hop, even when it has ended. A node
   * whose bit is taken by another gets the hop itself, which costs more.
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

  /** Settles it by `verdict`. After the last attempt, `retry` becomes `dead-letter`. @returns false when it was settled before */
  settle(verdict: Verdict): boolean {
    if (!this.close()) return false;
    this.source.settled(this, this.settlementOf(verdict));
    return true;
  }

  /** Whether part of it has failed, and all that is left of it waits, in Joins or Sorts, for parts that will not come now. */
  get waitsInVain(): boolean {
    if (!this.verdicts || this.worst() === ACCEPT) return false;
    const hops = this.hopsWithin();
    return hops.length > 0 && hops.every(({ marks, ahead, node }) => (marks & Mark.Received) !== 0 && !ahead && waitsForParts(node));
  }

  /** Settles it while something of it is still open. @param because the verdict, unless a worse one was recorded */
  giveUp(because?: Verdict): void {
    if (because) this.record(because);
    this.settle(this.worst());
  }

  /** Ends it without an answer: the source's connection is gone, and with it the right to answer. @returns false when it was settled before */
  close(): boolean {
    if (this.settled) return false;
    this.settled = true;
    if (this.holds > 0) this.source.holdEnded();
    for (const tell of this.watchers ?? []) queueMicrotask(tell); // in a microtask: by then the registry knows what became of it
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

/** A verdict for an error, by default with the outcome that the error asks for. */
export function verdictFor(error: ConnectorError, node: Verdict["node"], outcome: Outcome = outcomeOf(error)): Verdict {
  return node ? { outcome, error, node } : { outcome, error };
}

/** The verdict on a delivery of which `node` held a message when its flow was stopped. */
export function stopVerdict(node: FlowNode): Verdict {
  const error = new ConnectorError("FLOW_STOPPED", `Flows were stopped while ${describeNode(node)} held the message`);
  return verdictFor(error, node);
}
