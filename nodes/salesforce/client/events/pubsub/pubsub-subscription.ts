import { BackOff } from "../../../../common/back-off";
import { ConnectorError, errorText, toConnectorError } from "../../../../common/errors";
import type { Session } from "../../sign-in/login";
import type { StartPoint, StreamEvent, StreamListener, StreamState, Subscription } from "../event-stream";
import type { StreamOptions } from "../org-streams";
import { Fetch, MOST_ASKED } from "./fetch-stream";
import type { PubsubClient } from "./pubsub-client";
import { PubsubError } from "./pubsub-error";
import type { ConsumerEvent, FetchResponse } from "./protocol";
import { positionOf, replayIdOf } from "./replay-id";
import type { SchemaCache } from "./schema-cache";

const MINUTE = 60_000;

/** The platform says at least every 270 s that there is nothing. */
const SILENCE = 270_000;

/** Longest wait, in ms, for the server to be told that nobody listens any more. */
const LAST_WORDS = 5000;

/** Login errors that stay until someone changes the node or the org. */
const NEEDS_A_HAND = new Set(["ORG_LOGIN_FAILED", "ORG_SESSION_INVALID", "NOT_CONFIGURED", "DRIVER_MISSING"]);

/** What a subscription stands on. */
export interface SubscriptionParts {
  client: PubsubClient;
  schemas: SchemaCache;
  options: StreamOptions;
  channel: string;
  start: StartPoint;
  listener: StreamListener;
  /** Told once, when it is closed. */
  onClosed(): void;
}

/**
 * One listener's events of one channel. It asks for as many events as the listener has room for, 100 at the most, and hands them over in their
 * order; whatever ends the stream, the next one begins behind the event handed over last.
 */
export class PubsubSubscription implements Subscription {
  private fetch: Fetch | undefined;
  /** Counts tries: what an earlier one still does is of no account. */
  private round = 0;
  /** Come and not handed over: their schema is on its way, or the listener has no room. */
  private waiting: ConsumerEvent[] = [];
  private loading = false;
  private start: StartPoint;
  private retry: NodeJS.Timeout | undefined;
  private told: StreamState | undefined;
  /** Since the token was renewed for this subscription: nothing yet, or a stream was taken. Undefined once a message has come. */
  private renewed: "untried" | "taken" | undefined;
  private closed = false;
  private readonly outage: BackOff;
  private readonly refused: BackOff;
  private readonly limited: BackOff;

  constructor(private readonly parts: SubscriptionParts) {
    const { options } = parts;
    this.start = parts.start;
    this.outage = new BackOff(options.backOff ?? { max: 2 * MINUTE });
    this.refused = new BackOff(options.refused ?? { initial: MINUTE, max: 30 * MINUTE });
    this.limited = new BackOff(options.limited ?? { initial: 15 * MINUTE, max: 15 * MINUTE });
    queueMicrotask(() => this.open()); // who subscribes has the subscription before the first call
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
    if (!fetch) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([fetch.stop(), new Promise((resolve) => (timer = setTimeout(resolve, LAST_WORDS)))]);
    clearTimeout(timer);
  }

  private open(): void {
    if (this.closed) return;
    const { channel } = this.parts;
    if (!/^\/(event|data)\//.test(channel)) {
      const text = `${channel} comes by CometD only: the Pub/Sub API has platform events (/event/…) and change events (/data/…).`;
      return this.tell({ kind: "failed", error: new ConnectorError("NOT_CONFIGURED", text) });
    }
    if (this.parts.listener.room() <= 0) return this.tell({ kind: "full" });
    const { start } = this;
    if (start.from === "after" && replayIdOf(start.position) === undefined) {
      return this.fail(new PubsubError("POSITION_STALE", "The position is none of the Pub/Sub API.", "stale"));
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
        onSilence: () => this.fail(unavailable(`The Pub/Sub API has sent nothing for ${Math.round(silence / 1000)} s.`)),
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
    for (const backOff of [this.outage, this.refused, this.limited]) backOff.reset();
    this.renewed = undefined;
    if (events.length === 0 && this.waiting.length === 0 && latest.length > 0) this.passTo(positionOf(latest));
    for (const event of events) this.waiting.push(event);
    this.drain();
  }

  /** Nothing up to here is left to be handed over. */
  private passTo(position: string): void {
    if (this.start.from === "after" && this.start.position === position) return;
    this.start = { from: "after", position };
    this.parts.listener.onPosition(position);
  }

  /** Hands over what it can, and asks for more. */
  private drain(): void {
    const { listener } = this.parts;
    let room = listener.room();
    while (room > 0 && this.waiting.length > 0) {
      const ready = this.decode(room);
      if (!ready || ready.length === 0) return; // it has failed, or comes back with the schema
      this.waiting.splice(0, ready.length);
      this.start = { from: "after", position: (ready.at(-1) as StreamEvent).position };
      listener.onEvents(ready);
      if (this.closed) return;
      room = listener.room();
    }
    this.ask();
  }

  /** The next events, `most` at the most, as far as their schemas are known. */
  private decode(most: number): StreamEvent[] | undefined {
    const ready: StreamEvent[] = [];
    for (const event of this.waiting.slice(0, most)) {
      const id = event.event?.schema_id ?? "";
      const known = this.parts.schemas.get(id);
      if (!known) {
        if (ready.length === 0) void this.load(id, this.round);
        break;
      }
      try {
        ready.push(known.decoder.decode(event));
      } catch (cause) {
        if (ready.length > 0) break; // those before it first
        const text = `The event ${event.event?.id ?? ""} does not fit its schema ${id}: ${errorText(cause)}.`;
        this.fail(new PubsubError("CHANNEL_UNAVAILABLE", text, "mend", { cause }));
        return undefined;
      }
    }
    return ready;
  }

  private async load(id: string, round: number): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    const error = await this.parts.schemas.load(id).then(
      () => undefined,
      (cause: unknown) => toConnectorError(cause, "ORG_UNAVAILABLE"),
    );
    this.loading = false;
    if (this.closed) return;
    // what another stream has brought meanwhile may wait for it, too
    if (error && round === this.round) this.fail(error);
    else this.drain();
  }

  /** Asks for as much as there is room for, once half of it is used up. */
  private ask(): void {
    if (!this.fetch || this.closed) return;
    const room = this.parts.listener.room() - this.waiting.length;
    const target = Math.min(MOST_ASKED, room);
    if (target > 0 && this.fetch.asked <= target / 2) this.fetch.ask(target - this.fetch.asked);
    if (this.told?.kind !== "connecting" || room <= 0) this.tellFlow();
  }

  private tellFlow(): void {
    this.tell({ kind: this.parts.listener.room() > 0 ? "listening" : "full" });
  }

  /** @param session the stream's */
  private ended(error: PubsubError | undefined, session: Session): void {
    // the platform closes a stream that nothing was asked of for a minute: there is a new one when there is room
    if (this.told?.kind === "full" && this.fetch?.asked === 0) return this.drop();
    if (!error && this.fetch?.resumed) {
      this.drop();
      return this.open();
    }
    if (error?.remedy === "renew") return this.renew(error, session);
    this.fail(error ?? unavailable("The Pub/Sub API has closed the stream."));
  }

  private renew(error: PubsubError, session: Session): void {
    this.drop();
    if (this.renewed === "untried") {
      const text = "The org refuses the session even with a new token; look at the app's session and IP policies.";
      return this.later("failed", new ConnectorError("ORG_SESSION_INVALID", text, { details: error.details, cause: error }), this.refused.next());
    }
    // one that was taken and refused without a message between is no reason to sign in time and again without a pause
    const pause = this.renewed === "taken" ? this.outage.next() : 0;
    this.renewed = "untried";
    this.tell({ kind: "waiting", error });
    this.retry = setTimeout(() => {
      const { round } = this;
      this.parts.client.org.renewSession(session).then(
        () => round === this.round && this.open(),
        (cause: unknown) => round === this.round && this.waitForOrg(toConnectorError(cause, "ORG_UNAVAILABLE")),
      );
    }, pause);
  }

  /** The stream is over, or cannot go on. */
  private fail(error: ConnectorError): void {
    this.drop();
    if (!(error instanceof PubsubError)) return this.waitForOrg(error);
    switch (error.remedy) {
      case "stale":
        return this.beginElsewhere(error);
      case "renew": // of a schema, with a new token, too
      case "mend":
        return this.later("failed", error, this.refused.next());
      case "limit":
        return this.later("waiting", error, this.limited.next());
      case "retry":
        return this.later("waiting", error, this.outage.next());
    }
  }

  private beginElsewhere(error: ConnectorError): void {
    const { start } = this;
    const next = start.from === "after" ? this.parts.listener.onStale(start.position, error) : start;
    if (this.closed) return;
    if (!next) return this.tell({ kind: "stopped", error });
    this.start = next;
    if (start.from === "after" && next.from !== "after") this.open();
    else this.later("waiting", error, this.outage.next()); // that may be stale, too
  }

  private later(kind: "waiting" | "failed", error: ConnectorError, ms: number): void {
    this.tell({ kind, error, retryAt: Date.now() + ms });
    this.retry = setTimeout(() => this.open(), ms);
  }

  /** It is the session that is missing, or the packages: the org says when it makes sense to look again. */
  private waitForOrg(error: ConnectorError): void {
    if (error instanceof PubsubError) return this.fail(error);
    this.drop();
    if (error.code === "DRIVER_MISSING" || error.code === "NOT_CONFIGURED") return this.later("failed", error, this.refused.next());
    this.tell({ kind: NEEDS_A_HAND.has(error.code) ? "failed" : "waiting", error });
    const { round } = this;
    void this.parts.client.org.untilReady(error).then(() => round === this.round && this.open());
  }

  /** Forgets the stream and what of it was not handed over: it comes again. */
  private drop(): void {
    this.round += 1;
    void this.fetch?.stop();
    this.fetch = undefined;
    this.waiting = [];
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
