import { ConnectorError, toConnectorError } from "../../common/errors";
import { oncePerTurn } from "../../common/once";
import type { Parts, Trigger } from "../../delivery/reading/errand";
import { ErrandLine } from "../../delivery/reading/errand-line";
import type { FlowAccess } from "../../delivery/flow-access";
import { flowStopped } from "../../delivery/outcome";
import { retryDelays } from "../../delivery/retry-policy";
import { notWired } from "../../delivery/wired";
import type { BrokerLink } from "../client/broker";
import { giveBack, type Taken } from "../client/consuming/taking-channel";
import { Getter, type GetterState } from "../client/consuming/getter";
import { QueueDeliveries, type Decoded } from "../client/consuming/queue-deliveries";
import { declareTopology } from "../client/topology";
import { Fetch } from "./fetch";
import type { GetSettings } from "./settings";

/** How many messages of this node may be in the flow. In a loop ("get the next until the queue is empty") all are open until the last one is done. */
const MOST_OPEN = 10_000;
/** How many ms a trigger waits for the broker. */
const PATIENCE = 60_000;

/** What a {@link QueueGet} does, for the status of its node. */
export type QueueGetState = GetterState | { kind: "forwarding"; error: ConnectorError } | { kind: "holding"; reason: string };

/** What a {@link QueueGet} needs besides its settings. */
export interface QueueGetOptions extends FlowAccess {
  settings: GetSettings;
  link: BrokerLink;
  onState(state: QueueGetState): void;
  /** ms that a trigger waits for the broker. Default 60000. */
  patience?: number;
  /** How many bytes of large messages may be in the flow. Default: an eighth of the memory that Node-RED may use. */
  mostBytes?: number;
}

/** Takes messages from a queue for each trigger, one trigger after the other. */
export class QueueGet {
  private readonly getter: Getter;
  private readonly deliveries: QueueDeliveries;
  private readonly line: ErrandLine<Fetch>;
  /** The fetch for which a message was taken. */
  private readonly fetchOf = new WeakMap<Taken, Fetch>();
  /** Which part of the messages of its fetch a message is. */
  private readonly partsOf = new WeakMap<Taken, Parts>();
  private downSince: number | undefined;
  private state: GetterState = { kind: "starting" };
  /** The error by which the last trigger failed, until the next has tried. */
  private trouble: ConnectorError | undefined;
  /** Why copies for retries or dead letters wait to be published; `undefined` when none does. */
  private forwarding: ConnectorError | undefined;
  /** {@link tell}, once at the end of the turn, when settled messages no longer count as open. */
  private readonly tellSoon = oncePerTurn(() => this.tell());
  private closed = false;

  constructor(private readonly options: QueueGetOptions) {
    const { settings, link, node, runtime } = options;
    const { queue, queueType, deadLetterQueue } = settings;
    const declare = settings.declare === "declare";
    this.line = new ErrandLine({ nodeId: node.id, serve: (fetch) => this.fetch(fetch).catch((error: unknown) => this.failed(fetch, toConnectorError(error))), warn: options.warn });
    this.deliveries = new QueueDeliveries({
      from: { queue, queueType, deadLetterQueue, declare, waitsIn: "broker" },
      settings,
      node,
      runtime,
      publish: link.publish,
      send: (message, taken) => options.send((this.fetchOf.get(taken) as Fetch).dress(message, this.partsOf.get(taken) as Parts, options.clone)),
      onSettled: (taken) => {
        this.fetchOf.get(taken)?.settled(taken);
        this.tellSoon();
      },
      warn: options.warn,
      onHold: (reason) => {
        this.line.hold.begin(reason);
        this.tell();
      },
      onResume: () => {
        this.line.hold.end();
        this.tell();
      },
      onForwarding: (error) => {
        this.forwarding = error;
        this.tell();
      },
    });
    this.getter = new Getter({
      connection: link.consume,
      queue,
      mostBytes: options.mostBytes,
      ...(declare ? { prepare: (model) => declareTopology(model, topologyOf(settings), (text) => this.deliveries.warnOnce(text)) } : {}),
      onLost: (window) => {
        this.deliveries.lost(window);
        for (const fetch of this.line.all) fetch.lost(window);
      },
      onState: (state) => this.getterState(state),
    });
  }

  /** How many deliveries are in the flow and not settled. */
  get openCount(): number {
    return this.deliveries.openCount;
  }

  /** Opens the channel. */
  start(): void {
    this.getter.start();
  }

  /** Takes a trigger. Must be called in the input handler, before anything is awaited. @param wanted how many messages, from 1; a rejection fails the trigger */
  take(trigger: Trigger, wanted: number | Promise<number>): void {
    if (wanted instanceof Promise) wanted.catch(() => undefined); // handled when its turn comes
    this.line.take(trigger, (claim) => new Fetch(trigger, wanted, claim, (one) => this.line.all.delete(one)));
  }

  /** Takes no more, lets the flow finish for up to `drain` ms, gives the rest back, and closes. */
  async close(drain = 8_000): Promise<void> {
    const end = performance.now() + drain;
    this.closed = true;
    this.getter.stop();
    this.deliveries.stop();
    this.line.stop();
    await this.line.idle(Math.min(2_000, drain)); // an answer may be on its way
    await this.deliveries.drain(end);
    await Promise.all([this.deliveries.close(), this.getter.close()]);
    this.line.stop(); // a wait may have begun meanwhile
    for (const fetch of [...this.line.all]) fetch.close();
  }

  private failed(fetch: Fetch, error: ConnectorError): void {
    if (error.code === "QUEUE_UNAVAILABLE") this.trouble = error;
    this.tell();
    fetch.close(this.closed ? flowStopped() : error);
  }

  private async fetch(fetch: Fetch): Promise<void> {
    const wanted = await fetch.wanted;
    if (fetch.lapsed) return fetch.close();
    this.check(wanted);
    /** The message that was taken before. Handed over when it is known whether it is the last. */
    let before: Decoded | undefined;
    let got = 0;
    while (got < wanted && !(got > 0 && this.isTooMuch())) {
      const taken = await this.next(fetch);
      if (before?.taken.window.closed) {
        before = undefined;
        got -= 1;
      }
      if (!taken) break;
      got += 1;
      fetch.took(taken);
      this.fetchOf.set(taken, fetch);
      const decoding = this.deliveries.decode(taken);
      const decoded = decoding instanceof Promise ? await decoding : decoding;
      if (taken.window.closed) got -= 1; // lost while it was decoded
      if (!decoded) continue; // it has become a dead letter, or comes again
      if (before) this.handOver(fetch, before, false);
      before = decoded;
    }
    if (before) this.handOver(fetch, before, true);
    if (got > 0) return fetch.end();
    if (this.closed) throw flowStopped();
    fetch.empty();
  }

  /** The next message; `undefined` when this trigger gets no more: the queue is empty, this is closing, or the channel failed after the first message. */
  private async next(fetch: Fetch): Promise<Taken | undefined> {
    if (this.closed) return undefined;
    const taken = fetch.sent > 0 ? await this.getter.take().catch(() => undefined) : await this.first(fetch);
    if (taken && this.closed) {
      giveBack(taken);
      return undefined;
    }
    return taken;
  }

  /** The first message of a trigger. Waits for the broker as long as a trigger may, and tries a second time, since the queue may have been deleted or the channel lost. */
  private async first(fetch: Fetch): Promise<Taken | undefined> {
    const { patience = PATIENCE } = this.options;
    const until = Math.max(fetch.arrived, this.downSince ?? performance.now()) + patience;
    await this.getter.ready(until);
    try {
      return await this.getter.take();
    } catch {
      await this.getter.ready(until);
      return await this.getter.take();
    } finally {
      this.trouble = undefined;
    }
  }

  /** Whether open messages are so large that this trigger gets no more. */
  private isTooMuch(): boolean {
    const { tooMuch } = this.getter;
    if (tooMuch) this.deliveries.warnOnce(`The messages of queue ${this.options.settings.queue} are large: fewer than asked for are taken at a time, so that they do not fill the memory`);
    return tooMuch;
  }

  private handOver(fetch: Fetch, decoded: Decoded, last: boolean): void {
    const { taken } = decoded;
    if (this.closed) {
      giveBack(taken);
      return fetch.settled(taken);
    }
    this.partsOf.set(taken, fetch.nextPart(last));
    this.deliveries.handOver(decoded);
    this.tell();
  }

  /** Checks that messages may be taken now. @throws ConnectorError that tells why not */
  private check(wanted: number): void {
    if (!this.options.isWired()) throw notWired("what is taken");
    if (this.getter.tooMuch) throw new ConnectorError("OVERLOADED", "The messages still in the flow are so large that more of them might fill the memory");
    const open = this.getter.outstanding;
    if (open + wanted <= MOST_OPEN) return;
    throw new ConnectorError("OVERLOADED", `${open} messages are still in the flow: with ${wanted} more there would be over ${MOST_OPEN}`);
  }

  private getterState(state: GetterState): void {
    this.state = state;
    if (state.kind === "ready") this.downSince = undefined;
    else this.downSince ??= performance.now();
    this.tell();
  }

  private tell(): void {
    const { trouble, forwarding, state } = this;
    const reason = this.line.hold.current;
    if (reason !== undefined) this.options.onState({ kind: "holding", reason });
    else if (forwarding && state.kind === "ready") this.options.onState({ kind: "forwarding", error: forwarding });
    else this.options.onState(trouble && state.kind === "ready" ? { kind: "waiting", error: trouble } : state);
  }
}

function topologyOf(settings: GetSettings): Parameters<typeof declareTopology>[1] {
  const { queue, queueType, deadLetterQueue } = settings;
  return { queue: { name: queue, type: queueType, arguments: settings.arguments }, bindings: [], deadLetterQueue, retryDelays: retryDelays(settings) };
}
