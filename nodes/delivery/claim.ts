import { ConnectorError } from "../common/errors";
import type { Delivery } from "./delivery";
import { flowTracker } from "./flow-tracker";
import { type Hop, Mark } from "./hop";
import { registry, tokenOf } from "./registry";
import type { Scope } from "./scope";

/** What a sink may know and say of the delivery its message belongs to. */
export interface Claim {
  /** The delivery was settled since, and not accepted: the message must not be worked on, for its copy will come. */
  readonly closed: boolean;
  /** Those that the message is of: several where a Join or the like has made one of them. */
  readonly deliveries: Iterable<Delivery>;
  /** The sink waits for its system: no attempt is counted, the clock of the deadline stops, the source pauses. */
  hold(reason: string): void;
  /** The wait is over. */
  resume(): void;
  /**
   * It waits for its turn, in a line that goes on, or for what was taken for it: the clock of the deadline stops in time.
   *
   * @param tell called when it may be closed while it waits
   */
  lineUp(tell?: () => void): void;
  /** Its turn has come, or it waits no more. */
  leaveLine(): void;
  /** Some of what it waits for is done: given back without an attempt, it would begin anew each time. */
  begin(): void;
  /** What the message carries is stored for good, whatever happens to the flow now. */
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

/** For deliveries a settle node settles, and where hooks are missing: the token is all there is. */
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
 * The claim of the delivery that `message` belongs to, or `undefined` when it belongs to none. To be asked in the input handler,
 * before work starts.
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

/** Why a message whose claim is closed is not worked on; for a warning, since nobody has to do anything about it. */
export function deliveryClosed(): ConnectorError {
  return new ConnectorError("DELIVERY_CLOSED", "The message came after its delivery was settled, and is dropped: its copy comes or has come");
}
