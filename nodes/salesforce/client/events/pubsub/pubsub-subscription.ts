import { within } from "../../../../common/deadline";
import { ConnectorError, errorText, needsAHand, toConnectorError } from "../../../../common/errors";
import type { Session } from "../../sign-in/login";
import { refusedAnew } from "../../sign-in/refused-session";
import type { StartPoint, StreamEvent, StreamListener, StreamState, Subscription } from "../event-stream";
import type { StreamOptions } from "../org-streams";
import { type Pace, Paces } from "../paces";
import { Backlog } from "./backlog";
import { Fetch, MOST_ASKED } from "./fetch-stream";
import type { PubsubClient } from "./pubsub-client";
import { PubsubError } from "./pubsub-error";
import type { FetchResponse } from "./protocol";
import { positionOf, replayIdOf } from "./replay-id";
import type { SchemaCache } from "./schema-cache";

/** When there are no events, the platform sends an idle message at least every 270 s; in ms. */
const SILENCE = 270_000;

/** How many ms closing waits until the server has been told, at most. */
const LAST_WORDS = 5000;

/** What {@link PubsubSubscription} needs. */
export interface SubscriptionParts {
  client: PubsubClient;
  schemas: SchemaCache;
  options: StreamOptions;
  channel: string;
  start: StartPoint;
  listener: StreamListener;
  /** Called once, when it is closed. */
  onClosed(): void;
}

/**
 * The subscription of one listener to one channel. Asks for as many events as the listener has room for, 100 at most, and hands them over in their
 * order. However a stream ends, the next one begins behind the event handed over last.
 */
export class PubsubSubscription implements Subscription {
  private fetch: Fetch | undefined;
  /** Number of the present try to connect: what an earlier try still brings is ignored. */
  private round = 0;
  private readonly backlog: Backlog;
  private handing = false;
  private start: StartPoint;
  private retry: NodeJS.Timeout | undefined;
  private told: StreamState | undefined;
  /** What has happened since this subscription had the token renewed: nothing yet, or a stream was accepted. `undefined` once a message has come. */
  private renewed: "untried" | "taken" | undefined;
  private closed = false;
  private readonly paces: Paces;

  constructor(private readonly parts: SubscriptionParts) {
    this.start = parts.start;
    this.paces = new Paces(parts.options);
    this.backlog = new Backlog(parts.schemas, (error) => {
      if (this.closed) return;
      if (error) this.fail(error);
      else this.drain();
    });
    queueMicrotask(() => this.open()); // later, so that the caller has the subscription before its listener is called
  }

  more(): void {
    if (this.closed || this.told?.kind !== "full") return;
    if (this.fetch) this.drain();
    else this.open();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.retry);
    this.parts.onClosed();
    const { fetch } = this;
    this.drop();
    if (fetch) await within(fetch.stop(), LAST_WORDS);
  }

  private open(): void {
    if (this.closed) return;
    const { channel } = this.parts;
    if (!/^\/(event|data)\//.test(channel)) {
      const text = `${channel} comes by CometD only: the Pub/Sub API has platform events (/event/…) and change events (/data/…)`;
      return this.tell({ kind: "failed", error: new ConnectorError("NOT_CONFIGURED", text) });
    }
    if (this.parts.listener.room() <= 0) return this.tell({ kind: "full" });
    const { start } = this;
    if (start.from === "after" && replayIdOf(start.position) === undefined) {
      return this.fail(new PubsubError("POSITION_STALE", "The position is not one of the Pub/Sub API", "stale"));
    }
    this.tell({ kind: "connecting" });
    this.round += 1;
    void this.connect(this.round);
  }

  private async connect(round: number): Promise<void> {
    const { client, channel, options } = this.parts;
    const isCurrent = (): boolean => round === this.round && !this.closed;
    try {
      const session = await client.org.openSession();
      if (!isCurrent()) return;
      const silence = (options.silence ?? SILENCE) + (options.patience ?? 30_000);
      const fetch = await Fetch.open(client, { channel, start: this.start, session, silence }, {
        onTaken: () => this.taken(),
        onResponse: (response) => this.take(response),
        onEnd: (error) => this.ended(error, session),
        onSilence: () => this.fail(unavailable(`The Pub/Sub API has sent nothing for ${Math.round(silence / 1000)} s`)),
      });
      if (!isCurrent()) return void fetch.stop();
      this.fetch = fetch;
      this.ask();
    } catch (error) {
      if (isCurrent()) this.waitForOrg(toConnectorError(error, "ORG_UNAVAILABLE"));
    }
  }

  private taken(): void {
    if (this.renewed) this.renewed = "taken";
    this.tellFlow();
  }

  private take({ events, latest_replay_id: latest }: FetchResponse): void {
    this.paces.reset();
    this.renewed = undefined;
    if (events.length === 0 && this.backlog.size === 0 && latest.length > 0 && this.fetch?.heard) this.passTo(positionOf(latest));
    this.backlog.add(events);
    this.drain();
  }

  /** All events up to this position were handed over. */
  private passTo(position: string): void {
    if (this.start.from === "after" && this.start.position === position) return;
    this.start = { from: "after", position };
    this.parts.listener.onPosition(position);
  }

  /** Hands over what the listener has room for, and asks for more. */
  private drain(): void {
    if (this.handing) return; // the listener said that it has room while it was given events
    this.handing = true;
    try {
      while (!this.closed && this.backlog.size > 0 && this.parts.listener.room() > 0) {
        const events = this.backlog.take(this.parts.listener.room());
        if (events.length === 0) return; // goes on when the schema is here
        this.parts.listener.onEvents(events);
        this.start = { from: "after", position: (events.at(-1) as StreamEvent).position };
      }
    } catch (cause) {
      // an error thrown by the listener must not end the process; what it did not take comes again
      return this.fail(new PubsubError("FLOW_ERROR", `Events could not be handed over: ${errorText(cause)}`, "retry", { cause }));
    } finally {
      this.handing = false;
    }
    this.ask();
  }

  /** Asks for as many events as there is room for, but only when no more than half of that number is outstanding. */
  private ask(): void {
    if (!this.fetch || this.closed) return;
    const room = this.parts.listener.room() - this.backlog.size;
    const target = Math.min(MOST_ASKED, room);
    if (target > 0 && this.fetch.asked <= target / 2) this.fetch.ask(target - this.fetch.asked);
    if (this.told?.kind !== "connecting" || room <= 0) this.tellFlow();
  }

  private tellFlow(): void {
    this.tell({ kind: this.parts.listener.room() > 0 ? "listening" : "full" });
  }

  /** The stream has ended. @param session the one it was opened with */
  private ended(error: PubsubError | undefined, session: Session): void {
    // the platform closes a stream that was asked for nothing for a minute; a new one is opened when there is room
    if (this.told?.kind === "full" && this.fetch?.asked === 0) return this.drop();
    if (!error && this.fetch?.resumed) {
      this.drop();
      return this.open();
    }
    if (error?.remedy === "renew") return this.renew(error, session);
    this.paces.lost(this.fetch?.stood ?? 0);
    this.fail(error ?? unavailable("The Pub/Sub API has closed the stream"));
  }

  private renew(error: PubsubError, session: Session): void {
    this.drop();
    if (this.renewed === "untried") {
      this.renewed = undefined; // after the pause, another refusal may be about the token again
      return this.later("refused", refusedAnew(session, { details: error.details, cause: error }));
    }
    // pauses when a stream was accepted and then refused without a message between, so as not to sign in over and over without a pause
    const isAgain = this.renewed === "taken";
    const pause = isAgain ? this.paces.next("outage", error) : 0;
    this.renewed = "untried";
    this.tell(isAgain ? { kind: "failed", error: refusedAnew(session, { details: error.details, cause: error }), retryAt: Date.now() + pause } : { kind: "waiting", error });
    this.retry = setTimeout(() => {
      const { round } = this;
      this.parts.client.org.renewSession(session).then(
        () => round === this.round && this.open(),
        (cause: unknown) => round === this.round && this.waitForOrg(toConnectorError(cause, "ORG_UNAVAILABLE")),
      );
    }, pause);
  }

  /** The stream has ended, or cannot go on. */
  private fail(error: ConnectorError): void {
    this.drop();
    if (!(error instanceof PubsubError)) return this.waitForOrg(error);
    switch (error.remedy) {
      case "stale":
        return this.beginElsewhere(error);
      case "renew": // a schema could not be fetched, even with a new token
      case "mend":
        return this.later("refused", error);
      case "limit":
        return this.later("limit", error);
      case "retry":
        return this.later("outage", error);
    }
  }

  private beginElsewhere(error: ConnectorError): void {
    const { start } = this;
    const next = start.from === "after" ? this.parts.listener.onStale(start.position, error) : start;
    if (this.closed) return;
    if (!next) return this.tell({ kind: "stopped", error });
    this.start = next;
    if (start.from === "after" && next.from !== "after") this.open();
    else this.later("outage", error); // pauses, as the new position may be stale, too
  }

  private later(pace: Pace, error: ConnectorError): void {
    const ms = this.paces.next(pace, error);
    this.tell({ kind: pace === "refused" ? "failed" : "waiting", error, retryAt: Date.now() + ms });
    this.retry = setTimeout(() => this.open(), ms);
  }

  /** There is no session, or the packages are missing. The org says when to try for a session again. */
  private waitForOrg(error: ConnectorError): void {
    if (error instanceof PubsubError) return this.fail(error);
    this.drop();
    if (error.code === "DRIVER_MISSING" || error.code === "NOT_CONFIGURED") return this.later("refused", error);
    this.tell({ kind: needsAHand(error) ? "failed" : "waiting", error });
    const { round } = this;
    void this.parts.client.org.untilReady(error).then(() => round === this.round && this.open());
  }

  /** Drops the stream, and its events that were not handed over, which come again. */
  private drop(): void {
    this.round += 1;
    void this.fetch?.stop();
    this.fetch = undefined;
    this.backlog.clear();
    clearTimeout(this.retry);
  }

  private tell(state: StreamState): void {
    if (this.closed || (state.kind === this.told?.kind && state.error === this.told.error && state.retryAt === this.told.retryAt)) return;
    this.told = state;
    this.parts.listener.onState(state);
  }
}

function unavailable(text: string): PubsubError {
  return new PubsubError("ORG_UNAVAILABLE", text, "retry");
}
