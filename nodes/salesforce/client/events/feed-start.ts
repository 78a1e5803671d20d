import type { EventIntake } from "./event-intake";
import type { EventPosition } from "./event-position";
import type { StartPoint, StreamEvent, StreamState } from "./event-stream";
import type { EventFeedOptions } from "./feed-options";
import type { ReplayFrom } from "./listen-settings";

/** How far the clocks of the org's machines may be apart, in ms. */
const CLOCKS = 5_000;

/** Who was to begin with what is new, and can only that much later, in ms, begins with what came since: it takes a replay of what came behind the last position, or else of all that is retained. */
const LATE = 10_000;

/** What {@link FeedStart} stands on. */
export interface FeedStartOptions extends Pick<EventFeedOptions, "settings" | "now" | "since"> {
  intake: EventIntake;
  position: EventPosition;
}

/** Where each subscription of a feed begins, so that nothing is missed between it and the one before, or since the feed was told to listen. */
export class FeedStart {
  private from: ReplayFrom;
  /** Events from before are passed over, in ms since the epoch. */
  private notBefore: number | undefined;
  /** A subscription that began with what is new and has brought nothing yet: asked for; taken by the org; or it would miss what came since {@link newFrom}. */
  private fresh: "asked" | "taken" | "lost" | undefined;
  /** What came from then on is new, in ms since the epoch, by the org's clock. */
  private newFrom = 0;

  constructor(private readonly options: FeedStartOptions) {
    this.from = options.settings.replayFrom;
  }

  /** Whether it was told to begin elsewhere than behind what it has taken. */
  get isElsewhere(): boolean {
    return this.from !== "stored";
  }

  /** Whether the subscription has to be made anew: nothing is to be taken of it. */
  get isLost(): boolean {
    return this.fresh === "lost";
  }

  /** The next subscription begins there. */
  at(from: ReplayFrom): void {
    this.from = from;
  }

  /** Where a subscription that is made now begins. Resolves when what it needs after a restart is written, or cannot be. */
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
    return since === undefined ? this.begin("new") : { from: "all" };
  }

  /** The org does not know the position any more. @returns where to begin when only what came since a time is wanted, which then takes a replay of all; undefined when it is not so */
  withoutPosition(): StartPoint | undefined {
    const { intake, position } = this.options;
    if (!position.since) return undefined;
    intake.begin(true);
    this.notBefore = position.since - CLOCKS;
    void position.beginAt(position.since);
    return { from: "all" };
  }

  /** The org does not know the position any more: it begins there instead, and knows again what it has had. */
  anew(from: "new" | "all"): StartPoint {
    const { intake, position, now } = this.options;
    intake.begin(true);
    this.notBefore = undefined;
    this.fresh = from === "new" ? "asked" : undefined;
    this.newFrom = now();
    void position.beginAt(from === "all" ? 0 : this.newFrom);
    return { from };
  }

  /** Events have come. */
  take(events: readonly StreamEvent[]): void {
    this.fresh = undefined;
    for (const event of events) {
      const isOld = this.options.intake.take(event, this.notBefore);
      if (!isOld && event.createdDate !== undefined) this.notBefore = undefined; // one that tells no time says nothing of those behind it
    }
  }

  /** There is nothing up to here. */
  passTo(position: string): void {
    this.fresh = undefined;
    this.notBefore = undefined;
    this.options.intake.idle(position);
  }

  /** How the subscription stands. One that began with what is new begins so once more when it is lost, or could be made late only, and would miss what came meanwhile. */
  follow({ kind, error, retryAt }: StreamState): void {
    const isWaiting = error !== undefined && kind !== "connecting"; // what is connecting tells later how that went
    if (this.fresh === "taken" && kind !== "listening" && kind !== "full") this.fresh = "lost";
    else if (this.fresh === "asked" && kind === "listening") this.fresh = this.isLate(Date.now()) ? "lost" : "taken";
    else if (this.fresh === "asked" && isWaiting && this.isLate(retryAt)) this.fresh = "lost";
  }

  /** CometD tells no position before the first event. So the time is kept first: what comes between it and that event is found by it after a restart. */
  private async begin(from: "new" | "all"): Promise<StartPoint> {
    const { intake, position, since } = this.options;
    intake.begin(false);
    this.newFrom = since();
    await position.beginAt(from === "all" ? 0 : this.newFrom, from === "new");
    if (from === "new" && this.isLate(Date.now())) return this.next();
    this.fresh = from === "new" ? "asked" : undefined;
    return { from };
  }

  /** Whether what is new would be new from too late on. @param at when it is asked for, in ms since the epoch; unknown when undefined */
  private isLate(at: number | undefined): boolean {
    return at === undefined || this.options.now() - this.newFrom + at - Date.now() > LATE;
  }
}
