import type { BackOff } from "../../../common/back-off";
import { ConnectorError } from "../../../common/errors";
import type { Store } from "../../../common/store";
import { TroubleLog } from "../../../common/trouble-log";
import { flowTracker } from "../../../delivery/tracker/flow-tracker";
import type { RowPoison } from "../../../delivery/reading/row-deliveries";
import { EventFeed } from "./event-feed";
import type { EventFeedOptions, FeedState } from "./feed-options";
import { findOrg } from "./find-org";
import { channelName, type ReplayFrom } from "./listen-settings";
import { poisonMarks, positionPlace } from "./listener-stores";
import type { OrgStreams, StreamOrg } from "./org-streams";
import { PlaceClaim } from "./place-claim";
import { RetiredFeeds } from "./retired-feeds";
import type { ListenLease, Standby } from "./standby";
import { StreamLog } from "./stream-log";

/** Why no events are taken at present: nothing is wired to the output, or the user has asked for a pause. */
export type PauseReason = "unwired" | "asked";

/** State of a listener. `standby`: another instance listens; `signing-in`: there is no session with the org yet. */
export type ListenerState = FeedState | { kind: "unwired" | "paused" | "standby" | "signing-in" };

/** What an {@link EventListener} needs. */
export interface EventListenerOptions extends Pick<EventFeedOptions, "settings" | "node" | "runtime" | "prepare" | "send" | "isWired" | "onSettled" | "warn" | "error" | "every" | "someRoom"> {
  /** The position is stored under this name, together with the org's id and the channel. */
  name: string;
  org: Pick<StreamOrg, "openSession" | "onOtherOrg" | "untilReady" | "rest" | "http"> & { streams: Pick<OrgStreams, "over"> };
  store: Store;
  /** Used instead of `store` where several instances share the work and one of them listens. */
  standby?: Standby;
  onState(state: ListenerState): void;
  log(text: string): void;
  /** Makes the {@link EventFeedOptions.backOff} of each feed. */
  backOff?(): BackOff;
  /** As of the watch over events that end the process. */
  trial?: RowPoison["trial"];
}

/** ms that the flow may take to finish when it stops. */
const DRAIN = 8_000;

/** Listens to one channel of an org while its output is wired, it is not paused, and, where several instances stand by, it is this one's turn. */
export class EventListener {
  private readonly channel: string;
  private readonly pauses = new Set<PauseReason>();
  private feed: EventFeed | undefined;
  /** The feeds of orgs that the login led to before. */
  private readonly retired: RetiredFeeds;
  /** Settles when the feed before has ended. */
  private leaving: Promise<void> = Promise.resolve();
  private lease: ListenLease | undefined;
  /** The claim on the place of the position, where there is no standby. */
  private place: PlaceClaim | undefined;
  /** Where the next {@link goOn} is to begin; `undefined`: behind what is stored or taken. */
  private from: ReplayFrom | undefined;
  private trouble: ConnectorError | undefined;
  private readonly troubles: TroubleLog;
  /** Goes up each time a turn of this instance begins or ends. */
  private turn = 0;
  private isStandby = false;
  /** Why it is not known which instance listens. */
  private unknown: ConnectorError | undefined;
  /** Ids of the events that were settled when its last turn ended. */
  private settled: readonly string[] = [];
  private started = false;
  /** Time of the org's clock, in ms since the epoch. */
  private now: () => number = Date.now;
  /** When it was first told to listen, or last told to begin elsewhere, by `performance.now()`. */
  private toldAt: number | undefined;
  private readonly streamLog: StreamLog;
  private closed = false;
  private readonly stopWatching: () => void;

  constructor(private readonly options: EventListenerOptions) {
    this.stopWatching = options.org.onOtherOrg(() => flowTracker.outside(() => void this.beginAnew())); // whoever's call it was that signed in
    this.channel = channelName(options.settings.channel);
    this.troubles = new TroubleLog(options);
    this.streamLog = new StreamLog(this.channel, options);
    this.retired = new RetiredFeeds(options.warn);
    flowTracker.acquire(options.runtime); // now, as the feed is made long after flows have started: a tracker acquired only then would wait to be told that they have
  }

  /** How many events are in the flow, or wait to be handed to it again. */
  get openCount(): number {
    return (this.feed?.openCount ?? 0) + this.retired.openCount;
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

  /** Takes no more events until each reason given here was given to {@link resume}, too. */
  pause(reason: PauseReason): void {
    this.pauses.add(reason);
    this.feed?.suspend();
    this.tell();
  }

  /**
   * Takes back a reason to pause.
   *
   * @param from if given, where to begin instead of behind what was taken last; ignored while another instance listens, since this one goes on behind that
   */
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

  /** To be called when wires may have changed. */
  rewired(): void {
    if (!this.options.isWired(0)) this.pause("unwired");
    else if (this.pauses.has("unwired")) this.resume("unwired");
    this.feed?.rewired();
    this.retired.rewired();
  }

  /** Takes no more events, lets the flow finish for up to `drain` ms, stores the position, and lets another instance go on. */
  async close(drain = DRAIN): Promise<void> {
    this.closed = true;
    this.stopWatching();
    await Promise.all([this.leave(drain), this.retired.close(performance.now() + drain)]);
    flowTracker.release();
  }

  /** Ends its turn, and frees the place of its position for another listener. @param drain ms that the flow may take to finish */
  private async leave(drain = 0): Promise<void> {
    const { feed, lease, place } = this;
    this.turn += 1;
    this.feed = this.lease = this.place = undefined;
    const { leaving } = this;
    this.leaving = Promise.all([leaving, feed?.close(performance.now() + drain)]).then(() => undefined);
    await this.leaving;
    await lease?.close();
    place?.leave();
  }

  /** The login leads to another org, as after the refresh of a sandbox. That org has other events, and positions of the one before mean nothing there. */
  private async beginAnew(): Promise<void> {
    if (this.closed || (!this.feed && !this.lease && !this.place)) return; // it has not asked yet which org it is, and will find the new one
    this.options.warn(`${this.channel}: the login leads to another org now, as after the refresh of a sandbox: all its events since the deploy are read`);
    this.isStandby = false;
    this.settled = [];
    if (this.feed) this.retired.add(this.feed);
    this.feed = undefined;
    await this.leave();
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

  /** Gives the key of the position in the store. @returns `undefined` when closed meanwhile */
  private async findKey(): Promise<string | undefined> {
    const { org, name } = this.options;
    const found = await findOrg(org, { isOver: () => this.closed, onTrouble: (error) => this.noteTrouble(error) });
    if (!found) return undefined;
    this.now = found.now;
    this.noTrouble();
    return `salesforce-listen/${found.id}/${this.channel}/${name}`;
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

  /** Begins a turn of this instance, as soon as its last one has ended. */
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

  /** Notes the time from which on events are to be read, unless it is paused: those that come while it signs in must not be missed. */
  private noteTold(): void {
    if (this.pauses.size === 0) this.toldAt ??= performance.now();
  }

  private goOn(): void {
    if (!this.feed || this.pauses.size > 0) return;
    this.feed.resume(this.from);
    this.from = undefined;
  }

  /** Another instance listens: releases the open events, which that one takes. @param error why it is not known which instance listens */
  private giveUp(error?: ConnectorError): void {
    this.turn += 1;
    this.isStandby = true;
    this.unknown = error;
    const { feed } = this;
    this.feed = undefined;
    if (this.closed) return;
    if (feed) {
      this.options.warn(`${this.channel}: another instance may listen now, so this one stops${error ? `: ${error.message}` : ""}`);
      this.settled = feed.settled; // perhaps they could not be stored
      this.leaving = feed.abandon();
      this.streamLog.ended();
    }
    this.tell();
  }

  private makeFeed(key: string, fence?: number): EventFeed {
    const { options } = this;
    const { settings, node, runtime, prepare, send, isWired, onSettled, warn, error, every, someRoom } = options;
    const feed: EventFeed = new EventFeed({
      ...{ settings, node, runtime, prepare, send, isWired, onSettled, warn, error, every, someRoom },
      transport: options.org.streams.over(settings.transport),
      place: positionPlace(options, key, fence),
      poison: poisonMarks(options, key, fence, settings.poisonLimit, options.trial),
      takesOver: options.standby !== undefined,
      settled: this.settled,
      onRefused: () => {
        if (feed === this.feed) this.refused(key); // one that is retired has no lease any more
      },
      now: () => this.now(),
      since: () => this.now() - Math.round(performance.now() - (this.toldAt ?? performance.now())),
      onState: () => this.tell(),
      onStream: (error) => this.streamLog.note(error),
      backOff: options.backOff?.(),
    });
    return feed;
  }

  /** The store refused a write, since another instance has written with a newer lease. So this one has lost its lease, whatever that says, and waits for a new one. */
  private refused(key: string): void {
    const { lease, options } = this;
    this.giveUp();
    void lease?.close().finally(() => {
      if (!this.closed && options.standby) this.standBy(options.standby, key);
    });
  }

  private tell(): void {
    if (!this.closed) this.options.onState(this.state);
  }
}
