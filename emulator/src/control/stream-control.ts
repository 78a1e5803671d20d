import type { StreamReading } from "../cometd/cometd-session";
import type { StreamFault } from "../cometd/stream-faults";
import { GAP_TYPES, type GapType } from "../events/bus-event";
import type { Org } from "../org";
import type { KillStreams, PubSubFault, PubSubHub } from "../pubsub/hub";
import type { ManagedDefinition } from "../pubsub/managed-subscriptions";
import type { StreamState } from "../pubsub/rpc";

/** Checks that an argument is a number, since it may come from JSON that a person has typed. */
export function finite(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new Error(`${name} must be a number`);
}

/** The part of the control API for the event bus and the servers of its events. */
export class StreamControl {
  constructor(protected readonly org: Org) {}

  /** Publishes change events for these objects from now on. */
  enableChangeEvents(options: { objects: string[] }): { enabled: string[] } {
    this.org.changes.capture.enable(options.objects);
    return { enabled: [...this.org.changes.capture.enabled] };
  }

  /** Publishes no more change events for these objects, unless they are members of a custom channel. */
  disableChangeEvents(options: { objects: string[] }): { enabled: string[] } {
    this.org.changes.capture.disable(options.objects);
    return { enabled: [...this.org.changes.capture.enabled] };
  }

  /** Publishes a change event without fields. Without `ids`, it is for all records of the object. */
  gapEvent(options: { object: string; changeType?: GapType; ids?: string[] }): void {
    const { object, changeType = "GAP_UPDATE", ids } = options;
    if (!GAP_TYPES.includes(changeType)) throw new Error(`changeType must be one of ${GAP_TYPES.join(", ")}`);
    this.org.changes.capture.gap(object, changeType, ids);
  }

  /** Sets the next commit number of change events. A 64-bit number must be given as text. */
  setCommitNumber(options: { next: string | number }): void {
    if (!/^[1-9]\d{0,18}$/.test(String(options.next)) || BigInt(options.next) >= 2n ** 63n) throw new Error("next must be a whole number of at most 64 bits");
    this.org.changes.capture.countFrom(BigInt(options.next));
  }

  /** Forgets all events and replay ids so far, as if their retention time was over: no client can go on after one of them. */
  ageEvents(): { aged: number } {
    this.org.changes.capture.commit();
    return { aged: this.org.events.age() };
  }

  /** Acts as if the org was moved to other servers: its events are gone, replay ids begin again, below those that clients know, and streams lose their connections. */
  restartReplayIds(): { aged: number } {
    this.org.changes.capture.commit();
    this.org.cometd.drop({ cut: true });
    this.org.pubsub?.cut();
    return { aged: this.org.events.restart() };
  }

  /** Delivers the next `count` events twice, with the same replay id. 0 ends this. */
  duplicateEvents(options: { count?: number } = {}): void {
    this.org.events.repeat(finite("count", options.count ?? 1));
  }

  /** Skips `count` replay ids before the next event. */
  skipReplayIds(options: { count?: number } = {}): void {
    const count = finite("count", options.count ?? 100);
    if (!Number.isSafeInteger(count) || count < 1) throw new Error("count must be a whole number above 0");
    this.org.events.skip(count);
  }

  /** Ends all streams over CometD or one of them: its client is unknown from now on. With `cut`, a connection that waits for an answer is broken instead. */
  dropStreams(options: { cut?: boolean; clientId?: string } = {}): { dropped: number } {
    return { dropped: this.org.cometd.drop(options) };
  }

  /** Stops answering connects that may wait (all except a client's first one), for a time or until `{ ms: 0 }`. The connections stay open but nothing comes. */
  holdConnects(options: { ms?: number } = {}): void {
    this.org.cometd.holdConnects(options.ms === undefined ? undefined : finite("ms", options.ms));
  }

  /** Refuses the next messages of streaming clients. Connects that are held count as such. */
  streamFault(fault: StreamFault = {}): void {
    this.org.cometd.fault(fault);
  }

  /** Sets whether replayed events come together with the answer to the subscribe, before it. Default true. */
  deliverWithSubscribe(options: { on?: boolean } = {}): void {
    this.org.cometd.deliverWithSubscribe(options.on);
  }

  /** Returns the open streams over CometD. */
  listStreams(): { streams: StreamReading[] } {
    return { streams: this.org.cometd.list() };
  }

  /** Makes the next calls of the Pub/Sub API fail, or the open streams. */
  pubsubFault(fault: PubSubFault = {}): void {
    this.pubsub.fault(fault);
  }

  /** Breaks the connections of the Pub/Sub API, or ends streams in an orderly way. */
  killStreams(options: KillStreams = {}): { killed: number } {
    return this.pubsub.killStreams(options);
  }

  /** Makes the open streams of the Pub/Sub API silent, as over a half-open connection. New streams work. */
  silence(): { silenced: number } {
    return this.pubsub.silence();
  }

  /** Adds a managed subscription, or changes the one with this developer name. If it is set to STOP, its stream ends. @returns its id */
  setManagedSubscription(options: ManagedDefinition): { id: string } {
    return { id: this.pubsub.managed.set(options).id };
  }

  /** Returns the streams of the Pub/Sub API that have begun. */
  pubsubStreams(): StreamState[] {
    return this.pubsub.list();
  }

  private get pubsub(): PubSubHub {
    if (!this.org.pubsub) throw new Error("the Pub/Sub API is not served: start the emulator with the option pubsub");
    return this.org.pubsub;
  }
}
