import type { BackOff } from "../../../common/back-off";
import { ConnectorError, type ErrorCode, toConnectorError } from "../../../common/errors";
import type { Store } from "../../../common/store";
import { TroubleLog } from "../../../common/trouble-log";
import { flowTracker } from "../../../delivery/flow-tracker";
import type { RowPoison } from "../../../delivery/row-deliveries";
import { EventFeed } from "./event-feed";
import type { PositionPlace } from "./event-position";
import type { EventFeedOptions, FeedState } from "./feed-options";
import { channelName, type ReplayFrom } from "./listen-settings";
import { orgClock } from "./org-clock";
import { orgIdOf } from "./org-identity";
import type { OrgStreams, StreamOrg } from "./org-streams";
import { PlaceClaim } from "./place-claim";
import { fencedStore, type ListenLease, type Standby } from "./standby";

/** Why nothing is taken at present: nothing is wired, or somebody has asked for it. */
export type PauseReason = "unwired" | "asked";

/** How a listener stands. `standby`: another instance listens; `signing-in`: the org does not let it in yet. */
export type ListenerState = FeedState | { kind: "unwired" | "paused" | "standby" | "signing-in" };

/** What an {@link EventListener} needs. */
export interface EventListenerOptions extends Pick<EventFeedOptions, "settings" | "node" | "runtime" | "prepare" | "send" | "isWired" | "onSettled" | "warn" | "error" | "every" | "someRoom"> {
  /** Under which name the position is kept, beside the org and the channel. */
  name: string;
  org: Pick<StreamOrg, "openSession" | "onOtherOrg" | "untilReady" | "rest" | "http"> & { streams: Pick<OrgStreams, "over"> };
  store: Store;
  /** In the place of `store`, where another instance may stand by. */
  standby?: Standby;
  onState(state: ListenerState): void;
  log(text: string): void;
  /** As {@link EventFeedOptions.backOff}; one for each feed. */
  backOff?(): BackOff;
  /** As of the watch over events that end the process. */
  trial?: RowPoison["trial"];
}

/** ms that the flow may take to finish when it stops. */
const DRAIN = 8_000;

/** Listens to one channel of an org, while it may: it is wired, not paused, and of several instances the one whose turn it is. */
export class EventListener {
  private readonly channel: string;
  private readonly pauses = new Set<PauseReason>();
  private feed: EventFeed | undefined;
  /** The end of the feed before. */
  private leaving: Promise<void> = Promise.resolve();
  private lease: ListenLease | undefined;
  /** Where the position is kept, without a standby. */
  private place: PlaceClaim | undefined;
  /** Where it was told to begin while it could not. */
  private from: ReplayFrom | undefined;
  private trouble: ConnectorError | undefined;
  private readonly troubles: TroubleLog;
  /** Counts up with each turn of its own that begins or ends. */
  private turn = 0;
  private isStandby = false;
  /** Why nobody can tell who listens. */
  private unknown: ConnectorError | undefined;
  /** Of events that it had settled when its last turn ended. */
  private settled: readonly string[] = [];
  private started = false;
  /** By the org's clock. */
  private now: () => number = Date.now;
  /** When it was told to listen first, or to begin elsewhere, by the clock that nobody sets. */
  private toldAt: number | undefined;
  /** What the stream was lost by. */
  private lost: ErrorCode | undefined;
  private closed = false;
  private readonly stopWatching: () => void;

  constructor(private readonly options: EventListenerOptions) {
    this.stopWatching = options.org.onOtherOrg(() => void this.beginAnew());
    this.channel = channelName(options.settings.channel);
    this.troubles = new TroubleLog(options);
    flowTracker.acquire(options.runtime); // its feed comes when flows have long started, and who watches only from then on waits to be told that they have
  }

  /** Events in the flow, or on their way back into it. */
  get openCount(): number {
    return this.feed?.openCount ?? 0;
  }

  get state(): ListenerState {
    if (this.pauses.has("unwired")) return { kind: "unwired" };
    if (this.pauses.has("asked")) return { kind: "paused" };
    if (this.isStandby) return this.unknown ? { kind: "waiting", error: this.unknown } : { kind: "standby" };
    if (this.trouble) return { kind: "failed", error: this.trouble };
    return this.feed?.state ?? { kind: "signing-in" };
  }

  /** Begins to listen, unless it is paused. */
  start(): void {
    if (this.started) return;
    this.started = true;
    this.noteTold();
    flowTracker.outside(() => void this.begin());
  }

  /** Takes no more while one reason is left. */
  pause(reason: PauseReason): void {
    this.pauses.add(reason);
    this.feed?.suspend();
    this.tell();
  }

  /** The reason has gone. @param from begins there, in the place of behind what it has taken; an instance that stands by goes on behind the other */
  resume(reason: PauseReason, from?: ReplayFrom): void {
    this.pauses.delete(reason);
    if (from && !this.isStandby) {
      this.from = from;
      this.toldAt = undefined;
    }
    this.noteTold();
    this.goOn();
    this.tell();
  }

  /** Wires may have changed. */
  rewired(): void {
    if (!this.options.isWired(0)) this.pause("unwired");
    else if (this.pauses.has("unwired")) this.resume("unwired");
    this.feed?.rewired();
  }

  /** Takes no more, lets the flow finish for up to `drain` ms, keeps the position, and lets another instance go on. */
  async close(drain = DRAIN): Promise<void> {
    this.closed = true;
    this.stopWatching();
    await this.leave(drain);
    flowTracker.release();
  }

  /** Ends its turn, and lets another listener have its place. */
  private async leave(drain: number): Promise<void> {
    const { feed, lease, place } = this;
    this.turn += 1;
    this.feed = this.lease = this.place = undefined;
    const { leaving } = this;
    this.leaving = Promise.all([leaving, feed?.close(performance.now() + drain)]).then(() => undefined);
    await this.leaving;
    await lease?.close();
    place?.leave();
  }

  /** A sandbox that was refreshed is another org, with other events: positions of the one before mean nothing there. */
  private async beginAnew(): Promise<void> {
    if (this.closed || (!this.feed && !this.lease && !this.place)) return; // it has not found out yet which org it is
    this.options.warn(`${this.channel}: the login leads to another org now, as after the refresh of a sandbox: all its events since the deploy are read`);
    this.isStandby = false;
    this.settled = [];
    await this.leave(DRAIN);
    if (!this.closed) await this.begin();
  }

  private async begin(): Promise<void> {
    const key = await this.findKey();
    if (key === undefined || this.closed) return;
    if (this.options.standby) this.standBy(this.options.standby, key);
    else this.claim(key);
  }

  private claim(key: string): void {
    this.place = new PlaceClaim(key, () => {
      this.noTrouble();
      this.listen(key);
    });
    if (this.place.take()) return;
    this.noteTrouble(new ConnectorError("NOT_CONFIGURED", `Another node listens to ${this.channel} under the name ${this.options.name}: give each a name of its own`));
  }

  /** Where the position is kept: it is one of this org. @returns undefined when closed meanwhile */
  private async findKey(): Promise<string | undefined> {
    const { org, name } = this.options;
    while (!this.closed) {
      try {
        const session = await org.openSession();
        const orgId = await orgIdOf(org, session);
        this.now = await orgClock(org, session);
        this.noTrouble();
        return `salesforce-listen/${orgId}/${this.channel}/${name}`;
      } catch (thrown) {
        const error = toConnectorError(thrown);
        if (error.scope === "message") this.noteTrouble(error); // of others the org's state tells
        await org.untilReady(error);
      }
    }
    return undefined;
  }

  private noteTrouble(error: ConnectorError): void {
    this.troubles.told(error);
    this.trouble = error;
    this.tell();
  }

  private noTrouble(): void {
    this.troubles.told(undefined);
    this.trouble = undefined;
  }

  private standBy(standby: Standby, key: string): void {
    this.isStandby = true;
    this.lease = standby.lease(`${key}/lease`, {
      onHeld: (fence) => this.listen(key, fence),
      onLost: (error) => this.giveUp(error),
      onTrouble: (error) => {
        this.unknown = error;
        this.tell();
      },
    });
    this.lease.start();
    this.tell();
  }

  /** Begins its turn, when the last one has ended. */
  private listen(key: string, fence?: number): void {
    this.turn += 1;
    const { turn } = this;
    void this.leaving.then(() => {
      if (turn !== this.turn) return;
      this.isStandby = false;
      this.unknown = undefined;
      this.feed = this.makeFeed(key, fence);
      this.goOn();
      this.tell();
    });
  }

  /** From then on what comes is to be read: a pause is no reason to miss any, nor is that the org lets nobody in. */
  private noteTold(): void {
    if (this.pauses.size === 0) this.toldAt ??= performance.now();
  }

  private goOn(): void {
    if (!this.feed || this.pauses.size > 0) return;
    this.feed.resume(this.from);
    this.from = undefined;
  }

  /** Another instance listens: what is open is released, since that one takes it. */
  private giveUp(error?: ConnectorError): void {
    this.turn += 1;
    this.isStandby = true;
    this.unknown = error;
    const { feed } = this;
    this.feed = undefined;
    if (this.closed) return;
    if (feed) {
      this.options.warn(`${this.channel}: another instance may listen now, so this one stops${error ? `: ${error.message}` : ""}`);
      this.settled = feed.settled; // its position could perhaps not be written
      this.leaving = feed.abandon();
      this.lost = undefined;
    }
    this.tell();
  }

  private makeFeed(key: string, fence?: number): EventFeed {
    const { options } = this;
    const { settings, node, runtime, prepare, send, isWired, onSettled, warn, error, every, someRoom } = options;
    return new EventFeed({
      ...{ settings, node, runtime, prepare, send, isWired, onSettled, warn, error, every, someRoom },
      transport: options.org.streams.over(settings.transport),
      place: this.placeOf(key, fence),
      poison: this.poisonOf(key, fence),
      takesOver: options.standby !== undefined,
      settled: this.settled,
      onRefused: () => this.refused(key),
      now: () => this.now(),
      since: () => this.now() - Math.round(performance.now() - (this.toldAt ?? performance.now())),
      onState: () => this.tell(),
      onStream: (error) => this.noteStream(error),
      backOff: options.backOff?.(),
    });
  }

  private poisonOf(key: string, fence: number | undefined): RowPoison | undefined {
    const { store, standby, trial, settings } = this.options;
    if (settings.poisonLimit === 0) return undefined;
    return { store: standby && fence !== undefined ? fencedStore(standby.store, fence) : store, key: `${key}/poison`, limit: settings.poisonLimit, trial };
  }

  private placeOf(key: string, fence: number | undefined): PositionPlace {
    const { store, standby } = this.options;
    if (standby && fence !== undefined) {
      const shared = standby.store;
      return { read: async () => (await shared.readFenced(key))?.value, write: (value) => shared.writeFenced(key, value, fence) };
    }
    return {
      read: () => store.read(key),
      write: async (value) => {
        await store.write(key, value);
        return true;
      },
    };
  }

  /** Another instance has written since: whatever the lease says, this one is not it any more, and gets in line again. */
  private refused(key: string): void {
    const { lease, options } = this;
    this.giveUp();
    void lease?.close().finally(() => {
      if (!this.closed && options.standby) this.standBy(options.standby, key);
    });
  }

  private noteStream(error: ConnectorError | undefined): void {
    const { channel, lost } = this;
    if (lost === error?.code) return;
    this.lost = error?.code;
    if (error) this.options.warn(`${channel}: no events come at present: ${error.toString()}`);
    else this.options.log(`${channel}: events come again`);
  }

  private tell(): void {
    if (!this.closed) this.options.onState(this.state);
  }
}
