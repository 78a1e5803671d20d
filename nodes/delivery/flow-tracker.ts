import { AsyncLocalStorage } from "node:async_hooks";
import { EventEmitter } from "node:events";
import { ConnectorError } from "../common/errors";
import { type Delivery, verdictFor } from "./delivery";
import { Hop, type FlowContext, type FlowNode } from "./hop";
import { describeNode } from "./outcome";
import { registry, tokenOf } from "./registry";
import { record, recordLogged, Reports } from "./reports";
import { configOf, isRunning, type CompleteEvent, type LogEntry, type ReceiveEvent, type SendEvent, type TrackedRuntime } from "./runtime";
import { covers, type Scope, type Verdict } from "./scope";
import { Turn } from "./turn";
import { UntoldLine } from "./untold-line";

/** Label of our hooks in Node-RED. */
const LABEL = "surewireDelivery";
/** Node-RED's log level for errors (util/lib/log.js). */
const LEVEL_ERROR = 20;
/** Where `onSend` leaves for `preDeliver` whose message it is. */
const CONTEXT = Symbol("surewire.context");
/** And whether the message itself, not just the running code, told so. */
const KNOWN = Symbol("surewire.known");

interface RoutedEvent extends SendEvent {
  [CONTEXT]?: FlowContext;
  [KNOWN]?: boolean;
}

/**
 * Follows deliveries through a flow with Node-RED's messaging hooks: each message handed to a node counts one up, each
 * `done()` one down, and a delivery for which nothing is open for one turn of the event loop is finished.
 *
 * Whose a message is, is told by the message object, then by its token, then by the code that runs (`AsyncLocalStorage`), so that
 * brand-new messages are known too.
 */
export class FlowTracker {
  private readonly storage = new AsyncLocalStorage<FlowContext>();
  private readonly hopOf = new WeakMap<object, Hop>();
  /** Live hops by node: a node without any needs no second look when it sends. */
  private readonly inHands = new WeakMap<FlowNode, number>();
  private readonly turn = new Turn((orphan, scope) => this.begin(scope, orphan.message, orphan.destination, orphan.from, undefined));
  private readonly logHandler = new EventEmitter().on("log", (entry: LogEntry) => this.onLog(entry));
  private readonly warned = new WeakSet<FlowNode>();
  private readonly untold = new UntoldLine((hop) => this.end(hop));
  private runtime: TrackedRuntime | undefined;
  private users = 0;
  /** Rises with every stop of flows: a hop of an older one must prove that its node still runs. */
  private generation = 0;
  /** Flows are being stopped or started: a node that is not there may have been, or will be. */
  private changing = false;
  /** The delivery whose source is sending: a source sends synchronously, so it needs no asynchronous context of its own. */
  private sending: Delivery | undefined;
  private readonly reports = new Reports();

  /** A source begins to follow. Hooks are global to the runtime: the first user adds them. Without hooks (test helper) nothing is followed. */
  acquire(runtime: TrackedRuntime): void {
    this.users += 1;
    if (this.users > 1) return;
    this.runtime = runtime;
    this.changing = true; // a source is made while flows start
    const { hooks, log, events } = runtime;
    hooks?.add(`onSend.${LABEL}`, (sent: SendEvent[]) => this.onSend(sent));
    const preDeliver = runtime.settings?.runtimeSyncDelivery
      ? (event: SendEvent, next: () => void) => (this.preDeliver(event) ? void setImmediate(next) : next()) // in its turn, see Turn
      : (event: SendEvent) => void this.preDeliver(event);
    hooks?.add(`preDeliver.${LABEL}`, preDeliver);
    hooks?.add(`onReceive.${LABEL}`, (event: ReceiveEvent, next: () => void) => this.onReceive(event, next));
    hooks?.add(`postReceive.${LABEL}`, (event: ReceiveEvent) => this.postReceive(event));
    hooks?.add(`onComplete.${LABEL}`, (event: CompleteEvent) => this.onComplete(event));
    log.addHandler(this.logHandler);
    events.on("flows:stopping", this.onStopping);
    events.on("flows:stopped", this.onStopped);
    events.on("flows:started", this.onStarted);
  }

  /** A source has ended; the last one takes the hooks along. */
  release(): void {
    this.users -= 1;
    if (this.users > 0 || !this.runtime) return;
    const { hooks, log, events } = this.runtime;
    hooks?.remove(`*.${LABEL}`);
    log.removeHandler(this.logHandler);
    events.removeListener("flows:stopping", this.onStopping);
    events.removeListener("flows:stopped", this.onStopped);
    events.removeListener("flows:started", this.onStarted);
    this.runtime = undefined;
  }

  /** Runs a source's `send` for `delivery`; the delivery is open at least until it returns. */
  follow(delivery: Delivery, send: () => void): void {
    const before = this.sending;
    this.sending = delivery;
    delivery.enter();
    try {
      send();
    } finally {
      this.sending = before;
      delivery.leave();
    }
  }

  /** Runs what serves many deliveries at once (a batch, a timer, a connection) so that it is not taken for part of one. */
  outside<R>(run: () => R): R {
    return this.storage.exit(run);
  }

  /** The live hop of a message a node is handling, if the message is followed. */
  hopOfMessage(message: object): Hop | undefined {
    const running = this.storage.getStore();
    return running instanceof Hop && running.message === message ? running : this.hopOf.get(message);
  }

  /** The context of the running code, for a settle node. */
  get context(): FlowContext | undefined {
    return this.storage.getStore();
  }

  private onSend(events: SendEvent[]): void {
    const running = this.sending ?? this.storage.getStore();
    for (const event of events as RoutedEvent[]) {
      const context = this.contextOf(event.msg, running);
      if (!context) continue;
      if (context.scope.closed) {
        this.lateSend(event);
        continue;
      }
      event[CONTEXT] = context;
      event[KNOWN] = context === this.hopOf.get(event.msg);
      if (!event.source.node._expectedDoneCount) this.passesOn(event, running);
      if (!isRunning(event)) this.goesNowhere(context.scope, event);
    }
  }

  /** Whose a message is. A copy of a joined message carries the token of one delivery only: there the code that runs knows better. */
  private contextOf(message: object, running: FlowContext | undefined): FlowContext | undefined {
    const hop = this.hopOf.get(message);
    if (hop && !hop.scope.closed) return hop;
    const delivery = openDelivery(message);
    if (!delivery || (running && !running.scope.closed && covers(running.scope, delivery.scope))) return running;
    return delivery;
  }

  /** Node-RED drops in silence what is sent to a node that does not run. Only where the user disabled that node is this the end of the message. */
  private goesNowhere(scope: Scope, { source, destination }: SendEvent): void {
    const config = configOf(source.node, destination.id);
    if (this.changing || !this.isLive(source.node)) scope.record(stopped(source.node));
    else if (config && !config.d) record(scope, `${describeNode(config)} is not running: what is sent to it goes nowhere`, config);
  }

  /** @returns whether the message is followed */
  private preDeliver(event: RoutedEvent): boolean {
    const routed = event[CONTEXT];
    const node = event.destination.node;
    if (!node) return false;
    const from = event.source.node;
    if (!routed) {
      const orphan = Boolean(this.inHands.get(from)) || this.turn.hasFinished(from);
      if (orphan) this.turn.sendsOrphan({ message: event.msg, from, destination: node });
      return orphan;
    }
    this.turn.sends(this.begin(routed.scope, event.msg, node, from, routed.caught), event[KNOWN] === true);
    return true;
  }

  private onReceive(event: ReceiveEvent, next: () => void): void {
    const node = event.destination.node;
    const hop = this.find(event.msg, node, false) ?? this.unsent(event.msg, node);
    if (!hop) {
      next();
      return;
    }
    hop.received = true;
    if (node.type === "catch") hop.caught = this.reports.caught(hop.scope, event.msg, node, (id) => this.endErring(id)) ?? hop.caught;
    this.storage.run(hop, next);
  }

  /** A message that came without a send: Link nodes, Catch and Complete hand theirs over directly. */
  private unsent(message: object, node: FlowNode): Hop | undefined {
    const context = this.reports.originOf(message, node) ?? this.contextOf(message, this.storage.getStore());
    if (!context || context.scope.closed || typeof message !== "object") return undefined;
    return this.begin(context.scope, message, node, undefined, context.caught);
  }

  private postReceive(event: ReceiveEvent): void {
    const node = event.destination.node;
    const deaf = !node._inputCallback && !node._inputCallbacks;
    if (node._expectedDoneCount && !deaf) return;
    const hop = this.find(event.msg, node, true);
    if (!hop) return;
    if (deaf && !this.isLive(node)) hop.scope.record(stopped(node));
    else if (deaf) record(hop.scope, `${describeNode(node)} has no input handler: what is sent to it goes nowhere`, node);
    hop.untold = true;
    if (deaf) this.end(hop);
    else this.untold.handled(hop);
  }

  /** A node that takes no `done` sends: with that it has finished with the message it made this of. */
  private passesOn({ msg, source }: SendEvent, running: FlowContext | undefined): void {
    const hop = this.find(msg, source.node, true) ?? (running instanceof Hop && running.node === source.node && !running.ended ? running : undefined);
    if (hop) this.untold.sends(hop);
  }

  private onComplete(event: CompleteEvent): void {
    const hop = this.find(event.msg, event.node.node, true);
    this.reports.completed(hop, event.error);
    if (hop) this.end(hop, Boolean(event.error));
  }

  /** An error that no Catch node took is logged, in the context of the code that raised it. */
  private onLog(entry: LogEntry): void {
    if (entry.level > LEVEL_ERROR || entry.id === undefined || this.reports.isLogged(entry.id)) return;
    const context = this.storage.getStore();
    if (!context || context.scope.closed) return;
    if (!context.scope.verdictOf(entry.id)) recordLogged(context.scope, entry.id, entry);
    this.endErring(entry.id);
  }

  /** A handler that throws never calls `done`: the error it ended with is its end. */
  private endErring(nodeId: string): void {
    const running = this.storage.getStore();
    if (running instanceof Hop && running.node.id === nodeId && running.received) this.end(running);
  }

  private begin(scope: Scope, message: object, node: FlowNode, from: FlowNode | undefined, caught: Verdict | undefined): Hop {
    const hop = new Hop(scope, message, node, this.generation, from, caught);
    const previous = liveOf(this.hopOf.get(message));
    if (previous) previous.previous = liveOf(previous.previous); // a message that goes round for hours keeps no trail
    hop.previous = previous;
    this.hopOf.set(message, hop);
    this.inHands.set(node, (this.inHands.get(node) ?? 0) + 1);
    scope.add(hop);
    return hop;
  }

  private find(message: object, node: FlowNode, received: boolean): Hop | undefined {
    let hop = this.hopOf.get(message);
    while (hop && (hop.ended || hop.node !== node || hop.received !== received)) hop = hop.previous;
    return hop;
  }

  /** @param failed an error ends with its own message: what its node sends goes on without it */
  private end(hop: Hop, failed = false): void {
    if (hop.ended) return;
    hop.ended = true;
    this.inHands.set(hop.node, (this.inHands.get(hop.node) ?? 1) - 1);
    if ((this.changing || hop.generation !== this.generation) && !hop.safe && !this.isLive(hop.node)) hop.scope.record(stopped(hop.node));
    if (!failed && !hop.scope.closed) this.turn.finishes(hop.node, hop.scope);
    hop.scope.remove(hop);
  }

  /** A message of a delivery that is settled already. */
  private lateSend(event: SendEvent): void {
    const running = this.storage.getStore();
    const node = event.source.node;
    const own = this.hopOf.get(event.msg);
    if (!(running instanceof Hop) || !running.ended || running.node !== node || (own && !own.ended) || this.warned.has(node)) return;
    this.warned.add(node);
    const fault = running.untold ? "takes no done and sends later" : "sends after it called done";
    (node as { warn?: (text: string) => void }).warn?.(
      `${describeNode(node)} ${fault}, so a delivery cannot be followed through it: it was settled before this message was sent`,
    );
  }

  private isLive(node: FlowNode): boolean {
    return this.runtime?.nodes.getNode(node.id) === node;
  }

  private readonly onStopping = (): void => {
    this.generation += 1;
    this.changing = true;
  };

  /** What stopped nodes still hold will not be finished by anyone. */
  private readonly onStopped = (): void => {
    this.generation += 1;
    for (const delivery of [...registry.all()]) this.releaseStopped(delivery);
  };

  private readonly onStarted = (): void => {
    this.changing = false;
  };

  private releaseStopped(delivery: Delivery): void {
    for (const hop of delivery.hopsWithin()) if (!hop.ended && !this.isLive(hop.node)) this.end(hop);
  }
}

/** The tracker of this process: Node-RED's hooks are global, and so is it. */
export const flowTracker = new FlowTracker();

function openDelivery(message: object): FlowContext | undefined {
  const token = tokenOf(message);
  if (token === undefined) return undefined;
  const delivery = registry.find(token);
  return delivery === "closed" || delivery?.mode !== "flow" ? undefined : delivery;
}

function liveOf(hop: Hop | undefined): Hop | undefined {
  while (hop?.ended) hop = hop.previous;
  return hop;
}

function stopped(node: FlowNode): Verdict {
  const error = new ConnectorError("FLOW_STOPPED", `Flows were stopped while ${describeNode(node)} held the message`);
  return verdictFor(error, node);
}
