import type { StreamReading } from "../cometd/cometd-session";
import type { StreamFault } from "../cometd/stream-faults";
import { GAP_TYPES, type GapType } from "../events/bus-event";
import type { Org } from "../org";
import type { KillStreams, PubSubFault, PubSubHub } from "../pubsub/hub";
import type { ManagedDefinition } from "../pubsub/managed-subscriptions";
import type { StreamState } from "../pubsub/rpc";

/** The argument may come from JSON that somebody typed. */
export function finite(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new Error(`${name} must be a number`);
}

/** What the event bus, and those who serve it, can be made to do: part of the control API. */
export class StreamControl {
  constructor(protected readonly org: Org) {}

  /** Tells the changes of these objects as change events from now on. */
  enableChangeEvents(options: { objects: string[] }): { enabled: string[] } {
    this.org.changes.capture.enable(options.objects);
    return { enabled: [...this.org.changes.capture.enabled] };
  }

  /** Tells them no more, unless a custom channel has them. */
  disableChangeEvents(options: { objects: string[] }): { enabled: string[] } {
    this.org.changes.capture.disable(options.objects);
    return { enabled: [...this.org.changes.capture.enabled] };
  }

  /** Publishes a change event without fields. `ids` default to all records of the object. */
  gapEvent(options: { object: string; changeType?: GapType; ids?: string[] }): void {
    const { object, changeType = "GAP_UPDATE", ids } = options;
    if (!GAP_TYPES.includes(changeType)) throw new Error(`changeType must be one of ${GAP_TYPES.join(", ")}`);
    this.org.changes.capture.gap(object, changeType, ids);
  }

  /** Change events count their commits from here on; a number of 64 bits comes as text. */
  setCommitNumber(options: { next: string | number }): void {
    if (!/^[1-9]\d{0,18}$/.test(String(options.next)) || BigInt(options.next) >= 2n ** 63n) throw new Error("next must be a whole number of at most 64 bits");
    this.org.changes.capture.countFrom(BigInt(options.next));
  }

  /** Events and replay ids given out so far are as old as if nobody had fetched them in days: no client can go on behind one of them. */
  ageEvents(): { aged: number } {
    this.org.changes.capture.commit();
    return { aged: this.org.events.age() };
  }

  /** The org has moved: its events are gone, replay ids begin anew, below those that clients know, and connections of streams are broken. */
  restartReplayIds(): { aged: number } {
    this.org.changes.capture.commit();
    this.org.cometd.drop({ cut: true });
    this.org.pubsub?.cut();
    return { aged: this.org.events.restart() };
  }

  /** The next events are delivered twice, by the same replay id; 0 ends it. */
  duplicateEvents(options: { count?: number } = {}): void {
    this.org.events.repeat(finite("count", options.count ?? 1));
  }

  /** Leaves replay ids out before the next event. */
  skipReplayIds(options: { count?: number } = {}): void {
    const count = finite("count", options.count ?? 100);
    if (!Number.isSafeInteger(count) || count < 1) throw new Error("count must be a whole number above 0");
    this.org.events.skip(count);
  }

  /** Ends the streams over CometD, or one of them: the client is unknown from now on. `cut`: its connection is cut, too, in place of an answer. */
  dropStreams(options: { cut?: boolean; clientId?: string } = {}): { dropped: number } {
    return { dropped: this.org.cometd.drop(options) };
  }

  /** No connect that may wait – not a client's first one – is answered any more, for a time or until `{ ms: 0 }`: the connection stands, and nothing comes. */
  holdConnects(options: { ms?: number } = {}): void {
    this.org.cometd.holdConnects(options.ms === undefined ? undefined : finite("ms", options.ms));
  }

  /** The next messages of streaming clients are refused; a connect that is being held is one of them. */
  streamFault(fault: StreamFault = {}): void {
    this.org.cometd.fault(fault);
  }

  /** Whether events that are replayed come inside the answer to the subscribe, ahead of it. Default true. */
  deliverWithSubscribe(options: { on?: boolean } = {}): void {
    this.org.cometd.deliverWithSubscribe(options.on);
  }

  /** The streams over CometD that are open. */
  listStreams(): { streams: StreamReading[] } {
    return { streams: this.org.cometd.list() };
  }

  /** The next calls of the Pub/Sub API fail, or the streams that are open. */
  pubsubFault(fault: PubSubFault = {}): void {
    this.pubsub.fault(fault);
  }

  /** Breaks the connections of the Pub/Sub API, or ends streams well. */
  killStreams(options: KillStreams = {}): { killed: number } {
    return this.pubsub.killStreams(options);
  }

  /** Streams of the Pub/Sub API that are open say nothing any more, as over a connection that is half dead; new ones are well. */
  silence(): { silenced: number } {
    return this.pubsub.silence();
  }

  /** Makes a managed subscription, or changes the one with this developer name; gives its id. One that is set to STOP ends its stream. */
  setManagedSubscription(options: ManagedDefinition): { id: string } {
    return { id: this.pubsub.managed.set(options).id };
  }

  /** The streams of the Pub/Sub API that have begun. */
  pubsubStreams(): StreamState[] {
    return this.pubsub.list();
  }

  private get pubsub(): PubSubHub {
    if (!this.org.pubsub) throw new Error("the Pub/Sub API is not served: start the emulator with the option pubsub");
    return this.org.pubsub;
  }
}
