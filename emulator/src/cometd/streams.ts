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

/** The sessions of streaming clients: who is connected, what waits for whom, and when somebody is given up. */
export class Streams {
  readonly faults = new StreamFaults();
  private readonly sessions = new Map<string, CometdSession>();
  private readonly stopFollowing: () => void;
  private flushing: NodeJS.Immediate | undefined;
  /** No connect is answered while this is set. */
  private silence: { timer: NodeJS.Timeout | undefined } | undefined;
  private withSubscribe = false;

  constructor(private readonly org: Org) {
    this.stopFollowing = org.events.follow((event) => this.deliver(event));
    org.sessions.onEnd((login) => this.endLogin(login));
  }

  /** Opens a session. @throws Refusal when there are too many */
  open(login: Session, browser: string, format: PayloadFormat): CometdSession {
    if (!this.org.limits.use("StreamingApiConcurrentClients")) throw new Refusal(ERRORS.concurrentClients);
    const session = new CometdSession(this.org.sessions.join(login), browser, format);
    this.sessions.set(session.clientId, session);
    return session;
  }

  /** The session of a client. @param clientId as it stands in a message */
  find(clientId: unknown): CometdSession | undefined {
    return this.sessions.get(clientId as string);
  }

  /** The client goes on with another token. */
  renew(session: CometdSession, login: Session): void {
    if (login === session.login) return;
    this.org.sessions.leave(session.login);
    session.login = this.org.sessions.join(login);
  }

  /** Whether a connect has something to wait for. */
  mustWait(session: CometdSession): boolean {
    return this.silence !== undefined || session.queued === 0;
  }

  /** Answers a connect as soon as an event comes, or its time is up. */
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

  /** Adds a subscription. @returns events that go with the answer. @throws Refusal when the day's events are used up */
  add(session: CometdSession, { subscription, replayed }: Subscribed): string[] {
    if (replayed[0] && this.isUsedUp(limitOf(replayed[0]))) throw new Refusal(ERRORS.dailyLimit);
    session.subscriptions.set(subscription.name, subscription);
    for (const event of replayed) this.queue(session, event, subscription.name);
    if (this.withSubscribe) return this.take(session);
    this.flushSoon();
    return [];
  }

  /** Events for the client, within the day's limit. @throws Refusal when there are some, and none may go out any more */
  take(session: CometdSession): string[] {
    const taken = session.take((limit) => this.org.limits.use(limit));
    if (taken.length === 0 && session.queued > 0) throw new Refusal(ERRORS.dailyLimit);
    return taken;
  }

  /** The client was answered: it has to come back in time. */
  startClock(session: CometdSession): void {
    if (this.sessions.get(session.clientId) !== session) return;
    if (session.held) session.stopWaiting();
    else session.awaitReturn(this.org.settings.cometd.maxInterval, () => this.end(session));
  }

  /** Ends a session. @param refusal what a held connect is told; default: not to come back */
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

  /** Ends the streams of all clients, or of one; gives how many. A connect that is held is told, or its connection is cut. */
  drop({ cut = false, clientId }: { cut?: boolean; clientId?: string } = {}): number {
    const dropped = [...this.sessions.values()].filter((session) => clientId === undefined || session.clientId === clientId);
    for (const session of dropped) {
      if (cut) session.release()?.exchange.cut();
      this.end(session, new Refusal(ERRORS.unknownClient));
    }
    return dropped.length;
  }

  /** Answers no connect any more, for a time or until this is called with 0: the connection stands, and nothing comes. */
  holdConnects(ms = Infinity): void {
    const wasSilent = this.silence !== undefined;
    clearTimeout(this.silence?.timer);
    this.silence = undefined;
    if (ms > 0) this.silence = { timer: ms === Infinity ? undefined : setTimeout(() => this.holdConnects(0), ms) };
    else if (wasSilent) for (const session of this.sessions.values()) this.answerHeld(session);
  }

  /** Refuses the next messages; a connect that is being held is one of them. */
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

  /** Whether events that are replayed come with the answer to the subscribe itself, ahead of it. */
  deliverWithSubscribe(on = true): void {
    this.withSubscribe = on;
  }

  /** Who is connected. */
  list(): StreamReading[] {
    return [...this.sessions.values()].map((session) => session.describe());
  }

  clearFaults(): void {
    this.faults.clear();
    this.withSubscribe = false;
    this.holdConnects(0);
  }

  /** Ends all sessions, and all faults. */
  clear(): void {
    this.clearFaults();
    this.drop();
  }

  /** Ends all, without an answer to anyone. */
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

  /** A new event. */
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

  /** Gives what has come in this turn to those who wait for it, in one answer. */
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

  /** A token is no good any more: its streams end. */
  private endLogin(login: Session): void {
    for (const session of this.sessions.values()) if (session.login === login) this.end(session, new Refusal(ERRORS.unauthorized));
  }
}

/** The limit an event counts against when it is delivered. */
function limitOf({ kind }: BusEvent): LimitName {
  return kind === "platform" || kind === "change" ? "DailyDeliveredPlatformEvents" : "DailyDurableStreamingApiEvents";
}
