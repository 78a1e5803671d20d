import { randomBytes } from "node:crypto";
import type { BusEvent } from "../events/bus-event";
import type { Request } from "../http";
import type { LimitName } from "../limits";
import { bearerToken } from "../oauth/oauth";
import type { Session } from "../oauth/sessions";
import type { Org } from "../org";
import { accepted, ERRORS, LONG_POLLING, members, META, refused, Refusal, welcomed, type Message } from "./bayeux";
import { CometdSession, type StreamReading } from "./cometd-session";
import type { Exchange } from "./exchange";
import { renderEvent } from "./rendering";
import { Response } from "./response";
import { StreamFaults, type StreamFault } from "./stream-faults";
import { channelName, subscribe } from "./subscribe";
import { checkPath, readCookie, readMessages, setCookie } from "./transport";

/** One call on its way: its messages are answered one by one. */
interface Call {
  request: Request;
  exchange: Exchange;
  response: Response;
  /** Whether its message is the only one. */
  single: boolean;
}

/** The org's CometD server: Bayeux over long-polling, with the replay extension. */
export class Cometd {
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

  /** Answers a call, now or later. */
  handle(request: Request, exchange: Exchange): void {
    const messages = readMessages(request);
    if ("status" in messages) return exchange.answer(messages);
    const response = new Response(exchange);
    const call: Call = { request, exchange, response, single: messages.length === 1 };
    const touched = new Set<CometdSession>();
    let isHeld = false;
    for (const message of messages) {
      try {
        checkPath(request.path);
        const session = this.perform(message, call);
        if (session) touched.add(session);
        isHeld ||= session?.held?.exchange === exchange;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        response.answers.push(refused(message, error));
        if (error.status) response.status = error.status;
      }
    }
    for (const session of touched) this.startClock(session);
    if (!isHeld) response.send();
  }

  /** Ends the streams of all clients, who are told so by the next answer, or by none at all when their connection is cut. Gives how many. */
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
    clearTimeout(this.silence?.timer);
    this.silence = undefined;
    if (ms > 0) this.silence = { timer: ms === Infinity ? undefined : setTimeout(() => this.holdConnects(0), ms) };
    else for (const session of this.sessions.values()) this.answerHeld(session);
  }

  /** Refuses the next messages; a connect that is being held is one of them. */
  fault(fault: StreamFault): void {
    this.faults.add(fault);
    for (const session of this.sessions.values()) {
      const strike = session.held && this.faults.strike(session.held.message);
      if (!strike) continue;
      const { exchange } = session.release()!;
      new Response(exchange, strike.status, strike.answers).send();
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

  /** Ends all sessions. */
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

  /** Does what a message says. @returns the client's session. @throws Refusal */
  private perform(message: Message, call: Call): CometdSession | undefined {
    const { response } = call;
    const login = this.authenticate(call.request);
    const strike = this.faults.strike(message);
    if (strike) {
      response.answers.push(...strike.answers);
      response.status = strike.status;
      const struck = this.sessions.get(String(message["clientId"]));
      if (struck && strike.ends) this.end(struck);
      return struck;
    }
    if (message["channel"] === META.handshake) return this.handshake(message, call, login);
    const session = this.find(message, call.request, login);
    switch (message["channel"]) {
      case META.connect:
        this.connect(session, message, call);
        return session;
      case META.subscribe:
        this.subscribe(session, message, response);
        return session;
      case META.unsubscribe:
        session.subscriptions.delete(channelName(message));
        response.answers.push(accepted(message, session.clientId));
        return session;
      case META.disconnect:
        response.answers.push(accepted(message, session.clientId));
        this.end(session);
        return undefined;
      default:
        throw noService(message["channel"]);
    }
  }

  private authenticate(request: Request): Session {
    const token = bearerToken(request.headers);
    const login = token === undefined ? undefined : this.org.sessions.find(token);
    if (!login) throw new Refusal(token === undefined ? ERRORS.unauthenticated : ERRORS.unauthorized);
    return login;
  }

  private find(message: Message, request: Request, login: Session): CometdSession {
    const { clientId } = message;
    if (typeof clientId !== "string") throw new Refusal(ERRORS.noHandshake);
    const session = this.sessions.get(clientId);
    if (!session) throw new Refusal(ERRORS.unknownClient);
    const browser = readCookie(request);
    if (browser === undefined) throw new Refusal(`400::Client ${clientId} has established a session, but no BAYEUX_BROWSER cookie present`);
    if (browser !== session.browser) throw new Refusal(ERRORS.unknownClient);
    if (login.userId !== session.login.userId) throw new Refusal("400::Authenticated user id does not match the session's user id");
    if (login !== session.login) {
      this.org.sessions.leave(session.login);
      session.login = this.org.sessions.join(login);
    }
    return session;
  }

  private handshake(message: Message, { request, response }: Call, login: Session): CometdSession {
    const types = message["supportedConnectionTypes"];
    if (!Array.isArray(types) || !types.includes(LONG_POLLING)) throw invalidType(Array.isArray(types) ? types[0] : types);
    const format = members(message["ext"])["payload.format"] === "COMPACT" ? "COMPACT" : "EXPANDED";
    if (!this.org.limits.use("StreamingApiConcurrentClients")) throw new Refusal(ERRORS.concurrentClients);
    const known = readCookie(request);
    const browser = known ?? randomBytes(16).toString("hex");
    if (known === undefined) response.headers = setCookie(browser);
    const session = new CometdSession(this.org.sessions.join(login), browser, format);
    this.sessions.set(session.clientId, session);
    response.answers.push(welcomed(message, session.clientId));
    return session;
  }

  private connect(session: CometdSession, message: Message, { exchange, response, single }: Call): void {
    if (message["connectionType"] !== LONG_POLLING) throw invalidType(message["connectionType"]);
    // As CometD ends a connect that another one has overtaken.
    session.release()?.exchange.answer({ status: 408, text: "Request Timeout" });
    const { timeout, maxInterval } = this.org.settings.cometd;
    const isFirst = !session.connected;
    session.connected = true;
    const mayHold = single && !isFirst && members(message["advice"])["timeout"] !== 0;
    if (mayHold && (this.silence || session.queued === 0)) {
      const timer = setTimeout(() => this.silence || this.answerHeld(session), timeout);
      session.hold({ message, exchange, timer });
      exchange.onGone(() => {
        if (session.held?.exchange !== exchange) return;
        session.release();
        session.awaitReturn(maxInterval, () => this.end(session));
      });
      return;
    }
    response.events.push(...this.take(session));
    const advice = { advice: { interval: 0, timeout, reconnect: "retry" } };
    response.answers.push(accepted(message, session.clientId, isFirst ? advice : {}));
  }

  private subscribe(session: CometdSession, message: Message, response: Response): void {
    const { subscription, replayed } = subscribe(this.org, message);
    if (replayed.length > 0 && this.isUsedUp(limitOf(replayed[0]!))) throw new Refusal(ERRORS.dailyLimit);
    session.subscriptions.set(subscription.name, subscription);
    for (const event of replayed) this.queue(session, event, subscription.name);
    if (this.withSubscribe) response.events.push(...this.take(session));
    else if (replayed.length > 0) this.flushSoon();
    response.answers.push(accepted(message, session.clientId));
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
    if (!session.push({ json, limit: limitOf(event) })) this.end(session);
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
      response.answers.push(refused(held.message, error as Refusal));
    }
    this.startClock(session);
    response.send();
  }

  /** Events for the client, within the day's limit. @throws Refusal when there are some, and none may go out any more */
  private take(session: CometdSession): string[] {
    const taken = session.take((limit) => this.org.limits.use(limit));
    if (taken.length === 0 && session.queued > 0) throw new Refusal(ERRORS.dailyLimit);
    return taken;
  }

  private isUsedUp(limit: LimitName): boolean {
    const { used, max } = this.org.limits.usage(limit);
    return used >= max;
  }

  /** The client was answered: it has to come back in time. */
  private startClock(session: CometdSession): void {
    if (!this.sessions.has(session.clientId)) return;
    if (session.held) session.stopWaiting();
    else session.awaitReturn(this.org.settings.cometd.maxInterval, () => this.end(session));
  }

  /** Ends a session. @param refusal what a held connect is told; default: not to come back */
  private end(session: CometdSession, refusal?: Refusal): void {
    this.sessions.delete(session.clientId);
    session.stopWaiting();
    this.org.sessions.leave(session.login);
    this.org.limits.free("StreamingApiConcurrentClients");
    const held = session.release();
    if (!held) return;
    const goodbye = accepted(held.message, session.clientId, { advice: { reconnect: "none", interval: 0 } });
    new Response(held.exchange, 200, [refusal ? refused(held.message, refusal) : goodbye]).send();
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

function invalidType(type: unknown): Refusal {
  return new Refusal(`400::Invalid connection type {${typeof type === "object" ? JSON.stringify(type) : String(type)}}`);
}

/** Clients cannot publish: events are published over REST. */
function noService(channel: unknown): Refusal {
  if (typeof channel !== "string") return new Refusal(ERRORS.noChannel);
  return new Refusal(channel.startsWith("/meta/") ? "404::Unknown channel" : "403:denied_by_security_policy:publish_denied");
}
