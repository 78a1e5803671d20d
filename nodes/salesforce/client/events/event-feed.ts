import { BackOff } from "../../../common/back-off";
import { ConnectorError, needsAHand, toConnectorError } from "../../../common/errors";
import { Sleepers } from "../../../common/sleep";
import { TroubleLog } from "../../../common/trouble-log";
import { flowTracker } from "../../../delivery/tracker/flow-tracker";
import { EventIntake } from "./event-intake";
import { EventPosition } from "./event-position";
import type { StartPoint, StreamEvent, StreamListener, StreamState, Subscription } from "./event-stream";
import { type EventFeedOptions, type FeedState, STALE } from "./feed-options";
import { FeedStart } from "./feed-start";
import type { ListenSettings, ReplayFrom } from "./listen-settings";
import { RoomCall } from "./room-call";

/** Subscribes to a channel, from where its events are settled up to, and hands the events to the flow as far as there is room. Unsubscribes while it may not listen. */
export class EventFeed implements StreamListener {
  private readonly intake: EventIntake;
  private readonly position: EventPosition;
  private readonly start: FeedStart;
  private readonly backOff: BackOff;
  private subscription: Subscription | undefined;
  /** Settles when the subscription before has ended. */
  private leaving: Promise<void> = Promise.resolve();
  private opening = false;
  /** Whether the position is read and `prepare` has succeeded. */
  private isReady = false;
  private preparing = false;
  private stream: StreamState = { kind: "connecting" };
  /** Why it cannot begin at present. It tries again by itself. */
  private trouble: ConnectorError | undefined;
  private readonly troubles: TroubleLog;
  /** Why it has stopped until {@link resume} is called. */
  private halt: ConnectorError | undefined;
  private stale: ListenSettings["staleReplay"] | undefined;
  private suspended = true;
  private held: string | undefined;
  /** Why events wait before they are handed to the flow. */
  private search: string | undefined;
  /** Why the position cannot be stored at present. */
  private unsaved: string | undefined;
  private stuck = false;
  /** Whether the transport was told that there is no room. */
  private isFull = false;
  private readonly call: RoomCall;
  private closed = false;
  /** The pauses between tries to begin; ended when it closes. */
  private readonly rests = new Sleepers();

  constructor(private readonly options: EventFeedOptions) {
    const { settings, place, warn, every } = options;
    const { transport, dedupeWindow: window } = settings;
    this.troubles = new TroubleLog(options);
    this.call = new RoomCall(() => this.ask(), options.someRoom);
    this.backOff = options.backOff ?? new BackOff();
    this.position = new EventPosition({
      ...{ place, transport, window, warn, onRefused: options.onRefused, every },
      onTrouble: (reason) => this.change(() => (this.unsaved = reason)),
    });
    this.intake = new EventIntake({
      ...options,
      position: this.position,
      onHold: (reason) => this.change(() => (this.held = reason)),
      onSearch: (reason) => this.change(() => (this.search = reason)),
      onStuck: (stuck) => this.change(() => (this.stuck = stuck)),
      onSettled: () => {
        options.onSettled();
        this.askSoon();
      },
    });
    this.intake.know(options.settled ?? []);
    this.start = new FeedStart({ ...options, intake: this.intake, position: this.position });
  }

  /** How many events are in the flow, or wait to be handed to it again. */
  get openCount(): number {
    return this.intake.openCount;
  }

  /** As {@link EventIntake.unfinished}. */
  get unfinished(): number {
    return this.intake.unfinished;
  }

  /** Ids of the settled events that it remembers. */
  get settled(): string[] {
    return this.intake.settled;
  }

  get state(): FeedState {
    const { trouble, halt, stale, stream, unsaved, held = this.search } = this;
    if (this.stuck) return { kind: "stuck", count: this.intake.stuckCount };
    if (halt) return { kind: stale === "stop" ? "stopped" : "failed", error: halt };
    if (trouble) return { kind: needsAHand(trouble) ? "failed" : "waiting", error: trouble };
    if (stream.error && stream.kind !== "listening") return { kind: stream.kind === "failed" || stream.kind === "stopped" ? stream.kind : "waiting", error: stream.error };
    if (held !== undefined) return { kind: "holding", reason: held };
    if (stale === "all" || stale === "new") return { kind: "stale", read: stale };
    if (unsaved !== undefined) return { kind: "unsaved", reason: unsaved };
    return { kind: stream.kind === "listening" || stream.kind === "full" ? stream.kind : "connecting" };
  }

  /** Begins to listen, or goes on behind the event taken last. @param from if given, where to begin instead; what came before is forgotten */
  resume(from?: ReplayFrom): void {
    this.change(() => {
      this.suspended = false;
      this.stale = this.halt = undefined;
      if (!from) return;
      this.start.at(from);
      this.leave();
    });
  }

  /** Takes no more events. Those in the flow go on. */
  suspend(): void {
    this.change(() => (this.suspended = true));
  }

  /** Takes no more events for good, and closes when the flow has finished with those that it has. Resolves then; never if it was closed before. */
  async retire(): Promise<void> {
    this.suspend();
    await this.intake.untilDone();
    await this.close(performance.now());
  }

  /** To be called when wires may have changed. */
  rewired(): void {
    this.intake.rewired();
  }

  /** Takes no more events, lets the flow finish until `end` (a time of `performance.now()`), and stores the position. */
  async close(end: number): Promise<void> {
    this.closed = true;
    this.call.cancel();
    this.rests.end();
    this.leave();
    await Promise.all([this.intake.close(end), this.leaving]);
    await Promise.all([this.position.close(), this.intake.end()]);
  }

  /** Another instance listens now: releases the open events, and stores nothing. */
  async abandon(): Promise<void> {
    this.position.abandon();
    await this.close(performance.now());
  }

  room(): number {
    const free = this.held === undefined && !this.start.isLost ? this.intake.free : 0;
    this.isFull = free === 0;
    return free;
  }

  onEvents(events: readonly StreamEvent[]): void {
    this.start.take(events);
    this.change(() => (this.stale = undefined));
  }

  onPosition(position: string): void {
    this.start.passTo(position);
    this.change(() => (this.stale = undefined));
  }

  onState(state: StreamState): void {
    const { kind, error } = state;
    // every session ends at some time and is renewed at once; the stream has failed only if the new session is refused as well
    const isRenewed = error?.code === "ORG_SESSION_INVALID" && kind !== "failed";
    if (kind === "listening") this.options.onStream();
    else if (error && kind !== "stopped" && !isRenewed) this.options.onStream(error);
    this.change(() => (this.stream = state));
    if (kind === "failed" && error?.code === "CHANNEL_UNAVAILABLE") void this.prepareAgain();
    this.start.follow(state);
    if (this.start.isLost) queueMicrotask(() => this.again());
  }

  onStale(position: string, error: ConnectorError): StartPoint | undefined {
    const start = this.start.withoutPosition();
    if (start) return start;
    const { channel, staleReplay } = this.options.settings;
    this.options.warn(`POSITION_STALE: ${channel}: the org does not know position ${position} any more: ${STALE[staleReplay]} (${error.message})`);
    this.change(() => (this.stale = staleReplay));
    if (staleReplay === "stop") {
      const halt = new ConnectorError("POSITION_STALE", `The org does not know position ${position} any more`, { cause: error });
      queueMicrotask(() => this.change(() => (this.halt = halt)));
      return undefined;
    }
    return this.start.anew(staleReplay);
  }

  private get wanted(): boolean {
    return !this.closed && !this.suspended && !this.stuck && this.halt === undefined;
  }

  /** Makes a change, then subscribes or unsubscribes if that is now called for, and reports the state. */
  private change(how: () => void): void {
    how();
    if (this.closed) return;
    if (!this.wanted) this.leave();
    else if (!this.subscription) this.open();
    this.askSoon();
    this.options.onState(this.state);
  }

  /** Subscribes. Runs outside of the flow's context, so that an event is not tracked as part of the message that made the node listen. */
  private open(): void {
    if (this.opening) return;
    this.opening = true;
    const opened = (error?: ConnectorError): void => {
      this.opening = false;
      this.change(() => {
        if (error) this.halt = error;
      });
    };
    flowTracker.outside(() => void this.subscribe().then(() => opened(), (error: unknown) => opened(toConnectorError(error))));
  }

  private async subscribe(): Promise<void> {
    const { transport, settings } = this.options;
    await this.leaving;
    if (!(await this.ready()) || !this.wanted) return;
    let start = await this.start.next();
    while (this.wanted && this.start.isElsewhere) start = await this.start.next(); // it was told to begin elsewhere meanwhile
    if (!this.wanted) return;
    this.subscription = transport.subscribe(settings.channel, start, this);
  }

  /** Reads the position and prepares, and tries again until both succeed. @returns whether they did; false when it need not listen any more */
  private async ready(): Promise<boolean> {
    while (this.wanted && !this.isReady) {
      try {
        this.intake.know(await this.position.load());
        await this.intake.start();
        await this.options.prepare?.();
        this.isReady = true;
        this.trouble = undefined;
        this.troubles.told(undefined);
        if (this.options.takesOver && (this.position.after ?? this.position.since) !== undefined) this.start.at("stored");
      } catch (thrown) {
        const error = toConnectorError(thrown);
        this.troubles.told(error);
        this.change(() => (this.trouble = error));
        await this.rests.sleep(this.backOff.next());
      }
    }
    return this.isReady;
  }

  /** What `prepare` made in the org (a PushTopic) may have been deleted since: makes it again. The transport goes on asking for the channel, and finds it then. */
  private async prepareAgain(): Promise<void> {
    if (this.preparing || this.closed) return;
    this.preparing = true;
    const error = await this.options.prepare?.().then(() => undefined, (thrown: unknown) => toConnectorError(thrown));
    this.preparing = false;
    if (!this.closed) this.troubles.told(error);
  }

  /** Subscribes anew, so that nothing is missed that came since the lost subscription was to begin; see {@link FeedStart.isLost}. */
  private again(): void {
    if (this.start.isLost) this.change(() => this.leave());
  }

  private leave(): void {
    const { subscription } = this;
    this.subscription = undefined;
    this.isFull = false;
    if (!subscription) return;
    this.stream = { kind: "connecting" };
    this.leaving = subscription.close().catch(() => undefined);
  }

  /**
   * Tells the transport that there is room again: soon when half of the room is free, otherwise after a second. Not for each event, as each call may cost the
   * transport a replay.
   */
  private askSoon(): void {
    const { free } = this.intake;
    if (this.closed || !this.isFull || this.held !== undefined || free === 0) return;
    this.call.soon(free >= this.options.settings.maxInFlight / 2);
  }

  private ask(): void {
    if (!this.isFull || this.held !== undefined || this.intake.free === 0) return;
    this.isFull = false;
    this.subscription?.more();
  }
}
