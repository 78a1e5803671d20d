import { chunks } from "../../../../common/chunks";
import { type ConnectorError, needsAHand, toConnectorError } from "../../../../common/errors";
import type { Session } from "../../sign-in/login";
import { explained } from "../../sign-in/refused-session";
import type { StreamEvent, StreamState } from "../event-stream";
import type { StreamOptions, StreamOrg } from "../org-streams";
import { Paces } from "../paces";
import { ended, eventsByKey, isOfSession, isSentAway, sessionTrouble, subscribeTrouble } from "./answers";
import { BayeuxClient, newLife } from "./bayeux-client";
import type { CometdChannel } from "./channel";
import type { StreamFailure } from "./failures";
import { LeftChannels } from "./left-channels";
import { MAX_INTERVAL, PollPace } from "./poll-pace";
import { IDLE, next, type Pause, type SessionAction, type SessionEvent } from "./session-machine";

/** How many ms a call that ends a session or a subscription may take. */
const GOODBYE = 4_000;

/** How many channels are subscribed with one request, which may be 32 KiB long. */
const TOGETHER = 20;

/** A Bayeux session for any number of channels, each once, or for one alone. Performs the actions that {@link next} gives, and gives it the events that result. */
export class CometdSession {
  private state = IDLE;
  /** The state that the channels were told last. */
  private standing: StreamState = { kind: "connecting" };
  /** Aborted when the present client is dropped. */
  private life = newLife();
  private login: Session | undefined;
  private client: BayeuxClient | undefined;
  private readonly channels = new Map<string, CometdChannel>();
  /** Why it connects anew. */
  private cause: ConnectorError | undefined;
  private readonly left = new LeftChannels();
  private readonly pace = new PollPace();
  private readonly paces: Paces;
  private readonly patience: number;
  private timer: NodeJS.Timeout | undefined;
  private goodbye: Promise<void> = Promise.resolve();
  private subscribing = 0;
  /** Whether the next poll waits for the answers to subscriptions, or for a listener that is behind. */
  private isPollDue = false;

  /** @param isAlone whether it is for one channel only */
  constructor(
    private readonly org: StreamOrg,
    options: StreamOptions,
    private readonly isAlone = false,
  ) {
    this.paces = new Paces(options);
    this.patience = options.patience ?? 30_000;
  }

  /** Whether it has ended. */
  get isClosed(): boolean {
    return this.state.phase === "closed";
  }

  /**
   * Whether a channel can be added. It cannot when the channel is here, or when events of an earlier subscription to it may be on their way, which would be
   * taken for the new one's.
   */
  hasPlaceFor(key: string): boolean {
    return !this.isClosed && !this.isAlone && !this.channels.has(key) && !this.left.has(key);
  }

  /** Adds a channel, and subscribes to it now or as soon as the session is there. */
  add(channel: CometdChannel): void {
    this.channels.set(channel.key, channel);
    channel.tellOfSession(this.state.phase === "polling" ? { kind: "connecting" } : this.standing);
    if (this.state.phase === "idle") this.dispatch({ type: "open" });
    else this.subscribe();
  }

  has(channel: CometdChannel): boolean {
    return this.channels.get(channel.key) === channel;
  }

  /** Removes a channel. Removing the last one ends the session. Resolves when the server was told, or has not answered in time. */
  remove(channel: CometdChannel): Promise<void> {
    if (!this.has(channel)) return this.goodbye;
    return this.channels.size === 1 ? this.close() : this.leave(channel);
  }

  /** To be called when a channel wants to be subscribed, or is no longer ahead: subscribes, and polls if the poll waited for that. */
  goOn(): void {
    this.subscribe();
    if (!this.isPollDue || this.subscribing > 0 || this.isAhead) return;
    clearTimeout(this.timer);
    this.pollAfter(0);
  }

  /** Ends the session and all its channels. Resolves when the server was told, or has not answered in time. */
  close(): Promise<void> {
    this.dispatch({ type: "close" });
    return this.goodbye;
  }

  private get isAhead(): boolean {
    return [...this.channels.values()].some(({ isAhead }) => isAhead);
  }

  private get briefly(): number {
    return Math.min(this.patience, GOODBYE);
  }

  private dispatch(event: SessionEvent): void {
    const { state, actions } = next(this.state, event);
    this.state = state;
    if (event.type === "failed") this.cause = event.failure.error;
    for (const action of actions) this.perform(action);
  }

  private perform(action: SessionAction): void {
    switch (action.do) {
      case "authorise":
        return void this.authorise(() => this.org.openSession());
      case "renew":
        return void this.authorise(() => (this.login ? this.org.renewSession(this.login) : this.org.openSession()));
      case "handshake":
        return void this.handshake();
      case "subscribe":
        this.cause = undefined;
        return this.subscribe();
      case "poll":
        return this.pollAfter(this.pace.pause);
      case "forget":
        return this.forget();
      case "rest":
        return this.rest(action.failure, action.pause);
      case "settle":
        return this.paces.reset();
      case "disconnect":
        this.goodbye = this.disconnect();
    }
  }

  /** Runs a task. When a listener throws in it, the session fails and begins anew, and what the listener did not take comes again; the process goes on. */
  private attempt(run: Promise<void>): void {
    run.catch((error: unknown) => this.dispatch({ type: "failed", failure: { kind: "outage", error: toConnectorError(error) } }));
  }

  private async authorise(sessionOf: () => Promise<Session>): Promise<void> {
    const life = this.life.signal;
    this.tellConnecting();
    try {
      const login = await sessionOf();
      if (life.aborted) return;
      this.login = login;
      this.dispatch({ type: "authorised" });
    } catch (error) {
      if (!life.aborted) this.dispatch({ type: "failed", failure: { kind: "login", error: toConnectorError(error, "ORG_UNAVAILABLE") } });
    }
  }

  private async handshake(): Promise<void> {
    const life = this.life.signal;
    this.tellConnecting();
    this.client = new BayeuxClient(this.org, this.login!);
    const { messages = [], failure } = await this.client.handshake(this.patience, life);
    if (!life.aborted) this.conclude(failure ?? sessionTrouble(messages, "/meta/handshake"), { type: "handshaken" });
  }

  /** Subscribes to all channels that want it, if the session is there. */
  private subscribe(): void {
    if (this.state.phase !== "polling") return;
    const wanting = [...this.channels.values()].filter(({ isWanting }) => isWanting);
    for (const some of chunks(wanting, TOGETHER)) this.attempt(this.subscribeTo(some));
  }

  private pollAfter(ms: number): void {
    clearTimeout(this.timer);
    const { isAhead } = this;
    // waits for subscriptions that are not answered yet, so that no more than the events of one poll come before the answer
    this.isPollDue = isAhead || this.subscribing > 0;
    if (isAhead) this.timer = setTimeout(() => this.park(), Math.min(this.patience, this.pace.holdOff(this.channels.size)));
    if (this.isPollDue) return;
    if (ms > 0) this.timer = setTimeout(() => this.pollAfter(0), ms);
    else this.attempt(this.poll());
  }

  /** Takes the channels whose listeners are behind out of the session, so that the others go on. */
  private park(): void {
    for (const channel of [...this.channels.values()].filter(({ isAhead }) => isAhead)) {
      void this.leave(channel);
      channel.park();
    }
    if (this.channels.size === 0) void this.close();
    if (!this.isClosed && this.subscribing === 0) this.pollAfter(0);
  }

  private async leave(channel: CometdChannel): Promise<void> {
    const { key, name, isOnServer } = channel;
    this.channels.delete(key);
    if (!isOnServer || !this.client || this.channels.size === 0) return;
    const gone = this.left.add(key, name);
    await this.client.unsubscribe(name, this.briefly, this.life.signal);
    gone();
  }

  private async poll(): Promise<void> {
    const life = this.life.signal;
    const { back, answered } = this.left.poll();
    const began = performance.now();
    const { messages = [], failure } = await this.client!.connect(back, this.pace.longest + this.patience, life);
    if (life.aborted) return;
    const took = performance.now() - began;
    if (failure) this.paces.lost(took);
    const count = this.handOut(eventsByKey(messages));
    this.pace.answered(took, count === 0 && back.length === 0);
    const trouble = failure ?? sessionTrouble(messages, "/meta/connect");
    this.pace.heed(messages);
    answered(count);
    this.conclude(trouble, { type: "polled" });
  }

  private async subscribeTo(channels: CometdChannel[]): Promise<void> {
    const life = this.life.signal;
    const asked = channels.flatMap((channel) => {
      const replay = channel.begin();
      return replay === undefined ? [] : [{ channel, wish: { channel: channel.name, replay } }];
    });
    if (asked.length === 0) return;
    this.subscribing += 1;
    const wishes = asked.map(({ wish }) => wish);
    const { messages = [], failure } = await this.client!.subscribe(wishes, Math.min(this.patience, MAX_INTERVAL), life);
    if (life.aborted) return;
    this.subscribing -= 1;
    let trouble = failure;
    const events = eventsByKey(messages);
    for (const { channel } of failure ? [] : asked) {
      const refusal = subscribeTrouble(messages, channel.name);
      if (refusal && isOfSession(refusal)) trouble ??= refusal;
      else if (refusal) channel.refused(refusal);
      else if (this.has(channel)) channel.subscribed(events.get(channel.key) ?? []);
      else events.set(channel.key, []); // removed meanwhile: the server may have handled the unsubscribe first, so that it is subscribed still
      if (this.has(channel)) events.delete(channel.key);
    }
    this.handOut(events);
    if (isSentAway(messages)) trouble ??= ended("the org has sent it away");
    if (trouble) this.dispatch({ type: "failed", failure: trouble });
    else if (this.isPollDue && !this.isClosed) this.pollAfter(this.pace.advised);
  }

  /** Gives each channel its events, and drops those of channels that were removed. @returns how many events there were, dropped ones included */
  private handOut(events: Map<string, StreamEvent[]>): number {
    let count = 0;
    for (const [key, mine] of events) {
      count += mine.length;
      this.channels.get(key)?.take(mine);
      this.left.came(key);
    }
    return count;
  }

  private conclude(failure: StreamFailure | undefined, otherwise: SessionEvent): void {
    this.dispatch(failure ? { type: "failed", failure } : otherwise);
  }

  private forget(): void {
    this.life.abort();
    this.life = newLife();
    clearTimeout(this.timer);
    void this.client?.disconnect([], this.briefly);
    this.client = undefined;
    this.left.clear();
    this.subscribing = 0;
    this.isPollDue = false;
    for (const channel of this.channels.values()) channel.lost();
  }

  private rest(failure: StreamFailure, pause: Pause): void {
    const error = this.login && failure.kind === "session" ? explained(failure.error, this.login) : failure.error;
    const kind = pause === "refused" || needsAHand(error) ? "failed" : "waiting";
    const life = this.life.signal;
    const rested = (): void => {
      if (!life.aborted) this.dispatch({ type: "rested" });
    };
    if (pause === "login") {
      this.tell({ kind, error });
      return void this.org.untilReady(error).then(rested);
    }
    const ms = this.paces.next(pause, error);
    this.timer = setTimeout(rested, ms);
    this.tell({ kind, error, retryAt: Date.now() + ms });
  }

  private async disconnect(): Promise<void> {
    const { client } = this;
    const names = [...this.channels.values()].filter(({ isOnServer }) => isOnServer).map(({ name }) => name);
    for (const channel of this.channels.values()) channel.close();
    this.channels.clear();
    clearTimeout(this.timer);
    await client?.disconnect(names, this.briefly);
    this.life.abort();
  }

  private tellConnecting(): void {
    this.tell({ kind: "connecting", ...(this.cause ? { error: this.cause } : {}) });
  }

  private tell(state: StreamState): void {
    this.standing = state;
    for (const channel of this.channels.values()) channel.tellOfSession(state);
  }
}
