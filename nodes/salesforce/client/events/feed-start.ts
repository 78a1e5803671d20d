import type { EventIntake } from "./event-intake";
import type { EventPosition } from "./event-position";
import type { StartPoint, StreamEvent, StreamState } from "./event-stream";
import type { EventFeedOptions } from "./feed-options";
import { type ReplayFrom, retentionOf } from "./listen-settings";

/** How many ms the clocks of the org's machines may differ. */
const CLOCKS = 5_000;

/**
 * When a feed that was to begin with new events can do so only more than so many ms later, it begins with all events since that time: by a replay from the
 * last position, or else of all that is retained.
 */
const LATE = 10_000;

/** What {@link FeedStart} needs. */
export interface FeedStartOptions extends Pick<EventFeedOptions, "settings" | "now" | "since" | "warn"> {
  intake: EventIntake;
  position: EventPosition;
}

/** Decides where each subscription of a feed begins, so that no event is missed between it and the one before, or since the feed was told to listen. */
export class FeedStart {
  private from: ReplayFrom;
  /** Events from before this time are not handed on; ms since the epoch. */
  private notBefore: number | undefined;
  /**
   * About a subscription to new events that has brought none yet. `asked`: it is being made; `taken`: the org has taken it; `lost`: it would miss events
   * since {@link newFrom}.
   */
  private fresh: "asked" | "taken" | "lost" | undefined;
  /** Events from this time on count as new; ms since the epoch by the org's clock. */
  private newFrom = 0;

  constructor(private readonly options: FeedStartOptions) {
    this.from = options.settings.replayFrom;
  }

  /** Whether it was told to begin elsewhere than behind the event taken last. */
  get isElsewhere(): boolean {
    return this.from !== "stored";
  }

  /** Whether the present subscription must be replaced by a new one, and its events are not to be taken. */
  get isLost(): boolean {
    return this.fresh === "lost";
  }

  /** Says where the next subscription is to begin. */
  at(from: ReplayFrom): void {
    this.from = from;
  }

  /** Where a subscription that is made now begins. Resolves when what a restart needs to go on from there is written, or cannot be. */
  async next(): Promise<StartPoint> {
    const { from } = this;
    const { intake, position } = this.options;
    this.from = "stored";
    this.fresh = undefined;
    this.notBefore = undefined;
    if (from !== "stored") return this.begin(from);
    const { since } = position;
    if (since !== undefined && since > 0) this.notBefore = since - CLOCKS;
    const after = intake.taken ?? position.after;
    if (after !== undefined) return { from: "after", position: after };
    if (since === undefined) return this.begin("new");
    this.tellGap(since);
    return { from: "all" };
  }

  /** The org does not know the position any more. @returns all that is retained, when all events since a known time are wanted; else `undefined` */
  withoutPosition(): StartPoint | undefined {
    const { intake, position } = this.options;
    if (!position.since) return undefined;
    intake.begin(true);
    this.notBefore = position.since - CLOCKS;
    this.tellGap(position.since);
    void position.beginAt(position.since);
    return { from: "all" };
  }

  /** The org does not know the position any more: begins elsewhere. Events that came before still count as repeats. */
  anew(from: "new" | "all"): StartPoint {
    const { intake, position, now } = this.options;
    intake.begin(true);
    this.notBefore = undefined;
    this.fresh = from === "new" ? "asked" : undefined;
    this.newFrom = now();
    void position.beginAt(from === "all" ? 0 : this.newFrom);
    return { from };
  }

  /** Hands events on. */
  take(events: readonly StreamEvent[]): void {
    this.fresh = undefined;
    for (const event of events) {
      const isOld = this.options.intake.take(event, this.notBefore);
      if (!isOld && event.createdDate !== undefined) this.notBefore = undefined; // an event without a time says nothing about those behind it
    }
  }

  /** The org says that nothing is outstanding up to this position. */
  passTo(position: string): void {
    this.fresh = undefined;
    this.notBefore = undefined;
    this.options.intake.idle(position);
  }

  /**
   * Told the state of the subscription. A subscription to new events begins with new ones again after a loss, or may begin too late: it is then
   * {@link isLost}, as it would miss those that came meanwhile.
   */
  follow({ kind, error, retryAt }: StreamState): void {
    const isWaiting = error !== undefined && kind !== "connecting"; // a subscription that is connecting tells its outcome later
    if (this.fresh === "taken" && kind !== "listening" && kind !== "full") this.fresh = "lost";
    else if (this.fresh === "asked" && kind === "listening") this.fresh = this.isLate(Date.now()) ? "lost" : "taken";
    else if (this.fresh === "asked" && isWaiting && this.isLate(retryAt)) this.fresh = "lost";
  }

  /** Warns when all events since a time (ms since the epoch; 0: all that is retained) are to be read, and the org has given up the first of them. */
  private tellGap(since: number): void {
    const { settings, now, warn } = this.options;
    if (since === 0 || now() - since <= retentionOf(settings.channel)) return;
    warn(`${settings.channel}: no event has been finished since ${new Date(since).toISOString()}, and the org does not keep them for so long: those that it has given up while nobody listened are missed`);
  }

  /** CometD gives no position before the first event, so the time is stored first: after a restart, events from then on are found by their time. */
  private async begin(from: "new" | "all"): Promise<StartPoint> {
    const { intake, position, since } = this.options;
    intake.begin(false);
    this.newFrom = since();
    await position.beginAt(from === "all" ? 0 : this.newFrom, from === "new");
    if (from === "new" && this.isLate(Date.now())) return this.next();
    this.fresh = from === "new" ? "asked" : undefined;
    return { from };
  }

  /**
   * Whether a subscription to new events would begin too late after {@link newFrom}.
   *
   * @param at when it is made, in ms since the epoch; `undefined` if not known, which counts as too late
   */
  private isLate(at: number | undefined): boolean {
    return at === undefined || this.options.now() - this.newFrom + at - Date.now() > LATE;
  }
}
