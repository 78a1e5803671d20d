import { ConnectorError } from "../../../../common/errors";
import type { StartPoint, StreamEvent, StreamListener, StreamState } from "../event-stream";
import type { StreamOptions } from "../org-streams";
import { type Pace, Paces } from "../paces";
import { keyOf } from "./bayeux";
import type { SubscribeFailure } from "./failures";

/** When so many events are kept for a listener without room, no more are asked for. The answer that reaches this number may bring more than that. */
export const AHEAD = 200;

/**
 * State of a channel. `idle`: it is to be subscribed; `subscribing`: the subscription was asked for; `subscribed`; `parked`: it has no session until the
 * listener has taken what is kept; `waiting`: it was refused, and is tried again later; `stopped`: given up; `closed`: by the listener.
 */
type Stage = "idle" | "subscribing" | "subscribed" | "parked" | "waiting" | "stopped" | "closed";

const REPLAY_ID = /^(0|[1-9]\d*)$/;

/** The channel of one listener: its position, the events kept for it, and what to do when the org refuses it. It outlives the sessions that bring its events. */
export class CometdChannel {
  /** Name without the filter: a session can hold each key only once. */
  readonly key: string;
  private stage: Stage = "idle";
  /** Of the last event that was kept or handed over: the next subscription goes on behind it. */
  private position: string | undefined;
  /** Events that have come and are not handed over yet. */
  private kept: StreamEvent[] = [];
  /** Events that came with a poll before the subscription was answered. */
  private early: StreamEvent[] = [];
  private handing = false;
  private wasStale = false;
  private told: StreamState | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly paces: Paces;

  /** @param changed called when it is to be subscribed, and when its listener has taken so many events that it is no longer ahead */
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

  /** Whether so many events are kept that no more are to be asked for. */
  get isAhead(): boolean {
    return this.isOnServer && this.kept.length >= AHEAD;
  }

  /** To be called before its subscription is asked for. @returns the replay id to begin behind, -1 or -2; `undefined` when it is not to be subscribed */
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

  /** The org has accepted the subscription. @param events those that came with the answer */
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

  /** The org has refused the subscription. */
  refused({ kind, error }: SubscribeFailure): void {
    if (this.stage === "closed") return;
    this.stage = "idle";
    this.early = [];
    if (kind === "stale" && this.position !== undefined) return this.stale(this.position, error);
    this.wait(kind === "limit" || kind === "refused" ? kind : "outage", error);
  }

  /** Takes events, in the order in which they came. */
  take(events: StreamEvent[]): void {
    if (this.stage === "subscribing") this.early = this.early.concat(events);
    if (this.stage !== "subscribed") return;
    this.keep(events);
    this.handOver();
  }

  /** It was taken out of its session, since its listener does not take the kept events. */
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

  /** Tells the listener the state of the session, unless the channel has a trouble of its own, which it goes on showing. */
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
        this.kept = this.kept.slice(room); // only after the call, so that events are kept when the listener throws
      }
    } finally {
      this.handing = false;
    }
  }

  private stale(position: string, error: ConnectorError): void {
    const start = this.listener.onStale(position, error);
    if ((this.stage as Stage) === "closed") return; // the listener has closed it in `onStale`
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

/** Sorts events by their replay ids, which rise along a channel. */
function inOrder(events: StreamEvent[]): StreamEvent[] {
  const difference = (a: StreamEvent, b: StreamEvent): number => a.position.length - b.position.length || (a.position < b.position ? -1 : Number(a.position > b.position));
  return events.sort(difference);
}
