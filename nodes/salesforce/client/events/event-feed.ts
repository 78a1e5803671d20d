import { BackOff } from "../../../common/back-off";
import { ConnectorError, needsAHand, toConnectorError } from "../../../common/errors";
import { Sleepers } from "../../../common/sleep";
import { TroubleLog } from "../../../common/trouble-log";
import { flowTracker } from "../../../delivery/flow-tracker";
import { EventIntake } from "./event-intake";
import { EventPosition } from "./event-position";
import type { StartPoint, StreamEvent, StreamListener, StreamState, Subscription } from "./event-stream";
import { type EventFeedOptions, type FeedState, STALE } from "./feed-options";
import { FeedStart } from "./feed-start";
import type { ListenSettings, ReplayFrom } from "./listen-settings";
import { RoomCall } from "./room-call";

/** Subscribes to a channel while it may, from where its events are settled up to, and hands them to the flow as far as there is room. */
export class EventFeed implements StreamListener {
  private readonly intake: EventIntake;
  private readonly position: EventPosition;
  private readonly start: FeedStart;
  private readonly backOff: BackOff;
  private subscription: Subscription | undefined;
  /** The end of the subscription before. */
  private leaving: Promise<void> = Promise.resolve();
  private opening = false;
  /** The position is read, and all is prepared. */
  private isReady = false;
  private preparing = false;
  private stream: StreamState = { kind: "connecting" };
  /** Why it cannot begin; it is tried again. */
  private trouble: ConnectorError | undefined;
  private readonly troubles: TroubleLog;
  /** Why it does not begin before somebody says so. */
  private halt: ConnectorError | undefined;
  private stale: ListenSettings["staleReplay"] | undefined;
  private suspended = true;
  private held: string | undefined;
  /** Why the position cannot be written at present. */
  private unsaved: string | undefined;
  private stuck = false;
  /** The transport was told that there is no room. */
  private isFull = false;
  private readonly call: RoomCall;
  private closed = false;
  /** Ends a rest. */
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
      onStuck: (stuck) => this.change(() => (this.stuck = stuck)),
      onSettled: () => {
        options.onSettled();
        this.askSoon();
      },
    });
    this.intake.know(options.settled ?? []);
    this.start = new FeedStart({ ...options, intake: this.intake, position: this.position });
  }

  /** Events in the flow, or on their way back into it. */
  get openCount(): number {
    return this.intake.openCount;
  }

  /** Ids of the events that it remembers as settled. */
  get settled(): string[] {
    return this.intake.settled;
  }

  get state(): FeedState {
    const { trouble, halt, stale, stream, held, unsaved } = this;
    if (this.stuck) return { kind: "stuck", count: this.intake.stuckCount };
    if (halt) return { kind: stale === "stop" ? "stopped" : "failed", error: halt };
    if (trouble) return { kind: needsAHand(trouble) ? "failed" : "waiting", error: trouble };
    if (stream.error && stream.kind !== "listening") return { kind: stream.kind === "failed" || stream.kind === "stopped" ? stream.kind : "waiting", error: stream.error };
    if (held !== undefined) return { kind: "holding", reason: held };
    if (stale === "all" || stale === "new") return { kind: "stale", read: stale };
    if (unsaved !== undefined) return { kind: "unsaved", reason: unsaved };
    return { kind: stream.kind === "listening" || stream.kind === "full" ? stream.kind : "connecting" };
  }

  /** Begins, or goes on behind what it has taken. @param from begins there instead, and what came before counts for nothing */
  resume(from?: ReplayFrom): void {
    this.change(() => {
      this.suspended = false;
      this.stale = this.halt = undefined;
      if (!from) return;
      this.start.at(from);
      this.leave();
    });
  }

  /** Takes nothing more; what is in the flow goes on. */
  suspend(): void {
    this.change(() => (this.suspended = true));
  }

  /** Wires may have changed. */
  rewired(): void {
    this.intake.rewired();
  }

  /** Takes nothing more, lets the flow finish until `end` by performance.now(), and writes the position. */
  async close(end: number): Promise<void> {
    this.closed = true;
    this.call.cancel();
    this.rests.end();
    this.leave();
    await Promise.all([this.intake.close(end), this.leaving]);
    await Promise.all([this.position.close(), this.intake.end()]);
  }

  /** The events are another instance's: releases what is open, and writes nothing. */
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
    if (kind === "listening") this.options.onStream();
    else if (error && kind !== "stopped") this.options.onStream(error);
    this.change(() => (this.stream = state));
    if (kind === "failed" && error?.code === "CHANNEL_UNAVAILABLE") void this.prepareAgain();
    this.start.follow(state);
    if (this.start.isLost) queueMicrotask(() => this.again());
  }

  onStale(position: string, error: ConnectorError): StartPoint | undefined {
    const start = this.start.withoutPosition();
    if (start) return start;
    const { channel, staleReplay } = this.options.settings;
    this.options.warn(`${channel}: the org does not know position ${position} any more: ${STALE[staleReplay]} (${error.message})`);
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

  /** Changes what is wanted, or what is to be shown. */
  private change(how: () => void): void {
    how();
    if (this.closed) return;
    if (!this.wanted) this.leave();
    else if (!this.subscription) this.open();
    this.askSoon();
    this.options.onState(this.state);
  }

  /** Outside of the flow's context: what comes is no part of a message that has asked for it. */
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
    while (this.wanted && this.start.isElsewhere) start = await this.start.next(); // it was told meanwhile
    if (!this.wanted) return;
    this.subscription = transport.subscribe(settings.channel, start, this);
  }

  /** Reads the position and prepares, for as long as it takes. @returns whether both is done */
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

  /** What was made for it, a PushTopic, may have been deleted since: the transport asks for the channel again, and finds it then. */
  private async prepareAgain(): Promise<void> {
    if (this.preparing || this.closed) return;
    this.preparing = true;
    const error = await this.options.prepare?.().then(() => undefined, (thrown: unknown) => toConnectorError(thrown));
    this.preparing = false;
    if (!this.closed) this.troubles.told(error);
  }

  /** Subscribes anew, behind the time at which it began. */
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

  /** Each time may cost the transport a replay: it is told when half of the flow is free again, or after a second, not for each event. */
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
