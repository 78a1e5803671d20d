import { AsyncLocalStorage } from "node:async_hooks";
import { EventEmitter } from "node:events";
import { ConnectorError, toConnectorError } from "../common/errors";
import { type Delivery, verdictFor } from "./delivery";
import { Hop, type FlowContext, type FlowNode } from "./hop";
import { describeNode, outcomeOf } from "./outcome";
import { registry, tokenOf } from "./registry";
import type { CompleteEvent, LogEntry, ReceiveEvent, SendEvent, TrackedRuntime } from "./runtime";
import type { Scope, Verdict } from "./scope";
import { Turn } from "./turn";

/** Label of our hooks in Node-RED. */
const LABEL = "surewireDelivery";
/** Node-RED's log level for errors (util/lib/log.js). */
const LEVEL_ERROR = 20;
/** Where `onSend` leaves for `preDeliver` whose message it is. */
const CONTEXT = Symbol("surewire.context");

interface RoutedEvent extends SendEvent {
  [CONTEXT]?: { context: FlowContext; known: boolean };
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
  private runtime: TrackedRuntime | undefined;
  private users = 0;
  /** Rises with every stop of flows: a hop of an older one must prove that its node still runs. */
  private generation = 0;
  private stopping = false;
  /** The delivery whose source is sending: a source sends synchronously, so it needs no asynchronous context of its own. */
  private sending: Delivery | undefined;
  /** The hop whose `done` is being called: Catch and Complete nodes get their copy right after, wherever that call comes from. */
  private completing: Hop | undefined;

  /** A source begins to follow. Hooks are global to the runtime: the first user adds them. Without hooks (test helper) nothing is followed. */
  acquire(runtime: TrackedRuntime): void {
    this.users += 1;
    if (this.users > 1) return;
    this.runtime = runtime;
    const { hooks, log, events } = runtime;
    hooks?.add(`onSend.${LABEL}`, (sent: SendEvent[]) => this.onSend(sent));
    hooks?.add(`preDeliver.${LABEL}`, (event: SendEvent) => this.preDeliver(event));
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
    this.stopping = false;
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
    return this.hopOf.get(message);
  }

  /** The context of the running code, for a settle node. */
  get context(): FlowContext | undefined {
    return this.storage.getStore();
  }

  private onSend(events: SendEvent[]): void {
    const running = this.storage.getStore() ?? this.sending;
    for (const event of events as RoutedEvent[]) {
      const hop = this.hopOf.get(event.msg);
      const known: FlowContext | undefined = hop && !hop.scope.closed ? hop : openDelivery(event.msg);
      const context = known ?? running;
      if (!context) continue;
      if (context.scope.closed) {
        this.lateSend(event);
        continue;
      }
      event[CONTEXT] = { context, known: known !== undefined && hop !== undefined };
      if (this.stopping && !this.isRegistered(event.destination.id)) context.scope.record(stopped(event.source.node));
    }
  }

  private preDeliver(event: RoutedEvent): void {
    const routed = event[CONTEXT];
    const node = event.destination.node;
    if (!node) return;
    const from = event.source.node;
    if (!routed) {
      if (this.inHands.get(from) || this.turn.hasFinished(from)) this.turn.sendsOrphan({ message: event.msg, from, destination: node });
      return;
    }
    const { context, known } = routed;
    const hop = this.begin(context.scope, event.msg, node, from, context.caught);
    this.turn.sends(hop, known);
  }

  private onReceive(event: ReceiveEvent, next: () => void): void {
    const node = event.destination.node;
    const hop = this.find(event.msg, node, false) ?? this.unsent(event.msg, node);
    if (!hop) {
      next();
      return;
    }
    hop.received = true;
    if (node.type === "catch") hop.caught = this.caughtBy(hop, event.msg);
    this.storage.run(hop, next);
  }

  /** A message that came without a send: Link nodes, Catch and Complete hand theirs over directly. */
  private unsent(message: object, node: FlowNode): Hop | undefined {
    const sent = this.hopOf.get(message);
    const completing = node.type === "catch" || node.type === "complete" ? this.completing : undefined;
    const context = sent && !sent.scope.closed ? sent : (completing ?? this.storage.getStore());
    if (!context || context.scope.closed) return undefined;
    return this.begin(context.scope, message, node, undefined, context.caught);
  }

  private postReceive(event: ReceiveEvent): void {
    const node = event.destination.node;
    if (node._expectedDoneCount) return;
    const hop = this.find(event.msg, node, true);
    if (!hop) return;
    if (!node._inputCallback && !node._inputCallbacks) {
      const text = `${describeNode(node)} has no input handler: what is sent to it goes nowhere`;
      hop.scope.record(verdictFor(new ConnectorError("FLOW_ERROR", text), node));
    }
    hop.untold = true;
    this.end(hop);
  }

  private onComplete(event: CompleteEvent): void {
    const hop = this.find(event.msg, event.node.node, true);
    if (!hop) return;
    if (!this.completing) queueMicrotask(() => (this.completing = undefined));
    this.completing = hop;
    if (event.error) this.fail(hop.scope, event.error, hop.node);
    this.end(hop);
  }

  /** An error reached a Catch node. `done(err)` has recorded it already, `node.error(text, msg)` and a throw have not. */
  private caughtBy(hop: Hop, message: object): Verdict | undefined {
    const error = (message as { error?: { message?: string; source?: { id?: string; name?: string; type?: string } } }).error;
    const source = error?.source;
    if (typeof source?.id !== "string") return hop.caught;
    const verdict = hop.scope.verdictOf(source.id);
    if (verdict) return verdict;
    const recorded = verdictFor(toConnectorError(error?.message ?? "error"), { ...source, id: source.id });
    hop.scope.record(recorded);
    this.endErring(source.id);
    return recorded;
  }

  /** An error that no Catch node took is logged, in the context of the code that raised it. */
  private onLog(entry: LogEntry): void {
    if (entry.level > LEVEL_ERROR || entry.id === undefined) return;
    const context = this.storage.getStore();
    if (!context || context.scope.closed) return;
    if (!context.scope.verdictOf(entry.id)) this.fail(context.scope, loggedError(entry.msg), { ...nameOf(entry), id: entry.id });
    this.endErring(entry.id);
  }

  /** A handler that throws never calls `done`: the error it ended with is its end. */
  private endErring(nodeId: string): void {
    const running = this.storage.getStore();
    if (running instanceof Hop && running.node.id === nodeId && running.received) this.end(running);
  }

  private fail(scope: Scope, error: unknown, node: Verdict["node"]): void {
    const known = toConnectorError(error);
    scope.record(verdictFor(known, node, outcomeOf(known)));
  }

  private begin(scope: Scope, message: object, node: FlowNode, from: FlowNode | undefined, caught: Verdict | undefined): Hop {
    const hop = new Hop(scope, message, node, this.generation, from, caught);
    let previous = this.hopOf.get(message);
    while (previous?.ended) previous = previous.previous;
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

  private end(hop: Hop): void {
    if (hop.ended) return;
    hop.ended = true;
    this.inHands.set(hop.node, (this.inHands.get(hop.node) ?? 1) - 1);
    if (hop.generation !== this.generation && !hop.safe && !this.isLive(hop.node)) hop.scope.record(stopped(hop.node));
    if (this.storage.getStore() !== hop && !hop.scope.closed) this.turn.finishes(hop.node, hop.scope);
    hop.scope.remove(hop);
  }

  private lateSend(event: SendEvent): void {
    const running = this.storage.getStore();
    const node = event.source.node;
    if (!(running instanceof Hop) || !running.untold || running.node !== node || this.warned.has(node)) return;
    this.warned.add(node);
    (node as { warn?: (text: string) => void }).warn?.(
      `${describeNode(node)} takes no done and sends later, so a delivery cannot be followed through it: it was settled before this message was sent`,
    );
  }

  private isRegistered(id: string): boolean {
    return Boolean(this.runtime?.nodes.getNode(id));
  }

  private isLive(node: FlowNode): boolean {
    return this.runtime?.nodes.getNode(node.id) === node;
  }

  private readonly onStopping = (): void => {
    this.generation += 1;
    this.stopping = true;
  };

  /** What stopped nodes still hold will not be finished by anyone. */
  private readonly onStopped = (): void => {
    for (const delivery of [...registry.all()]) this.releaseStopped(delivery);
  };

  private readonly onStarted = (): void => {
    this.stopping = false;
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

function stopped(node: FlowNode): Verdict {
  const error = new ConnectorError("FLOW_STOPPED", `Flows were stopped while ${describeNode(node)} held the message`);
  return verdictFor(error, node);
}

/** Node-RED's own Debug node listens to the log as well, and leaves an Error in it as text for the editor (21-debug.js, `encodeObject`). */
function loggedError(logged: unknown): unknown {
  if (typeof logged !== "string" || !logged.startsWith('{"__enc__":true')) return logged;
  try {
    return (JSON.parse(logged) as { data?: { message?: string } }).data?.message ?? logged;
  } catch {
    return logged;
  }
}

function nameOf(entry: LogEntry): { type?: string; name?: string } {
  return { ...(entry.type ? { type: entry.type } : {}), ...(entry.name ? { name: entry.name } : {}) };
}
