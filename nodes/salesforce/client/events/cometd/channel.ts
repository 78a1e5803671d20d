import { ConnectorError } from "../../../../common/errors";
import type { StartPoint, StreamEvent, StreamListener, StreamState } from "../event-stream";
import type { StreamOptions } from "../org-streams";
import { type Pace, Paces } from "../paces";
import { keyOf } from "./bayeux";
import type { SubscribeFailure } from "./failures";

/** Events kept for a listener without room before no more are asked for; those of the answer that reached it come on top. */
export const AHEAD = 200;

/**
 * How a channel stands with its session: to be subscribed; asked for; subscribed; without a session until the listener has taken what was kept;
 * refused, and tried again later; given up.
 */
type Stage = "idle" | "subscribing" | "subscribed" | "parked" | "waiting" | "stopped" | "closed";

const REPLAY_ID = /^(0|[1-9]\d*)$/;

/** One listener's channel: where it is, what was kept for it, and what becomes of it when it is refused. It outlives the sessions that bring its events. */
export class CometdChannel {
  /** What a session can hold once. */
  readonly key: string;
  private stage: Stage = "idle";
  /** Behind what a subscription goes on: the last event that was kept or handed over. */
  private position: string | undefined;
  private kept: StreamEvent[] = [];
  /** Came by the poll while the subscription was not yet answered. */
  private early: StreamEvent[] = [];
  private handing = false;
  private wasStale = false;
  private told: StreamState | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly paces: Paces;

  /** @param changed called when it is to be subscribed, and when its listener has taken so much that it is no longer ahead */
  constructor(
    readonly name: string,
    private start: StartPoint,
    private readonly listener: StreamListener,
    options: StreamOptions,
    private readonly changed: () => void,
  ) {
    this.key = keyOf(name);
    this.paces = new Paces(options);
    this.startAt(start);
  }

  /** Whether it is to be subscribed. */
  get isWanting(): boolean {
    return this.stage === "idle";
  }

  /** Whether the server may send events of it. */
  get isOnServer(): boolean {
    return this.stage === "subscribing" || this.stage === "subscribed";
  }

  /** Whether so much is kept that no more is to be asked for. */
  get isAhead(): boolean {
    return this.isOnServer && this.kept.length >= AHEAD;
  }

  /** Its subscription is about to be asked for. @returns from where; undefined when it has come to nothing */
  begin(): string | undefined {
    if (this.stage !== "idle") return undefined;
    if (this.position !== undefined && !REPLAY_ID.test(this.position)) {
      const error = new ConnectorError("POSITION_STALE", `The position kept for ${this.name} is no replay id`);
      this.refused({ kind: "stale", error });
      return undefined;
    }
    this.stage = "subscribing";
    return this.position ?? (this.start.from === "all" ? "-2" : "-1");
  }

  /** @param events those that came with the answer */
  subscribed(events: StreamEvent[]): void {
    if (this.stage !== "subscribing") return;
    this.stage = "subscribed";
    this.wasStale = false;
    this.paces.reset();
    const all = this.early.length > 0 ? inOrder(events.concat(this.early)) : events;
    this.early = [];
    this.tell({ kind: "listening" });
    this.keep(all);
    this.handOver();
  }

  /** The org has not given the subscription. */
  refused({ kind, error }: SubscribeFailure): void {
    if (this.stage === "closed") return;
    this.stage = "idle";
    this.early = [];
    if (kind === "stale" && this.position !== undefined) return this.stale(this.position, error);
    this.wait(kind === "limit" || kind === "refused" ? kind : "outage", error);
  }

  /** In the order in which they came. */
  take(events: StreamEvent[]): void {
    if (this.stage === "subscribing") this.early = this.early.concat(events);
    if (this.stage !== "subscribed") return;
    this.keep(events);
    this.handOver();
  }

  /** It was taken out of its session, since its listener does not take what was kept. */
  park(): void {
    this.stage = "parked";
    this.tell({ kind: "full" });
  }

  /** The listener has room. */
  more(): void {
    const wasAhead = this.isAhead;
    this.handOver();
    if (this.stage === "parked" && this.kept.length === 0) this.stage = "idle";
    else if (!wasAhead || this.isAhead) return;
    this.changed();
  }

  /** The session is gone, and its subscriptions with it. */
  lost(): void {
    this.early = [];
    if (this.isOnServer) this.stage = "idle";
  }

  /** The session is not there, or not yet. A channel with troubles of its own keeps telling those. */
  tellOfSession(state: StreamState): void {
    if (this.stage !== "waiting" && this.stage !== "stopped") this.tell(state);
  }

  /** Hands nothing over any more. */
  close(): void {
    this.stage = "closed";
    clearTimeout(this.timer);
    this.kept = [];
    this.early = [];
  }

  private startAt(start: StartPoint): void {
    this.start = start;
    this.position = start.from === "after" ? start.position : undefined;
  }

  private keep(events: StreamEvent[]): void {
    const last = events.at(-1);
    if (!last) return;
    this.position = last.position;
    this.kept = this.kept.length > 0 ? this.kept.concat(events) : events;
  }

  private handOver(): void {
    if (this.handing) return; // the listener said that it has room while it was given events
    this.handing = true;
    try {
      while (this.kept.length > 0) {
        const room = this.listener.room();
        if (room <= 0) break;
        this.listener.onEvents(this.kept.slice(0, room));
        this.kept = this.kept.slice(room); // not before: what a listener has failed to take comes again
      }
    } finally {
      this.handing = false;
    }
  }

  private stale(position: string, error: ConnectorError): void {
    const start = this.listener.onStale(position, error);
    if ((this.stage as Stage) === "closed") return; // by the listener
    if (!start) {
      this.stage = "stopped";
      return this.tell({ kind: "stopped", error });
    }
    this.startAt(start);
    if (this.wasStale) return this.wait("outage", error);
    this.wasStale = true;
    this.changed();
  }

  private wait(pace: Pace, error: ConnectorError): void {
    const ms = this.paces.next(pace, error);
    this.stage = "waiting";
    this.timer = setTimeout(() => {
      this.stage = "idle";
      this.changed();
    }, ms);
    this.tell({ kind: pace === "refused" ? "failed" : "waiting", error, retryAt: Date.now() + ms });
  }

  private tell(state: StreamState): void {
    if (this.stage === "closed" || (state.kind === this.told?.kind && state.error === this.told.error && state.retryAt === this.told.retryAt)) return;
    this.told = state;
    this.listener.onState(state);
  }
}

/** Replay ids rise along a channel. */
function inOrder(events: StreamEvent[]): StreamEvent[] {
  const difference = (a: StreamEvent, b: StreamEvent): number => a.position.length - b.position.length || (a.position < b.position ? -1 : Number(a.position > b.position));
  return events.sort(difference);
}
