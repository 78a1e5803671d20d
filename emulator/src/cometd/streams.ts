import type { BusEvent } from "../events/bus-event";
import type { PayloadFormat } from "../events/event-schema";
import type { LimitName } from "../limits";
import type { Session } from "../oauth/sessions";
import type { Org } from "../org";
import { accepted, ERRORS, refused, Refusal, type Message } from "./bayeux";
import { CometdSession, type StreamReading } from "./cometd-session";
import type { Exchange } from "./exchange";
import { renderEvent } from "./rendering";
import { Response } from "./response";
import { StreamFaults, type StreamFault } from "./stream-faults";
import type { Subscribed } from "./subscribe";

/** The sessions of streaming clients: which clients are connected, which events wait for them, and when a client is given up. */
export class Streams {
  readonly faults = new StreamFaults();
  private readonly sessions = new Map<string, CometdSession>();
  private readonly stopFollowing: () => void;
  private flushing: NodeJS.Immediate | undefined;
  /** While this is set, no connect is answered. */
  private silence: { timer: NodeJS.Timeout | undefined } | undefined;
  private withSubscribe = false;

  constructor(private readonly org: Org) {
    this.stopFollowing = org.events.follow((event) => this.deliver(event));
    org.sessions.onEnd((login) => this.endLogin(login));
  }

  /** Opens a session. @throws Refusal when there are too many sessions */
  open(login: Session, browser: string, format: PayloadFormat): CometdSession {
    if (!this.org.limits.use("StreamingApiConcurrentClients")) throw new Refusal(ERRORS.concurrentClients);
    const session = new CometdSession(this.org.sessions.join(login), browser, format);
    this.sessions.set(session.clientId, session);
    return session;
  }

  /** Returns the session of a client. @param clientId as in a message, so of any type */
  find(clientId: unknown): CometdSession | undefined {
    return this.sessions.get(clientId as string);
  }

  /** Notes the token with which the client goes on. */
  renew(session: CometdSession, login: Session): void {
    if (login === session.login) return;
    this.org.sessions.leave(session.login);
    session.login = this.org.sessions.join(login);
  }

  /** Whether a connect must wait, because there is no event for the client or because connects are not answered now. */
  mustWait(session: CometdSession): boolean {
    return this.silence !== undefined || session.queued === 0;
  }

  /** Holds a connect until an event comes or its time is up. */
  hold(session: CometdSession, message: Message, exchange: Exchange): void {
    const timer = setTimeout(() => {
      if (!this.silence) this.answerHeld(session);
    }, this.org.settings.cometd.timeout);
    session.hold({ message, exchange, timer });
    exchange.onGone(() => {
      if (session.held?.exchange !== exchange) return;
      session.release();
      this.startClock(session);
    });
  }

  /** Adds a subscription. @returns the events that go with the answer. @throws Refusal when the day's events are used up */
  add(session: CometdSession, { subscription, replayed }: Subscribed): string[] {
    if (replayed[0] && this.isUsedUp(limitOf(replayed[0]))) throw new Refusal(ERRORS.dailyLimit);
    session.subscriptions.set(subscription.name, subscription);
    for (const event of replayed) this.queue(session, event, subscription.name);
    if (this.withSubscribe) return this.take(session);
    this.flushSoon();
    return [];
  }

  /** Takes events for the client off its queue, within the day's limit. @throws Refusal when there are events but none may be delivered any more */
  take(session: CometdSession): string[] {
    const taken = session.take((limit) => this.org.limits.use(limit));
    if (taken.length === 0 && session.queued > 0) throw new Refusal(ERRORS.dailyLimit);
    return taken;
  }

  /** Gives a client that was answered its time to come back. */
  startClock(session: CometdSession): void {
    if (this.sessions.get(session.clientId) !== session) return;
    if (session.held) session.stopWaiting();
    else session.awaitReturn(this.org.settings.cometd.maxInterval, () => this.end(session));
  }

  /** Ends a session. @param refusal the answer to a held connect. Default: success, with the advice not to come back */
  end(session: CometdSession, refusal?: Refusal): void {
    if (!this.sessions.delete(session.clientId)) return;
    session.stopWaiting();
    this.org.sessions.leave(session.login);
    this.org.limits.free("StreamingApiConcurrentClients");
    const held = session.release();
    if (!held) return;
    const goodbye = accepted(held.message, session.clientId, { advice: { reconnect: "none", interval: 0 } });
    new Response(held.exchange, 200, [refusal ? refused(held.message, refusal) : goodbye]).send();
  }

  /** Ends the streams of all clients or of one. A held connect is refused, or with `cut` its connection is broken. @returns the number of streams */
  drop({ cut = false, clientId }: { cut?: boolean; clientId?: string } = {}): number {
    const dropped = [...this.sessions.values()].filter((session) => clientId === undefined || session.clientId === clientId);
    for (const session of dropped) {
      if (cut) session.release()?.exchange.cut();
      this.end(session, new Refusal(ERRORS.unknownClient));
    }
    return dropped.length;
  }

  /** Stops answering connects for `ms`, or until this is called with 0. The connections stay open but nothing comes. */
  holdConnects(ms = Infinity): void {
    const wasSilent = this.silence !== undefined;
    clearTimeout(this.silence?.timer);
    this.silence = undefined;
    if (ms > 0) this.silence = { timer: ms === Infinity ? undefined : setTimeout(() => this.holdConnects(0), ms) };
    else if (wasSilent) for (const session of this.sessions.values()) this.answerHeld(session);
  }

  /** Refuses the next messages. Connects that are held count as such. */
  fault(fault: StreamFault): void {
    this.faults.add(fault);
    for (const session of this.sessions.values()) {
      const strike = session.held && this.faults.strike(session.held.message);
      if (!strike) continue;
      new Response(session.release()!.exchange, strike.status, strike.answers).send();
      if (strike.ends) this.end(session);
      else this.startClock(session);
    }
  }

  /** Sets whether replayed events come with the answer to the subscribe, before it. */
  deliverWithSubscribe(on = true): void {
    this.withSubscribe = on;
  }

  /** Returns the connected clients. */
  list(): StreamReading[] {
    return [...this.sessions.values()].map((session) => session.describe());
  }

  clearFaults(): void {
    this.faults.clear();
    this.withSubscribe = false;
    this.holdConnects(0);
  }

  /** Ends all sessions and all faults. */
  clear(): void {
    this.clearFaults();
    this.drop();
  }

  /** Ends everything, without any answers. */
  close(): void {
    this.stopFollowing();
    clearImmediate(this.flushing);
    clearTimeout(this.silence?.timer);
    for (const session of this.sessions.values()) {
      session.release();
      session.stopWaiting();
    }
    this.sessions.clear();
  }

  /** Queues a new event for all clients that want it. */
  private deliver(event: BusEvent): void {
    for (const session of this.sessions.values()) {
      for (const { name, wants } of session.subscriptions.values()) if (wants(event)) this.queue(session, event, name);
    }
    this.flushSoon();
  }

  private queue(session: CometdSession, event: BusEvent, channel: string): void {
    const json = renderEvent(this.org, event, channel, session.format);
    if (!session.push({ json, limit: limitOf(event) })) this.end(session, new Refusal(ERRORS.unknownClient));
  }

  /** At the end of this turn, answers the held connects that have events. So all events of the turn are in one answer. */
  private flushSoon(): void {
    this.flushing ??= setImmediate(() => {
      this.flushing = undefined;
      if (this.silence) return;
      for (const session of this.sessions.values()) if (session.queued > 0) this.answerHeld(session);
    });
  }

  private answerHeld(session: CometdSession): void {
    const held = session.release();
    if (!held) return;
    const response = new Response(held.exchange);
    try {
      response.events.push(...this.take(session));
      response.answers.push(accepted(held.message, session.clientId));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      response.answers.push(refused(held.message, error));
    }
    this.startClock(session);
    response.send();
  }

  private isUsedUp(limit: LimitName): boolean {
    const { used, max } = this.org.limits.usage(limit);
    return used >= max;
  }

  /** Ends the streams of a token that is no longer valid. */
  private endLogin(login: Session): void {
    for (const session of this.sessions.values()) if (session.login === login) this.end(session, new Refusal(ERRORS.unauthorized));
  }
}

/** Returns the limit against which an event counts when it is delivered. */
function limitOf({ kind }: BusEvent): LimitName {
  return kind === "platform" || kind === "change" ? "DailyDeliveredPlatformEvents" : "DailyDurableStreamingApiEvents";
}
