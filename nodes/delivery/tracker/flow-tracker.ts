import { AsyncLocalStorage } from "node:async_hooks";
import { type Delivery, stopVerdict } from "../delivery";
import { Hop, type FlowContext, type FlowNode, Mark } from "./hop";
import { addHop, findHop, hopEnded, hopOf, isInUse, letGo, openHopOf } from "./message-hops";
import { describeNode } from "../outcome";
import { PassingOn } from "./passing-on";
import { contextOf, registry, tokenOf } from "./registry";
import { QuickTurn } from "./quick-turn";
import { record, Reports } from "./reports";
import { isDeaf, takesNoDone, type CompleteEvent, type LogEntry, type ReceiveEvent, type SendEvent, type TrackedRuntime } from "../runtime";
import { RunningFlows } from "./running-flows";
import type { Caught, Scope } from "./scope";
import { Seat } from "./seat";
import { SharedWatch } from "./shared-watch";
import { isDoubtful, StraySends } from "./stray-sends";
import { Turn } from "./turn";
import { warnOfLateError, warnOfLateSend } from "./unfollowed";
import { UntoldLine } from "./untold-line";

/**
 * Follows deliveries through a flow with Node-RED's messaging hooks. Each delivery has a count of open messages: one up for each message sent to a node, one down
 * for each `done()`. When the count has been zero for one turn of the event loop, the flow has finished with the delivery.
 *
 * To which delivery a message belongs is told by the message object, else by its token, else by the code that runs (`AsyncLocalStorage`), so that messages
 * that a node makes anew are followed, too. docs/flow-tracker.md shows the states of deliveries, hops and turns, and five nodes at work.
 */
class FlowTracker {
  private readonly storage = new AsyncLocalStorage<FlowContext>();
  private readonly turn = new Turn();
  private readonly untold = new UntoldLine((hop) => this.end(hop));
  private readonly watch = new SharedWatch();
  private readonly flows = new RunningFlows();
  /** The delivery that its source is sending. A field is enough, and no asynchronous context is needed, since a source sends synchronously. */
  private sending: Delivery | undefined;
  private readonly reports = new Reports();
  /** How many hops have not ended. A hop whose node never calls `done` outlives its delivery. */
  private live = 0;
  /** The hop whose message is being given to the handler of its node, in this call stack. */
  private handling: Hop | undefined;
  private readonly quickTurn = new QuickTurn(this.turn);
  private readonly strays = new StraySends(this.turn, this.quickTurn, this.flows, {
    begin: (scope, message, seat, marks, caught) => this.begin(scope, message, seat, marks, caught),
    end: (hop) => this.end(hop, true),
    running: () => this.storage.getStore(),
  });
  private readonly passingOn = new PassingOn((hop, ahead) => this.begin(hop.scope, hop.message, ahead, Mark.Wired, hop.caught));

  /** To be called by each source when it begins. The runtime is watched until the last source has called {@link release}. */
  acquire(runtime: TrackedRuntime): void {
    const isFirst = this.watch.acquire(runtime, {
      sent: this.onSend,
      isFollowed: (message) => hopOf(message) !== undefined || this.turn.isOrphan(message),
      received: this.onReceive,
      handled: (event) => this.postReceive(event),
      completed: this.onComplete,
      logged: (entry) => this.onLog(entry),
      stopping: () => this.flows.stopping(),
      stopped: () => this.onStopped(),
      started: () => this.flows.started(),
    });
    if (isFirst) this.flows.watched(runtime);
  }

  /** To be called by each source when it ends. After the last one the runtime is no longer watched. */
  release(): void {
    this.watch.release();
  }

  /** Whether flows are being stopped or started, so that a node that is missing may have been there or may still come. False when there is no source. */
  get isDeploying(): boolean {
    return this.watch.isOn && this.flows.changing;
  }

  /** The open delivery that the code which runs now works for; none when it works for several. */
  get running(): Delivery | undefined {
    const scope = (this.sending ?? this.storage.getStore())?.scope;
    if (!scope || scope.closed) return undefined;
    const [delivery, ...others] = scope.deliveries;
    return others.length === 0 ? delivery : undefined;
  }

  /** Removes the hooks from Node-RED when no delivery is open and none was followed since the last call. Calls itself once a minute. */
  rest(): void {
    this.watch.rest();
  }

  /** Runs a source's `send` for `delivery`; the delivery is open at least until it returns. */
  follow(delivery: Delivery, send: () => void): void {
    const before = this.sending;
    this.sending = delivery;
    this.watch.listen();
    delivery.enter();
    try {
      send();
    } finally {
      this.sending = before;
      delivery.leave();
    }
  }

  /** Runs code that serves many deliveries at once (a batch, a timer, a connection), so that it is not taken for the work of one of them. */
  outside<R>(run: () => R): R {
    return this.storage.exit(run);
  }

  /** The stopped node that holds a message of `delivery`, so that the delivery has to be released. Not a node of ours that works on the message, since that may still store it. */
  strandedAt(delivery: Delivery): FlowNode | undefined {
    const inHands = (marks: number): boolean => (marks & Mark.Received) !== 0 && (marks & (Mark.Claimed | Mark.Safe | Mark.Ended)) === 0;
    return delivery.hopsWithin().find((hop) => inHands(hop.marks) && this.flows.hasStopped(hop))?.node;
  }

  /** The hop of a message that a node is handling, if the message is followed. */
  hopOfMessage(message: object): Hop | undefined {
    if (this.handling?.message === message) return this.handling;
    const running = this.storage.getStore();
    return running instanceof Hop && running.message === message ? running : hopOf(message);
  }

  /**
   * Whether a message can be ignored: no delivery is open, and the code that runs does not belong to a settled one (then its node may have to be warned of a late
   * send). So flows without open deliveries pay little more than the price of Node-RED's hooks.
   */
  private get isAtRest(): boolean {
    return registry.open === 0 && this.storage.getStore() === undefined;
  }

  // Arrow functions, since Node-RED is given onSend, onReceive and onComplete themselves: a call in between would cost time for each hop

  private readonly onSend = (events: SendEvent[]): void => {
    if (this.watch.watchesHandling) for (const { msg, source } of events) this.untold.sendsAny(msg, source.node);
    if (this.isAtRest) return this.watch.watchesHandling ? events.forEach((event) => warnOfLateSend(event, undefined)) : undefined;
    const only = events[0];
    if (only && events.length === 1) return this.sends(only, openHopOf(only.msg));
    // A message that goes along two wires is in two of the events, so all are looked up before the first of them begins a new hop
    const own = events.map(({ msg }) => openHopOf(msg));
    try {
      events.forEach((event, index) => this.sends(event, own[index]));
    } catch (error) {
      this.passingOn.part();
      this.strays.areNotSent(events, error);
      throw error; // Node-RED reports it
    }
  };

  /**
   * Begins the hop of a message that is sent. This is done now, and not when the message arrives, so that a message that another hook keeps back on its way (a
   * debugger does) counts as open.
   *
   * @param own the open hop of this very message object, if it has one
   */
  private sends(event: SendEvent, own: Hop | undefined): void {
    const { node } = event.source;
    this.passingOn.part();
    this.reports.sends(node);
    const context = own ?? this.guess(event.msg, node);
    if (!own && hopOf(event.msg)) warnOfLateSend(event, undefined); // whoever's code sends it: a gate does so in the handler of the next
    if (!context) return void this.strays.isOfNobody(event, undefined);
    if (!own && context !== this.sending && isDoubtful(context, event) && this.strays.isOfNobody(event, context)) return;
    if (context.scope.closed) return warnOfLateSend(event, this.storage.getStore());
    const seat = own?.node === node ? own.seat : this.seatOfOther(event);
    if (seat.silent) this.passesOn(event);
    const destination = this.flows.destinationOf(event, seat);
    if (!destination) return this.strays.goesNowhere(context.scope, event, own !== undefined);
    const quick = this.quickTurn.sends(own, node);
    if (quick && own && this.passingOn.begins(own, event, destination)) return;
    const hop = this.begin(context.scope, this.flows.ownCopy(event), destination, Mark.Wired, context.caught);
    if (quick) return;
    if (seat.inHands > 0 || !this.turn.idle) this.turn.sends(hop, node, own !== undefined);
  }

  /** The seat of a node that sends what it was not given. A message that is still in the flow for another delivery is copied. */
  private seatOfOther(event: SendEvent): Seat {
    const { node } = event.source;
    const newest = hopOf(event.msg);
    if (newest && isInUse(newest, node, this.storage.getStore()?.scope)) event.cloneMessage = true;
    return Seat.of(node);
  }

  /** Finds out to which scope a message without a hop belongs. */
  private guess(message: object, sender?: FlowNode): FlowContext | undefined {
    const { sending } = this;
    const token = tokenOf(message);
    return sending && token === sending.token ? sending : contextOf(token, sending ?? this.storage.getStore(), sender);
  }

  private readonly onReceive = (event: ReceiveEvent, next: () => void): void => {
    const node = event.destination.node;
    this.passingOn.part();
    if (this.isAtRest) return next();
    let hop = findHop(event.msg, node, 0);
    if (!hop) {
      const context = this.contextOfUnsent(event.msg, node);
      if (!context) {
        if (node.type === "catch") this.reports.caughtOfNobody(event.msg);
        return next();
      }
      // what tells of a node's state does not belong to the delivery whose code changed that
      if (node.type === "status" || this.reports.isOfNobody(event.msg, node)) return this.outside(next);
      if (context.scope.closed || typeof event.msg !== "object") return next();
      hop = this.begin(context.scope, event.msg, Seat.of(node), 0, context.caught);
    }
    hop.marks |= Mark.Received;
    hop.seat.holds += 1;
    if (hop.seat.catches) hop.caught = this.reports.caught(hop.scope, hop.caught, event.msg, node, (id) => this.endErring(id));
    const silent = hop.seat.arrives();
    if (silent && this.watch.handling()) this.untold.begins();
    const outer = this.handling;
    this.handling = hop;
    try {
      this.handle(hop, silent ? hop : hop.scope.contextFor(hop), next);
    } finally {
      this.handling = outer;
    }
  };

  /** Calls the node's handler. What came by wire is handled in a `setImmediate` of its own, so the context need not be restored, which would cost as much as to set it. */
  private handle(hop: Hop, context: FlowContext, next: () => void): void {
    if ((hop.marks & Mark.Wired) === 0) {
      this.storage.run(context, next);
      return;
    }
    this.quickTurn.arrived();
    if (this.storage.getStore() !== context) this.storage.enterWith(context);
    next();
  }

  /** Finds out to which scope a message belongs that is received without having been sent: Link, Catch and Complete nodes are given theirs directly. */
  private contextOfUnsent(message: object, node: FlowNode): FlowContext | undefined {
    return this.reports.originOf(message, node) ?? openHopOf(message) ?? this.guess(message);
  }

  private postReceive(event: ReceiveEvent): void {
    const node = event.destination.node;
    if (!takesNoDone(node)) return;
    const deaf = isDeaf(node);
    const hop = findHop(event.msg, node, Mark.Received);
    if (!hop) return deaf ? undefined : this.untold.handledOther(event.msg, node);
    if (deaf && !this.flows.isLive(node)) hop.scope.record(stopVerdict(node));
    else if (deaf) record(hop.scope, `${describeNode(node)} has no input handler: what is sent to it goes nowhere`, node);
    hop.marks |= Mark.Untold;
    if (deaf) this.end(hop);
    else this.untold.handled(hop);
  }

  /** A node that takes no `done` sends a message, so it has finished with the message that it made this one of. */
  private passesOn({ msg, source }: SendEvent): void {
    const running = this.sending ?? this.storage.getStore();
    const hop = findHop(msg, source.node, Mark.Received) ?? (running instanceof Hop && running.node === source.node && (running.marks & Mark.Ended) === 0 ? running : undefined);
    if (hop) this.untold.sends(hop);
  }

  private readonly onComplete = (event: CompleteEvent): void => {
    const hop = this.live > 0 ? findHop(event.msg, event.node.node, Mark.Received) : undefined;
    this.reports.completed(hop, event.error, event.node.node, event.msg);
    if (hop) this.end(hop, Boolean(event.error));
    letGo();
  };

  /** An error that no Catch node took is logged, in the context of the code that raised it. */
  private onLog(entry: LogEntry): void {
    if (entry.id === undefined || this.reports.isLogged(entry.id)) return;
    const context = this.storage.getStore();
    const open = context?.scope.closed ? undefined : context?.scope;
    const node = this.flows.running(entry.id);
    this.reports.logged(entry.id, entry, open, this.turn.idle && node !== undefined && context?.hasLeft(node) === true);
    if (open) this.endErring(entry.id);
    else if (node) warnOfLateError(node, context);
  }

  /** Ends the hop that the code works for, if it is at this node: a handler that has thrown an error never calls `done`. */
  private endErring(nodeId: string): void {
    const hop = this.storage.getStore()?.at(nodeId);
    if (hop && (hop.marks & Mark.Received) !== 0) this.end(hop);
  }

  private begin(scope: Scope, message: object, seat: Seat, marks: number, caught: Caught | undefined): Hop {
    const hop = new Hop(scope, message, seat, this.flows.generation, marks, caught);
    addHop(hop);
    seat.inHands += 1;
    this.live += 1;
    scope.add(hop);
    return hop;
  }

  /** The node of `hop` has finished with it. @param failed it has finished with an error, so what it sends is not made of this message */
  private end(hop: Hop, failed = false): void {
    if ((hop.marks & Mark.Ended) !== 0) return;
    const { ahead } = hop;
    hop.seat.inHands -= 1;
    if ((hop.marks & Mark.Received) !== 0) hop.seat.holds -= 1;
    if ((hop.marks & Mark.Safe) === 0 && this.flows.hasStopped(hop)) hop.scope.record(stopVerdict(hop.node));
    if (!failed && !hop.scope.closed) this.quickTurn.finishes(hop, this.handling);
    if (ahead) return hop.goesOn(ahead);
    hop.marks |= Mark.Ended;
    hopEnded(hop);
    this.live -= 1;
    hop.scope.remove(hop);
  }

  /** Flows were stopped: ends the hops to nodes that are gone, since nobody will finish them. */
  private onStopped(): void {
    this.flows.stopped();
    this.passingOn.part();
    for (const delivery of [...registry.all()]) this.releaseStopped(delivery);
  }

  private releaseStopped(delivery: Delivery): void {
    for (const hop of delivery.hopsWithin()) if ((hop.marks & Mark.Ended) === 0 && !this.flows.isLive(hop.node)) this.end(hop);
  }
}

/** The one tracker of this process, since Node-RED's hooks are global, too. */
export const flowTracker = new FlowTracker();
