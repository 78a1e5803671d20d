import { ConnectorError } from "../common/errors";
import type { Delivery } from "./delivery";
import { flowTracker } from "./tracker/flow-tracker";
import { type Hop, Mark } from "./tracker/hop";
import { registry, tokenOf } from "./tracker/registry";
import type { Scope } from "./tracker/scope";

/** What a node of ours may ask and tell about the delivery that its message belongs to. */
export interface Claim {
  /** The delivery was settled meanwhile, and not accepted. The message must not be worked on: it comes again, or lies among the dead letters. */
  readonly closed: boolean;
  /** The deliveries that the message belongs to: several if a Join or the like has made one message of theirs. */
  readonly deliveries: Iterable<Delivery>;
  /** The node waits for its system from now on: no attempt is counted, the deadline does not run, and the source pauses. @param reason for the status of the source */
  hold(reason: string): void;
  /** The wait of {@link hold} is over. */
  resume(): void;
  /**
   * The message waits for its turn in a line that moves on, or for messages that were taken for it. If it waits for long, the deadline stops running.
   *
   * @param tell called when the delivery may have been closed while it waits
   */
  lineUp(tell?: () => void): void;
  /** The wait of {@link lineUp} is over. */
  leaveLine(): void;
  /** Part of the work for the message is done while it still waits in its line: were it given back without counting an attempt, that part would be repeated each time. */
  begin(): void;
  /** What the message carries is stored for good: that the flow is stopped now can no longer make the delivery fail. */
  safe(): void;
}

class HopClaim implements Claim {
  /** What is held; the hop itself may join others meanwhile. */
  private held: Scope | undefined;
  private lined: Scope | undefined;
  private tell: (() => void) | undefined;
  constructor(private readonly hop: Hop) {
    hop.marks |= Mark.Claimed;
  }
  get closed(): boolean {
    return this.hop.scope.closed;
  }
  get deliveries(): Iterable<Delivery> {
    return this.hop.scope.deliveries;
  }
  hold(reason: string): void {
    this.held = this.hop.scope;
    this.held.hold(reason);
  }
  resume(): void {
    this.held?.resume();
    this.held = undefined;
  }
  lineUp(tell?: () => void): void {
    this.leaveLine();
    this.lined = this.hop.scope;
    this.lined.lineUp();
    if (tell) this.lined.watch((this.tell = tell));
  }
  leaveLine(): void {
    this.lined?.leaveLine(this.hop.seat);
    if (this.tell) this.lined?.unwatch(this.tell);
    this.lined = this.tell = undefined;
  }
  begin(): void {
    this.lined?.begin(this.hop.seat);
  }
  safe(): void {
    this.hop.marks |= Mark.Safe;
  }
}

/** The claim of a message that is not followed, since a settle node settles its delivery or there are no hooks: all that is known of it is its token. */
class TokenClaim implements Claim {
  private lined = false;
  private tell: (() => void) | undefined;
  constructor(private readonly delivery: Delivery) {}
  get closed(): boolean {
    return this.delivery.closed && registry.comesBack(this.delivery.token);
  }
  get deliveries(): Iterable<Delivery> {
    return [this.delivery];
  }
  hold(reason: string): void {
    this.delivery.hold(reason);
  }
  resume(): void {
    this.delivery.resume();
  }
  lineUp(tell?: () => void): void {
    this.leaveLine();
    this.lined = true;
    this.delivery.lineUp();
    if (tell) this.delivery.watch((this.tell = tell));
  }
  leaveLine(): void {
    if (this.lined) this.delivery.leaveLine();
    if (this.tell) this.delivery.unwatch(this.tell);
    this.lined = false;
    this.tell = undefined;
  }
  begin(): void {
    this.delivery.begin();
  }
  safe(): void {
    // nothing follows this delivery, so nothing can take it back
  }
}

const CLOSED: Claim = { closed: true, deliveries: [], hold() {}, resume() {}, lineUp() {}, leaveLine() {}, begin() {}, safe() {} };

/**
 * The claim of the delivery that `message` belongs to, or `undefined` when it belongs to none. Must be called in the input handler, before anything is
 * awaited.
 */
export function claimOf(message: object): Claim | undefined {
  const hop = flowTracker.hopOfMessage(message);
  if (hop && (hop.marks & Mark.Ended) === 0) return new HopClaim(hop);
  const token = tokenOf(message);
  if (token === undefined) return undefined;
  const delivery = registry.find(token);
  if (delivery === "closed") return registry.comesBack(token) ? CLOSED : undefined; // accepted: no copy will come, so this is the message
  return delivery && new TokenClaim(delivery);
}

/** Why a message whose claim is closed is dropped. To be told as a warning, since nobody has to do anything about it. */
export function deliveryClosed(): ConnectorError {
  return new ConnectorError("DELIVERY_CLOSED", "The message came after its delivery was settled, and is dropped: its copy comes or has come");
}
